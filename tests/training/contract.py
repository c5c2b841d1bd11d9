"""What training must do, whatever is trained: the checks that the tests of every family of kinds share.

A family is a trainer: a function from a job to its events, which are named `Step` and `Epoch` whatever their class. Its tests say how a small job
is made; what must hold of it stands here, once. Each check fails where it finds a fault, with what it found; it is true where there is none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from yaml import safe_dump, safe_load

from training import checkpoints

Train = Callable[[Any], Iterator[Any]]


def named(events: Sequence[Any] | Iterator[Any], name: str) -> list[Any]:
    """The events of this name, in order."""
    return [event for event in events if type(event).__name__ == name]


def survives_json_and_yaml(job: Any) -> bool:
    """A spec is one file, so that any machine can run it."""
    kind = type(job)
    assert kind.model_validate_json(job.model_dump_json()) == job
    assert kind.model_validate(safe_load(safe_dump(job.model_dump(mode="json")))) == job
    return True


def loss_falls(events: Sequence[Any], to: float = 0.97) -> bool:
    """From the first epoch to the last, and every step had a part in it."""
    epochs, steps = named(events, "Epoch"), named(events, "Step")
    assert epochs[-1].train_loss < to * epochs[0].train_loss
    assert all(step.grad_norm > 0 for step in steps)
    return True


def weights(out: Path) -> dict[str, torch.Tensor]:
    """All tensors at the top of the folder, by file and name."""
    return {f"{path.name}/{name}": value for path in sorted(out.glob("*.safetensors")) for name, value in load_file(path).items()}


def equal(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return bool(one) and one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def left_off(train: Train, job: Any, after: int) -> Iterator[Any]:
    """Train until this many steps are done, then close the trainer, as Stop does."""
    steps, events = 0, train(job)
    for event in events:
        yield event
        steps += type(event).__name__ == "Step"
        if steps == after:
            break
    events.close()  # type: ignore[attr-defined]


def stops_and_resumes_to_the_same_weights(train: Train, job: Any, whole: Path, after: int) -> bool:
    """F3, contract 5: stopped in the second epoch, it keeps the first one's checkpoint; only the interrupted epoch is done again.

    Args:
        whole: the folder of an uninterrupted run of the same job.
        after: steps to take before Stop, more than an epoch has and fewer than two have.
    """
    list(left_off(train, job, after))
    kept = checkpoints.latest(job.out)
    assert kept is not None and kept.epoch == 1 and not (job.out / checkpoints.HISTORY).exists()
    again = [event.epoch for event in named(train(job), "Epoch")]
    assert again == list(range(2, job.settings.epochs + 1))
    assert equal(weights(job.out), weights(whole))
    assert list(train(job)) == [], "a finished job does nothing"
    return True


def sets_a_checkpoint_that_was_cut_in_half_aside(train: Train, job: Any, whole: Path, after: int) -> list[Any]:
    """F3: the newest one is truncated; it is kept under another name, and training goes on from the one before, or anew. What was told.

    Args:
        after: steps to take before Stop, more than two epochs have and fewer than three have.
    """
    list(left_off(train, job, after))
    newest = checkpoints.latest(job.out)
    assert newest is not None and newest.epoch == 2
    largest = max(newest.folder.glob("*.safetensors"), key=lambda path: path.stat().st_size)
    largest.write_bytes(largest.read_bytes()[: largest.stat().st_size // 2])
    told: list[Any] = []
    for event in train(job):
        if not named(told, "Step") and type(event).__name__ == "Step":
            assert [path.name for path in newest.folder.parent.glob("broken-*")] == ["broken-epoch-002-0"]
        told.append(event)
    assert named(told, "Epoch")[0].epoch <= 2
    assert equal(weights(job.out), weights(whole))
    return told
