"""The doctor of runs on preferences: each rule on a run that was made to fail that way, and silence on ten that learn.

Runs of pairs are mostly trained for real on the tiny model; those of policy optimisation are curves, since which answers are drawn is chance.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file, save_file

from core.errors import MethodError
from core.records import Message
from models.loading import ModelSpec, load_codec
from training.preference.__main__ import run
from training.preference.doctor import CHANCE, PairFacts, doctor_of
from training.preference.events import Epoch, Finding, Step
from training.preference.job import DpoJob, PairRow
from training.preference.settings import DpoSettings, GrpoSettings, RewardSettings

PLACES = ["quay", "dock", "gate", "hall", "yard", "shed", "pier", "barn"]
FACTS = PairFacts(8, 0, 40)


@pytest.fixture(scope="module")
def base(tiny_model: Path) -> ModelSpec:
    return ModelSpec(id=str(tiny_model), dtype="float32", threads=1)


@pytest.fixture(scope="module")
def pairs(base: ModelSpec, tmp_path_factory: pytest.TempPathFactory) -> tuple[PairRow, ...]:
    codec = load_codec(base, tmp_path_factory.mktemp("home"))
    return tuple(
        PairRow(
            id=place,
            prompt_ids=codec.prompt_ids([Message("user", f"the {place}?")]),
            chosen_ids=codec.completion_ids("yes"),
            rejected_ids=codec.completion_ids("no"),
        )
        for place in PLACES
    )


@pytest.fixture
def trained(base: ModelSpec, pairs: tuple[PairRow, ...], tmp_path: Path) -> Callable[..., list[Finding]]:
    """Train DPO with these settings; what the doctor said."""

    def go(
        train: Sequence[PairRow] = pairs[:6], held_out: Sequence[PairRow] = (), model: ModelSpec = base, **settings: Any
    ) -> list[Finding]:
        values: dict[str, Any] = {"epochs": 2, "learning_rate": 0.005, "batch_size": 3, "rank": 2, **settings}
        job = DpoJob(
            base=model,
            models_home=tmp_path,
            settings=DpoSettings(**values),
            train=tuple(train),
            held_out=tuple(held_out),
            out=tmp_path / "out",
        )
        told: list[Any] = []
        run(job, told.append)
        return [event for event in told if isinstance(event, Finding)]

    return go


def swapped(rows: Sequence[PairRow]) -> tuple[PairRow, ...]:
    return tuple(row.model_copy(update={"chosen_ids": row.rejected_ids, "rejected_ids": row.chosen_ids}) for row in rows)


def rules(findings: Sequence[Finding]) -> list[str]:
    return [finding.rule for finding in findings]


@pytest.mark.parametrize("settings", [{"seed": 1}, {"seed": 2, "epochs": 3, "batch_size": 2}, {"seed": 3, "dropout": 0.1, "beta": 0.3}])
def test_no_rule_speaks_on_a_run_that_learns(
    trained: Callable[..., list[Finding]], pairs: tuple[PairRow, ...], settings: dict[str, Any]
) -> None:
    assert trained(held_out=pairs[6:], **settings) == []


def test_a_loss_that_stays_at_chance_is_said_with_the_rate_to_raise(trained: Callable[..., list[Finding]]) -> None:
    found = trained(learning_rate=1e-9)
    assert rules(found) == ["rate", "flat"]
    assert "far below what dpo usually takes (about 0.0002)" in found[0].text
    assert (
        "stays at 0.693 nats per pair, and a coin would cost 0.693" in found[1].text
        and "Raise learning_rate (it is 1e-09" in found[1].remedy
    )


def test_validation_that_rises_while_training_falls_is_said_with_the_epoch_that_is_kept(
    trained: Callable[..., list[Finding]], pairs: tuple[PairRow, ...]
) -> None:
    """Held-out pairs that contradict the training pairs: what is learnt makes them worse."""
    found = trained(held_out=swapped(pairs[6:]), epochs=4)
    assert rules(found) == ["overfitting"]
    assert "learnt by heart. The weights of epoch 1 are kept" in found[0].text and found[0].remedy.startswith("Set epochs: 1, lower")


def test_a_base_that_gives_no_numbers_ends_the_run_at_once(trained: Callable[..., list[Finding]], tiny_model: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(tiny_model, broken)
    tensors = load_file(broken / "model.safetensors")
    tensors["model.norm.weight"][0] = float("nan")
    save_file(tensors, broken / "model.safetensors", {"format": "pt"})
    with pytest.raises(MethodError, match=r"no longer a number at step 1\. The untrained model gives no numbers"):
        trained(model=ModelSpec(id=str(broken), dtype="float32", threads=1))


def test_most_pairs_too_long_is_said_with_the_length_that_would_fit(
    trained: Callable[..., list[Finding]], pairs: tuple[PairRow, ...]
) -> None:
    length = max(row.length for row in pairs)
    long = [row.model_copy(update={"id": f"long-{row.id}", "rejected_ids": row.rejected_ids * 20}) for row in pairs[:4]]
    found = trained(train=[*pairs[:3], *long], max_tokens=length, epochs=1)
    assert rules(found) == ["left_out"]
    assert "left out: 4 of 7" in found[0].text and f"Raise max_tokens to {max(row.length for row in long)}" in found[0].remedy


def steps(losses: Sequence[float], per_epoch: int = 100) -> list[Step]:
    return [Step(n, len(losses), (n - 1) // per_epoch + 1, loss, 1e-4, 1.0, 0.5) for n, loss in enumerate(losses, 1)]


def told(settings: Any, events: Sequence[Step | Epoch], task: str = "dpo") -> list[Finding]:
    doctor = doctor_of(task, settings, FACTS)
    return [*doctor.begin(), *(finding for event in events for finding in doctor.watch(event))]


def test_a_loss_that_rises_over_chance_is_said_with_a_lower_rate() -> None:
    (found,) = told(DpoSettings(), steps([CHANCE] * 5 + [1.2 + n / 10 for n in range(10)]))
    assert found.rule == "diverging" and "nats per pair" in found.text and "try 2e-05" in found.remedy


def test_a_loss_that_is_lost_later_is_put_down_to_the_learning_rate() -> None:
    (found,) = told(RewardSettings(), steps([0.7, math.nan]), "reward")
    assert found.fatal and "Lower learning_rate (it is 0.0005)" in found.remedy


def drawn(rewards: Sequence[float], kl: Sequence[float], alike: Sequence[float] | float = 0.0) -> list[Step]:
    shares = [alike] * len(rewards) if isinstance(alike, float) else alike
    rows = enumerate(zip(rewards, kl, shares, strict=True), 1)
    return [Step(n, len(rewards), 1, 0.0, 1e-4, 1.0, reward=r, kl=k, answer_tokens=4.0, equal_rewards=a) for n, (r, k, a) in rows]


def test_groups_whose_answers_are_all_rewarded_alike_are_said_with_what_makes_them_differ() -> None:
    (found,) = told(GrpoSettings(temperature=0.2), drawn([1.0] * 6, [0.0] * 6, 1.0), "grpo")
    assert found.rule == "no_signal" and found.step == 3
    assert "Raise temperature (it is 0.2) or answers (it is 4)" in found.remedy


def test_a_reward_that_rises_while_the_distance_explodes_is_said_with_the_kl_to_raise() -> None:
    (found,) = told(GrpoSettings(), drawn([0.1, 0.2, 0.3, 1.0, 2.0, 3.0], [0.01, 0.02, 0.1, 3.0, 5.0, 9.0]), "grpo")
    assert found.rule == "runaway" and "while the reward rises (0.20 to 2.00): answers may please the reward model" in found.text
    assert "Raise kl (it is 0.04)" in found.remedy
    (lost,) = told(GrpoSettings(), drawn([1.0] * 3 + [0.5] * 3, [0.01] * 3 + [4.0] * 3), "grpo")
    assert "and the reward does not rise (1.00 to 0.50)" in lost.text


HEALTHY = [
    (DpoSettings(), steps([0.693, 0.69, 0.65, 0.6, 0.5, 0.55, 0.4, 0.45, 0.3]), "dpo"),
    (DpoSettings(), steps([0.693 - n / 100 for n in range(40)]), "dpo"),
    (DpoSettings(), [*steps([0.693, 0.68], 2), Epoch(1, 0.687, 0.68, 0.6, 0.01)], "dpo"),
    (RewardSettings(), steps([1.4, 0.9, 0.7, 0.8, 0.5, 0.4, 0.6, 0.2]), "reward"),
    (GrpoSettings(), drawn([0.1 * n for n in range(12)], [0.02 * n for n in range(12)], 0.25), "grpo"),
    (GrpoSettings(), drawn([0.5, 0.4, 0.6] * 4, [0.0] * 12, [1.0, 1.0, 0.5] * 4), "grpo"),
    (GrpoSettings(), drawn([1.0, 2.0], [0.1, 0.2]), "grpo"),
]


@pytest.mark.parametrize("settings, events, task", HEALTHY)
def test_no_rule_speaks_on_curves_of_runs_that_learn(settings: Any, events: Sequence[Step | Epoch], task: str) -> None:
    assert told(settings, events, task) == []


def test_a_resumed_run_does_not_say_again_what_was_said() -> None:
    doctor = doctor_of("dpo", DpoSettings(learning_rate=1e-9), FACTS)
    assert rules(doctor.begin()) == ["rate"] and doctor.begin() == []
