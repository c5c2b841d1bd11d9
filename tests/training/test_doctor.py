"""The doctor: every rule on a real run of the tiny model that was made to fail that way, and silence on ten runs that learn."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import LlamaForCausalLM

from core.errors import MethodError
from models.loading import ModelSpec
from training.batches import collate
from training.doctor import Doctor
from training.events import Epoch, Finding, Step
from training.facts import RowFacts, ends_of, row_facts
from training.history import History
from training.job import TrainingJob
from training.loop import train
from training.peft_configs import LoraSettings, kinds

FAST = {"epochs": 3, "learning_rate": 0.02, "batch_size": 4, "rank": 4}


@pytest.fixture(scope="module")
def rows(lights):
    return lights(3)


@pytest.fixture
def trained(spec, rows, tmp_path):
    """Train with these settings; the run's findings, which are also what `training.json` holds of them."""

    def run(kind="lora", train_rows=rows, validation=rows[:4], model=spec, out="out", **settings):
        values = {**FAST, **settings} if kind == "lora" else settings
        job = TrainingJob(
            base=model,
            models_home=tmp_path,
            kind=kind,
            settings=kinds.get(kind).Settings(**values),
            train=train_rows,
            validation=validation,
            out=tmp_path / out,
        )
        return [event for event in train(job) if isinstance(event, Finding)]

    return run


def diagnose(kind, settings, rows, events):
    """All findings of a stream, in the order in which a run tells them; up to the first that ends it."""
    doctor = Doctor(kind, settings, rows)
    found = doctor.begin()
    for event in events:
        if any(finding.fatal for finding in found):
            break
        found += doctor.see(event)
    return found


def rules(findings):
    return [finding.rule for finding in findings]


HEALTHY = [
    ("lora", {"seed": 1}),
    ("lora", {"seed": 2, "schedule": "cosine", "learning_rate": 0.01}),
    ("rslora", {"seed": 3, "schedule": "constant", "rank": 4, "learning_rate": 0.02, "micro_batch_size": 2, "warmup_share": 0.0}),
    ("dora", {"seed": 4, "rank": 4, "learning_rate": 0.02, "dropout": 0.1, "early_stopping": 2}),
    ("ia3", {"seed": 5, "learning_rate": 0.2, "epochs": 4}),
    ("qlora", {"seed": 6, "rank": 4, "learning_rate": 0.01}),
    ("prompt_tuning", {"seed": 7, "learning_rate": 0.3, "virtual_tokens": 6, "epochs": 4}),
    ("prefix_tuning", {"seed": 8, "learning_rate": 0.2, "virtual_tokens": 6, "epochs": 4}),
    ("full", {"seed": 9, "learning_rate": 1e-3}),
    ("scratch", {"seed": 10, "learning_rate": 0.01, "epochs": 4}),
]


@pytest.mark.parametrize("kind, settings", HEALTHY)
def test_no_rule_speaks_on_a_run_that_learns(trained, spec, kind, settings):
    if kind == "qlora":
        pytest.importorskip("bitsandbytes")
    held = spec.model_copy(update={"weights": "nf4" if kind == "qlora" else "auto"})
    assert trained(kind, model=held, **settings) == []


def test_a_loss_that_is_flat_from_the_start_is_said_with_the_rate_to_raise(trained):
    found = trained(learning_rate=1e-7, epochs=2)
    flat = next(finding for finding in found if finding.rule == "flat")
    assert "does not fall" in flat.text and "Raise learning_rate (it is 1e-07" in flat.remedy


def test_a_rate_that_is_orders_of_magnitude_off_is_said_before_the_first_step(trained):
    low, high = trained(learning_rate=1e-7, epochs=1), trained(learning_rate=1.0, epochs=1, out="high")
    assert low[0].rule == high[0].rule == "rate"
    assert low[0].step == high[0].step == 0
    assert "far below what lora usually takes" in low[0].text and "Lower it towards 0.001" in high[0].remedy


def test_the_usual_rate_is_that_of_the_kind():
    facts = RowFacts(4, 0, 9, 20, 4)
    for kind, entry in kinds.items():
        usual = entry.Settings()
        assert diagnose(kind, usual, facts, []) == [], kind


@pytest.fixture(scope="module")
def learnt(spec, rows, tmp_path_factory):
    """A base that knows the answers already, so that there is something to lose."""
    folder = tmp_path_factory.mktemp("learnt") / "model"
    shutil.copytree(spec.id, folder)
    model = LlamaForCausalLM.from_pretrained(folder)
    batch = collate(rows, 1)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(60):
        logits = model(batch.input_ids, attention_mask=batch.attention_mask, position_ids=batch.position_ids).logits
        answer = logits[:, -batch.labels.shape[1] - 1 : -1]
        loss = torch.nn.functional.cross_entropy(answer.flatten(0, 1), batch.labels.flatten())
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    model.save_pretrained(folder)
    return ModelSpec(id=str(folder), dtype="float32", threads=1)


def test_a_run_that_diverges_is_said_with_a_lower_rate(trained, learnt):
    found = trained(model=learnt, learning_rate=1.0, epochs=4, warmup_share=0.0)
    rises = next(finding for finding in found if finding.rule == "diverging")
    assert "rises instead of falling" in rises.text and "try 0.1" in rises.remedy
    assert rules(found).count("diverging") == 1 and "flat" not in rules(found)


def test_a_base_that_gives_no_numbers_ends_the_run_at_once(trained, tiny_model, tmp_path):
    """NaN: the weights of the base are damaged, so no learning rate would help."""
    broken = tmp_path / "broken"
    shutil.copytree(tiny_model, broken)
    tensors = load_file(broken / "model.safetensors")
    tensors["model.norm.weight"][0] = float("nan")
    save_file(tensors, broken / "model.safetensors", {"format": "pt"})
    with pytest.raises(MethodError, match=r"no longer a number at step 1\. The untrained model gives no numbers"):
        trained(model=ModelSpec(id=str(broken), dtype="float32", threads=1))


def test_a_loss_that_is_lost_later_is_put_down_to_the_learning_rate():
    doctor = Doctor("lora", LoraSettings(), RowFacts(4, 0, 9, 20, 4))
    assert doctor.see(Step(1, 9, 1, 2.0, 0.1, 1e-3, 1.0, 8, 0.1)) == []
    (lost,) = doctor.see(Step(2, 9, 1, float("nan"), 0.1, 1e-3, 1.0, 8, 0.1))
    assert lost.fatal and "Lower learning_rate (it is 0.001)" in lost.remedy


def test_validation_rising_while_training_falls_is_said_once_and_names_the_epoch_that_is_kept(trained, rows, learnt):
    """Validation rows that contradict the training rows: what is learnt makes them worse."""
    spoilt = tuple(row.model_copy(update={"completion_ids": rows[(i + 1) % 4].completion_ids}) for i, row in enumerate(rows[:4]))
    found = trained(model=learnt, validation=spoilt, epochs=6, learning_rate=0.01)
    assert rules(found) == ["overfitting"]
    assert "rows are learnt by heart" in found[0].text and "early_stopping: 1" in found[0].remedy


def test_early_stopping_ends_such_a_run_and_keeps_its_best_epoch(trained, rows, tmp_path):
    spoilt = tuple(row.model_copy(update={"completion_ids": rows[(i + 1) % 4].completion_ids}) for i, row in enumerate(rows[:4]))
    found = trained(validation=spoilt, epochs=14, early_stopping=1)
    history = History.from_json(json.loads((tmp_path / "out" / "training.json").read_text()))
    losses = [epoch["validation_loss"] for epoch in history.epochs]
    assert rules(found) == ["early_stopping"]
    assert len(losses) == history.best_epoch + 1 < 14 and losses.index(min(losses)) + 1 == history.best_epoch
    assert found == [Finding(**row) for row in history.findings]


def test_masked_labels_end_the_run_before_it_begins(trained, rows):
    masked = tuple(row.model_copy(update={"completion_ids": (-100, -100)}) for row in rows)
    with pytest.raises(MethodError, match="all labels are masked"):
        trained(train_rows=masked, validation=())


def test_empty_answers_are_nothing_to_learn_from(trained, rows):
    empty = tuple(row.model_copy(update={"completion_ids": row.completion_ids[-1:]}) for row in rows)
    with pytest.raises(MethodError, match=r"or all answers are empty.*output column"):
        trained(train_rows=empty, validation=())


def test_answers_without_the_end_of_the_turn_are_said(trained, rows):
    endless = tuple(row.model_copy(update={"completion_ids": row.completion_ids[:-1]}) for row in rows)
    found = trained(train_rows=endless, epochs=1)
    assert rules(found) == ["no_end"] and "12 of 12 training answers do not end" in found[0].text


def test_most_rows_too_long_is_said_with_the_length_that_would_fit(trained, rows):
    limit = sorted(row.length for row in rows)[3]
    short = tuple(row for row in rows if row.length <= limit)
    found = trained(max_tokens=limit, epochs=1, validation=short)
    longest = max(row.length for row in rows)
    assert rules(found) == ["left_out"] and f"Raise max_tokens to {longest}" in found[0].remedy


def test_validation_rows_that_are_too_long_to_be_measured_are_said(trained, rows):
    """They choose the best epoch: whoever believes that they did must know that they did not."""
    long = tuple(row.model_copy(update={"id": f"long{row.id}", "prompt_ids": row.prompt_ids * 4}) for row in rows[:2])
    limit = max(row.length for row in rows)
    (some,) = trained(max_tokens=limit, validation=(*rows[:4], *long))
    assert "2 of 6 validation rows are too long" in some.text and "chosen by the others" in some.text
    (every,) = trained(max_tokens=limit, validation=long, out="every")
    assert "2 of 2 validation rows" in every.text and "the last epoch is kept" in every.text and "Raise max_tokens" in every.remedy


def test_gradients_that_are_zero_are_said_after_three_steps():
    doctor = Doctor("lora", LoraSettings(), RowFacts(4, 0, 9, 20, 4))
    found = [doctor.see(Step(n, 9, 1, 2.0, 0.1, 1e-3, 0.0, 8, 0.1)) for n in (1, 2, 3, 4)]
    assert [len(each) for each in found] == [0, 0, 1, 0] and found[2][0].rule == "flat"


def test_one_long_epoch_that_learns_nothing_is_flat_and_one_that_learns_is_not():
    facts = RowFacts(4, 0, 9, 20, 4)
    end = Epoch(1, 2.0, 2.0, 0.1)
    still = [Step(n, 30, 1, 2.0 + 0.01 * (n % 3), 0.1, 1e-3, 1.0, 8, 0.1) for n in range(1, 31)]
    falls = [Step(n, 30, 1, 2.0 - 0.01 * n, 0.1, 1e-3, 1.0, 8, 0.1) for n in range(1, 31)]
    assert rules(diagnose("lora", LoraSettings(), facts, [*still, end])) == ["flat"]
    assert diagnose("lora", LoraSettings(), facts, [*falls, end]) == []


def test_a_base_that_knows_the_answers_already_is_not_called_flat():
    facts = RowFacts(4, 0, 9, 20, 4)
    known = [Step(n, 30, 1, 0.01, 1.0, 1e-3, 1.0, 8, 0.1) for n in range(1, 31)]
    assert diagnose("lora", LoraSettings(), facts, [*known, Epoch(1, 0.01, 0.01, 1.0)]) == []


def test_the_end_of_a_turn_is_the_models_own_and_unknown_without_a_tokenizer(spec, rows, tmp_path):
    ends = ends_of(Path(spec.id))
    assert row_facts(rows, 2, 99, ends) == RowFacts(12, 2, 99, sum(len(r.completion_ids) - 1 for r in rows), 12)
    assert ends_of(tmp_path) == frozenset()
    assert row_facts(rows, 0, 9, frozenset()).ending is None
