"""E20: in training the frozen base is held just as it will be held when it answers, and what is trained beside it is float32."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM

from models.loading import ModelSpec
from models.quantised import FUSED, weights_of
from models.whole_weights import load_whole
from training.job import TrainingJob, TrainingRow
from training.loop import _Run
from training.peft_configs import kinds

ROWS = tuple(TrainingRow(id=f"{n}", prompt_ids=(0, *range(10, 16 + n)), completion_ids=(40 + n, 1)) for n in range(4))


@pytest.fixture
def afresh() -> Iterator[None]:
    """accelerate keeps one number type for a whole process; a trainer's process has but one job."""
    from accelerate.state import AcceleratorState

    AcceleratorState._reset_state(reset_partial_state=True)
    yield
    AcceleratorState._reset_state(reset_partial_state=True)


def begun(tiny_model: Path, out: Path, kind: str = "lora", **base: Any) -> _Run:
    spec = ModelSpec(id=str(tiny_model), threads=1, **base)
    settings = kinds.get(kind).Settings(epochs=1, batch_size=2)
    return _Run(TrainingJob(base=spec, models_home=out, kind=kind, settings=settings, train=ROWS, out=out), ROWS, (), [])


@pytest.mark.parametrize("kind", ["lora", "prompt_tuning"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_the_frozen_base_has_the_number_type_that_answers_and_what_is_trained_is_float32(
    kind: str, dtype: str, tiny_model: Path, tmp_path: Path, afresh: None
) -> None:
    """E20."""
    weights = [*begun(tiny_model, tmp_path, kind, dtype=dtype).model.parameters()]
    assert {weight.dtype for weight in weights if not weight.requires_grad} == {getattr(torch, dtype)}
    assert {weight.dtype for weight in weights if weight.requires_grad} == {torch.float32}


def test_a_whole_trained_model_answers_in_the_number_type_of_the_base(tiny_model: Path) -> None:
    """E20: whatever it was saved in."""
    base = AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.bfloat16)
    assert {weight.dtype for weight in load_whole(tiny_model, base).parameters()} == {torch.bfloat16}


@pytest.mark.parametrize("held", ["int8", "nf4"])
def test_a_lora_on_a_quantised_base_is_trained_on_that_base(held: str, tiny_model: Path, tmp_path: Path) -> None:
    """E20: with `weights` on any kind that leaves the base as it is, not qlora's alone; 4-bit layers without the path that drops gradients."""
    pytest.importorskip("bitsandbytes")
    base = begun(tiny_model, tmp_path, dtype="float32", weights=held).model.get_base_model()
    assert weights_of(base) == held
    fused = [getattr(module, FUSED) for module in base.modules() if hasattr(module, FUSED)]
    assert not any(fused) and (held != "nf4" or fused)
