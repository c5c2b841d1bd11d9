"""Encoder-decoder models in the one training loop: a tiny random T5, which stands in for the family, teaches itself a toy task here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from tiny_t5 import save_tiny_t5

from core.errors import MethodError
from models.base import Batch, GenerationConfig
from models.loading import ModelSpec, load_model
from training.batches import IGNORED
from training.job import TrainingJob
from training.loop import Epoch, Step, _Run, train
from training.peft_configs import kinds
from training.seq2seq import collate

END = 1


@pytest.fixture(scope="module")
def spec(tmp_path_factory):
    return ModelSpec(id=str(save_tiny_t5(tmp_path_factory.mktemp("t5") / "tiny-t5")), dtype="float32", threads=1)


@pytest.fixture(scope="module")
def rows(lights):
    return lights(3)


def a_job(spec, rows, folder: Path, kind: str = "lora", **settings) -> TrainingJob:
    made = kinds.get(kind).Settings(**{"epochs": 2, "batch_size": 4, "learning_rate": 0.02, "seed": 1, **settings})
    return TrainingJob(base=spec, models_home=folder, kind=kind, settings=made, train=rows, validation=rows[:4], out=folder / "out")


def test_every_id_of_the_answer_is_supervised_and_no_other(rows):
    """E3: `</s>` is the last label of each row; padding and prompt are none. The decoder sees the answer so far behind its start id."""
    batch = collate(rows[:4], pad=0, start=0)
    for row, labels, seen, read in zip(
        rows, batch.labels.tolist(), batch.decoder_input_ids.tolist(), batch.input_ids.tolist(), strict=False
    ):
        assert tuple(label for label in labels if label != IGNORED) == row.completion_ids and row.completion_ids[-1] == END
        assert tuple(seen[: len(row.completion_ids)]) == (0, *row.completion_ids[:-1])
        assert tuple(read[: len(row.prompt_ids)]) == row.prompt_ids, "E2: the ids of asking"
    assert batch.supervised == sum(len(row.completion_ids) for row in rows[:4])


def test_the_loss_is_that_of_transformers(spec, rows, tmp_path):
    """The mean over the supervised tokens of a batch, for rows of other lengths."""
    run = _Run(a_job(spec, rows, tmp_path), rows, (), [])
    run.model.eval()
    mine = run.figures(collate(rows[:4], run.pad, run.start))
    batch = collate(rows[:4], 0, 0)
    with torch.no_grad():
        plain = run.model(input_ids=batch.input_ids, attention_mask=batch.attention_mask, labels=batch.labels).loss
    assert float(mine.loss.detach()) / mine.tokens == pytest.approx(float(plain), abs=1e-5)


def test_gradient_accumulation_changes_no_loss(spec, rows, tmp_path):
    """E28: encoder and decoder alike."""
    whole = list(train(a_job(spec, rows, tmp_path / "whole", learning_rate=0.001)))
    cut = list(train(a_job(spec, rows, tmp_path / "cut", learning_rate=0.001, micro_batch_size=1)))
    assert [e.loss for e in whole if isinstance(e, Step)] == pytest.approx([e.loss for e in cut if isinstance(e, Step)], abs=1e-4)


@pytest.mark.parametrize(("kind", "rate", "epochs"), [("lora", 0.01, 30), ("full", 0.008, 16)])
def test_it_learns_to_answer_and_to_stop(spec, rows, tmp_path, kind, rate, epochs):
    """E3, E4, E19: a self-trained T5; the loss falls, answers are right, at least 95 % end by themselves and differ from the base's."""
    job = a_job(spec, rows, tmp_path, kind, epochs=epochs, learning_rate=rate)
    ends = [event for event in train(job) if isinstance(event, Epoch)]
    assert ends[-1].validation_loss < ends[0].validation_loss / 3
    model, config = load_model(spec, tmp_path), GenerationConfig(max_new_tokens=16)
    batch = Batch(tuple(range(len(rows))), tuple(row.prompt_ids for row in rows), 0)
    base, tuned = model.generate(batch, config), model.generate(batch, config, job.out)
    assert sum(c.finish_reason == "stop" for c in tuned) >= 0.95 * len(rows)
    assert sum(c.token_ids == row.completion_ids for c, row in zip(tuned, rows, strict=True)) >= len(rows) - 1
    assert model.generate(batch, config) == base and [c.text for c in base] != [c.text for c in tuned]
    likely = model.logprobs(rows[0].prompt_ids, [row.completion_ids for row in rows[:4]], job.out)
    assert likely.index(max(likely)) == 0, "the label's log-likelihood goes by the trained weights, too"


def test_a_continued_run_ends_with_the_weights_of_an_uninterrupted_one(spec, rows, tmp_path):
    """F3."""
    from safetensors.torch import load_file

    whole, cut = a_job(spec, rows, tmp_path / "whole"), a_job(spec, rows, tmp_path / "cut")
    list(train(whole))
    for event in train(cut):
        if isinstance(event, Epoch):
            break
    again = [event.epoch for event in train(cut) if isinstance(event, Epoch)]
    one, other = (load_file(job.out / "adapter_model.safetensors") for job in (whole, cut))
    assert again == [2] and one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)
    assert json.loads((cut.out / "training.json").read_text())["best_epoch"] > 0


@pytest.mark.parametrize("kind", ["prompt_tuning", "prefix_tuning"])
def test_a_kind_that_does_not_fit_an_encoder_decoder_is_refused_plainly(spec, rows, tmp_path, kind):
    """Virtual tokens are a beginning of the decoder's own text, which these models do not have."""
    with pytest.raises(MethodError, match=r"needs a decoder-only model; got an encoder-decoder \(t5\).*Choose lora"):
        list(train(a_job(spec, rows, tmp_path, kind)))


def test_packing_is_refused_for_an_encoder_decoder(spec, rows, tmp_path):
    with pytest.raises(MethodError, match="packing needs a decoder-only model"):
        list(train(a_job(spec, rows, tmp_path, packing=True)))
