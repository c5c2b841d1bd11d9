"""Gradient checkpointing: the same losses with less kept, and turned on by itself where a batch would not fit."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from transformers import LlamaConfig

from core.errors import MethodError
from models.loading import ModelSpec
from training import recompute
from training.job import TrainingJob, TrainingRow
from training.loop import Epoch, Step, _Run, train
from training.peft_configs import LoraSettings, kinds

ROWS = tuple(TrainingRow(id=f"{n}", prompt_ids=(0, *range(10, 20 + n)), completion_ids=(40 + n, 30, 1)) for n in range(6))


@pytest.fixture
def job(tiny_model, tmp_path):
    def made(kind: str = "lora", **settings: Any) -> TrainingJob:
        spec = ModelSpec(id=str(tiny_model), dtype="float32", threads=1)
        chosen = kinds.get(kind).Settings(**{"epochs": 2, "batch_size": 3, "learning_rate": 0.02, **settings})
        out = tmp_path / f"{kind}-{settings.get('gradient_checkpointing', 'auto')}"
        return TrainingJob(base=spec, models_home=tmp_path, kind=kind, settings=chosen, train=ROWS, validation=ROWS[:2], out=out)

    return made


@pytest.mark.parametrize("kind", ["lora", "full"])
def test_losses_are_equal_with_and_without(job, kind):
    """Computing activations twice changes no figure of any step, nor of validation."""
    runs = [list(train(job(kind, gradient_checkpointing=choice))) for choice in ("off", "on")]
    losses, norms, validations = zip(*(figures(run) for run in runs), strict=True)
    assert [len(found) for found in (losses[0], norms[0], validations[0])] == [4, 4, 2], "2 epochs of 2 steps"
    for off, on in (losses, norms, validations):
        assert off == pytest.approx(on, rel=1e-5)


def figures(run: list[Any]) -> tuple[list[float], list[float], list[float]]:
    """Loss and gradient norm of each step, and validation loss of each epoch."""
    steps, epochs = ([event for event in run if isinstance(event, kind)] for kind in (Step, Epoch))
    return [step.loss for step in steps], [step.grad_norm for step in steps], [epoch.validation_loss for epoch in epochs]


def test_layers_are_computed_twice_where_it_is_on(job, monkeypatch):
    from transformers.models.llama.modeling_llama import LlamaMLP

    calls: list[int] = []
    original = LlamaMLP.forward
    monkeypatch.setattr(LlamaMLP, "forward", lambda self, x: calls.append(1) or original(self, x))
    counted = {}
    for choice in ("off", "on"):
        calls.clear()
        run = _Run(job(gradient_checkpointing=choice), ROWS, (), [])
        run.model.train()
        run.step(ROWS[:3])
        counted[choice] = len(calls)
        assert run.history.gradient_checkpointing == (choice == "on")
    assert counted["on"] == 2 * counted["off"] == 4


def test_it_turns_itself_on_only_where_the_activations_would_not_fit(job, monkeypatch):
    assert not _Run(job(), ROWS, (), []).history.gradient_checkpointing
    monkeypatch.setattr(recompute, "free_bytes", lambda device: 100_000)
    assert _Run(job(), ROWS, (), []).history.gradient_checkpointing
    assert not _Run(job(gradient_checkpointing="off"), ROWS, (), []).history.gradient_checkpointing


def test_virtual_tokens_refuse_it_where_it_is_asked_for(job, monkeypatch):
    with pytest.raises(MethodError, match="gradient_checkpointing must be off or auto for virtual tokens"):
        list(train(job("prompt_tuning", gradient_checkpointing="on")))
    monkeypatch.setattr(recompute, "free_bytes", lambda device: 1)
    assert not _Run(job("prompt_tuning"), ROWS, (), []).history.gradient_checkpointing


def test_activations_are_counted_by_the_longest_rows():
    """By hand: 1 layer of 8 and 16, 2 rows of 10 tokens, answers of 2, 4 bytes a value, a vocabulary of 100."""
    config = LlamaConfig(hidden_size=8, intermediate_size=16, num_hidden_layers=1, vocab_size=100, num_attention_heads=2)
    rows = [TrainingRow(id=f"{n}", prompt_ids=(1,) * 8, completion_ids=(1, 1)) for n in range(2)]
    assert recompute.activation_bytes(config, rows, 4) == 2 * 10 * (10 * 8 + 4 * 16) * 4 + 2 * 2 * 100 * 12


def test_what_is_free_is_read_where_the_system_says_it(tmp_path, monkeypatch):
    info = tmp_path / "meminfo"
    info.write_text("MemTotal: 9 kB\nMemAvailable:    2048 kB\n")
    monkeypatch.setattr(recompute, "MEMINFO", info)
    assert recompute.free_bytes("cpu") == 2048 * 1024
    monkeypatch.setattr(recompute, "MEMINFO", tmp_path / "none")
    assert recompute.free_bytes("cpu") is None
    base: Any = SimpleNamespace(config=None, device=SimpleNamespace(type="cpu"), dtype=None)
    assert not recompute.needed(base, ROWS, 2), "nobody says what is free, so nothing is slowed down"


def test_the_setting_is_one_of_three():
    with pytest.raises(ValueError, match="auto"):
        LoraSettings(gradient_checkpointing="maybe")
