"""One job in several processes: shares of rows, and two real gloo processes against one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from core.records import Message
from models.loading import ModelSpec, load_codec
from training.batches import pieces
from training.job import TrainingJob, TrainingRow
from training.peft_configs import LoraSettings
from training.processes import share, summed

ROOT = Path(__file__).resolve().parents[2]
ROWS = [TrainingRow(id=f"{n}", prompt_ids=(5,) * (n + 1), completion_ids=(7, 1)) for n in range(7)]


def cut(rows: Sequence[TrainingRow]) -> Sequence[Sequence[TrainingRow]]:
    return pieces(rows, 2)


@pytest.mark.parametrize("processes", [1, 2, 3, 7, 10])
@pytest.mark.parametrize("count", [1, 2, 6, 7])
def test_every_row_counts_once_and_all_processes_compute_as_many_batches(processes: int, count: int) -> None:
    """A wrapped model waits for the others: a process that runs out of rows computes one more, which counts as nothing."""
    parts = [share(ROWS[:count], cut, index, processes) for index in range(processes)]
    counted = [row.id for mine in parts for part in mine if part.counts for row in part.rows]
    assert sorted(counted) == [row.id for row in ROWS[:count]]
    assert len({len(mine) for mine in parts}) == 1 and all(part.rows for mine in parts for part in mine)
    assert all([part.last for part in mine] == [False] * (len(mine) - 1) + [True] for mine in parts)


def test_one_process_computes_what_it_always_did() -> None:
    assert [part.rows for part in share(ROWS, cut)] == pieces(ROWS, 2)


def test_neighbours_in_length_are_dealt_to_different_processes() -> None:
    lengths = [sum(row.length for part in share(ROWS[:6], cut, index, 2) for row in part.rows) for index in (0, 1)]
    assert abs(lengths[0] - lengths[1]) <= 3


def test_a_single_process_sums_nothing() -> None:
    from types import SimpleNamespace

    alone: Any = SimpleNamespace(num_processes=1)
    assert summed(alone, 1.5, 2.0) == (1.5, 2.0)


@pytest.fixture(scope="module")
def job(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> TrainingJob:
    """Steps of 3 rows of other lengths in micro-batches of 1, so that two processes have unlike shares; dropout off, as equality needs."""
    home = tmp_path_factory.mktemp("home")
    spec = ModelSpec(id=str(tiny_model), dtype="float32", threads=1)
    codec = load_codec(spec, home)
    said = [("red", "go left"), ("blue", "turn right at the crossing"), ("green", "stop"), ("grey", "wait"), ("pink", "sing loudly")]
    rows = tuple(
        TrainingRow(
            id=f"{n}", prompt_ids=codec.prompt_ids([Message("user", f"{'very ' * n}{a} light")]), completion_ids=codec.completion_ids(b)
        )
        for n, (a, b) in enumerate(said)
    )
    settings = LoraSettings(epochs=2, learning_rate=0.02, batch_size=3, micro_batch_size=1, seed=1)
    return TrainingJob(base=spec, models_home=home, settings=settings, train=rows, validation=rows[:3], out=home / "out")


TWO = ("-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2")


def events(job: TrainingJob, folder: Path, *launcher: str, **more: str) -> list[dict[str, Any]]:
    """What the command prints, run as a user would, with `more` in its environment."""
    path = folder / "job.json"
    path.write_text(job.model_copy(update={"out": folder / "out"}).model_dump_json())
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", **more}
    command = [sys.executable, *launcher, "-m", "training", str(path)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_two_processes_give_the_loss_curve_of_one(job: TrainingJob, tmp_path: Path) -> None:
    """E28: `torchrun` with gloo and the same job file; losses, gradient norms, validation and weights within 1e-4."""
    import torch
    from safetensors.torch import load_file

    (tmp_path / "one").mkdir(), (tmp_path / "two").mkdir()
    alone = events(job, tmp_path / "one")
    both = events(job, tmp_path / "two", *TWO)
    assert [e["event"] for e in both] == [e["event"] for e in alone], "the main process alone speaks"
    steps = [e for e in alone if e["event"] == "Step"]
    assert len(steps) == 4
    for one, two in zip(alone, both, strict=True):
        for figure in ("loss", "token_accuracy", "tokens", "train_loss", "validation_loss", "validation_token_accuracy"):
            assert one.get(figure) == pytest.approx(two.get(figure), abs=1e-4), figure
        assert one.get("grad_norm", 0.0) == pytest.approx(two.get("grad_norm", 0.0), rel=1e-3)
    files = [sorted(p.name for p in (tmp_path / name / "out").iterdir()) for name in ("one", "two")]
    assert files[0] == files[1]
    first, second = (load_file(tmp_path / name / "out" / "adapter_model.safetensors") for name in ("one", "two"))
    assert all(torch.allclose(first[key], second[key], rtol=0, atol=1e-4) for key in first)
    history = json.loads((tmp_path / "two" / "out" / "training.json").read_text())
    assert len(history["curves"]) == 4, "figures of the whole step, written once"


def test_weights_cut_over_two_processes_go_on_from_one_processs_checkpoint(job: TrainingJob, tmp_path: Path) -> None:
    """FSDP on two gloo processes (torch's fully_shard; no GPU and no model that needs it is tested): losses and weights of one process,
    checkpoints that are whole, so that the number of processes may change in between.
    """
    import torch
    from safetensors.torch import load_file

    from training.loop import Epoch, train

    for name in ("one", "cut"):
        (tmp_path / name).mkdir()
    whole = [asdict(event) for event in train(job.model_copy(update={"out": tmp_path / "one" / "out"}))]
    for event in train(job.model_copy(update={"out": tmp_path / "cut" / "out"})):
        if isinstance(event, Epoch):
            break
    again = events(job, tmp_path / "cut", *TWO, ACCELERATE_USE_FSDP="true")
    assert [e["epoch"] for e in again] == [2, 2, 2]
    for one, two in zip(whole[3:], again, strict=True):
        for figure in ("loss", "grad_norm", "validation_loss"):
            assert one.get(figure) == pytest.approx(two.get(figure), abs=1e-4), figure
    first, second = (load_file(tmp_path / name / "out" / "adapter_model.safetensors") for name in ("one", "cut"))
    assert first.keys() == second.keys() and all(torch.allclose(first[key], second[key], rtol=0, atol=1e-4) for key in first)


def test_an_error_is_said_once_whatever_the_number_of_processes(job: TrainingJob, tmp_path: Path) -> None:
    small = job.model_copy(update={"settings": job.settings.model_copy(update={"max_tokens": 16}), "out": tmp_path / "out"})
    (tmp_path / "job.json").write_text(small.model_dump_json())
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "RANK": "1", "WORLD_SIZE": "2"}
    command = [sys.executable, "-m", "training", str(tmp_path / "job.json")]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (3, "")
