"""Settings that change no result by much reach what they set: a lost one would be noticed by nobody."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from models.loading import ModelSpec
from training.job import TrainingJob, TrainingRow
from training.loop import _Run
from training.peft_configs import LoraSettings

ROWS = tuple(TrainingRow(id=f"{n}", prompt_ids=(0, *range(10, 16 + n)), completion_ids=(40 + n, 30, 1)) for n in range(8))


@pytest.fixture
def begun(tiny_model: Path, tmp_path: Path) -> Any:
    def run(**settings: Any) -> _Run:
        spec = ModelSpec(id=str(tiny_model), dtype="float32", threads=1)
        chosen = LoraSettings(**{"epochs": 1, "batch_size": 4, "learning_rate": 0.02, "rank": 2, **settings})
        return _Run(TrainingJob(base=spec, models_home=tmp_path, settings=chosen, train=ROWS, out=tmp_path), ROWS, ROWS[:4], [])

    return run


def test_weight_decay_and_the_schedule_reach_the_optimiser(begun: Any) -> None:
    run = begun(weight_decay=0.07, schedule="cosine", warmup_share=0.5, epochs=3)
    (group,) = run.optimizer.param_groups
    assert group["weight_decay"] == 0.07
    rates = [step.learning_rate for epoch in (1, 2, 3) for step in run.one_epoch(epoch)]
    assert rates == pytest.approx([0.02 / 3, 0.04 / 3, 0.02, 0.02, 0.015, 0.005]) and group["lr"] == rates[-1]


def test_gradients_are_never_longer_than_max_grad_norm_when_a_step_is_taken(begun: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    run, lengths = begun(max_grad_norm=1e-3), list[float]()

    def taken() -> None:
        lengths.append(float(torch.cat([weight.grad.flatten() for weight in run.trainable if weight.grad is not None]).norm()))

    monkeypatch.setattr(run.optimizer, "step", taken)
    told = [step.grad_norm for step in run.one_epoch(1)]
    assert lengths == pytest.approx([1e-3, 1e-3], rel=1e-2) and min(told) > 1e-2, "what is told is the length before"


def test_nothing_is_dropped_while_validating(begun: Any) -> None:
    run = begun(dropout=0.9)
    list(run.one_epoch(1))
    first, again = run.validate(), run.validate()
    run.model.train()
    assert first == again == run.validate()
    plain = begun(dropout=0.0)
    plain.model.load_state_dict(run.model.state_dict())
    assert plain.validate() == pytest.approx(first, abs=1e-6)
