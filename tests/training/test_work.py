"""Work that is not done: counted, since a speed that only equal results vouch for could go without anybody's notice."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from models.adapter_weights import own_modules
from models.base import Batch, GenerationConfig
from models.loading import ModelSpec, load_model
from training.batches import steps_of
from training.job import TrainingJob, TrainingRow
from training.loop import _Run
from training.peft_configs import LoraSettings

ROWS = tuple(TrainingRow(id=f"{n}", prompt_ids=(0, *range(10, 40 + n)), completion_ids=(40 + n, 30, 1)) for n in range(4))


@pytest.fixture
def spec(tiny_model: Path) -> ModelSpec:
    return ModelSpec(id=str(tiny_model), dtype="float32", threads=1)


@pytest.mark.parametrize(("packing", "columns"), [(False, [4, 4, 4, 4]), (True, [12])])
def test_logits_are_computed_where_labels_are(spec: ModelSpec, tmp_path: Path, packing: bool, columns: list[int]) -> None:
    """Rows of over 30 tokens with answers of 3: a column before and three of the answer in each row, and the answers' 12 alone where packed."""
    settings = LoraSettings(epochs=1, batch_size=4, packing=packing)
    run = _Run(TrainingJob(base=spec, models_home=tmp_path, settings=settings, train=ROWS, out=tmp_path), ROWS, (), [])
    seen: list[int] = []
    head: Any = run.model.get_base_model().get_output_embeddings()
    head.register_forward_pre_hook(lambda module, inputs: seen.extend([inputs[0].shape[1]] * inputs[0].shape[0]))
    run.step(ROWS)
    assert seen == columns


def test_adapters_stand_over_the_bases_own_weights(spec: ModelSpec, tmp_path: Path) -> None:
    """Frozen once and shared: modules of their own, and of the weights not one copy."""
    base: Any = load_model(spec, tmp_path)
    other = own_modules(base.module)
    mine, theirs = ({tensor.data_ptr() for tensor in (*made.parameters(), *made.buffers())} for made in (base.module, other))
    assert other is not base.module and mine == theirs
    assert not any(weight.requires_grad for weight in other.parameters())


def test_a_shared_beginning_is_read_once_for_all_batches(spec: ModelSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two batches of prompts with the same 30 first ids: those are read in one pass, alone."""
    model: Any = load_model(spec, tmp_path)
    widths: list[int] = []
    forward = model.module.forward

    def counted(*given: Any, **named: Any) -> Any:
        widths.append(named["input_ids"].shape[1])
        return forward(*given, **named)

    monkeypatch.setattr(model.module, "forward", counted)
    start = tuple(range(5, 35))
    for more in ((40, 41), (42, 43)):
        model.generate(Batch((0, 1), ((*start, *more), (*start, *more[::-1])), 30), GenerationConfig(max_new_tokens=2))
    assert widths.count(30) == 1 and max(width for width in widths if width != 30) == 2


def test_rows_of_like_length_share_a_step() -> None:
    """Of 64 rows of 10 to 73 tokens, padding is under a sixth of what a shuffled order would pad."""
    rows = [TrainingRow(id=f"{n:02d}", prompt_ids=(5,) * (9 + n), completion_ids=(1,)) for n in range(64)]
    shuffled = random.Random(0).sample(rows, 64)

    def padding(steps: list[list[TrainingRow]]) -> int:
        return sum(max(row.length for row in step) * len(step) - sum(row.length for row in step) for step in steps)

    assert padding(steps_of(rows, 8, 0, 1)) < padding([shuffled[place : place + 8] for place in range(0, 64, 8)]) / 6
