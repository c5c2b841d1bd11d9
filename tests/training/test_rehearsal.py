"""Remedies against forgetting: rehearsal's loss by hand, and the pull towards the base, on a tiny random Llama."""

from __future__ import annotations

import json

import pytest
import torch
from safetensors.torch import load_file

from core.errors import MethodError
from core.records import Message
from models.loading import ModelSpec, load_codec, load_model
from training import rehearsal
from training.job import TrainingJob, TrainingRow
from training.loop import Epoch, Step, _Run, train
from training.peft_configs import LoraSettings, kinds
from training.pull import Pull, refuse

SETTINGS = LoraSettings(epochs=2, rank=2, learning_rate=0.01, batch_size=4, rehearsal_alpha=0.3)


def rows_of(codec, said, prefix):
    return tuple(
        TrainingRow(id=f"{prefix}{n}", prompt_ids=codec.prompt_ids([Message("user", asked)]), completion_ids=codec.completion_ids(answer))
        for n, (asked, answer) in enumerate(said)
    )


@pytest.fixture(scope="module")
def job(tiny_model, tmp_path_factory):
    spec = ModelSpec(id=str(tiny_model), dtype="float32", threads=1)
    codec = load_codec(spec, tmp_path_factory.mktemp("home"))
    task = rows_of(
        codec, [("red light", "go left"), ("a very blue light", "right"), ("green light", "stop"), ("grey", "wait here")] * 2, "t"
    )
    general = rows_of(codec, [("capital of Peru?", "Lima"), ("2 + 2?", "4"), ("Is ice cold or warm to the hand?", "It is cold.")], "g")
    home, out = tmp_path_factory.mktemp("models"), tmp_path_factory.mktemp("out")
    return TrainingJob(base=spec, models_home=home, settings=SETTINGS, train=task, validation=task[:2], general=general, out=out)


def changed(job, out, **settings):
    return job.model_copy(update={"settings": job.settings.model_copy(update=settings), "out": out})


def weights(job):
    return load_file(job.out / "adapter_model.safetensors")


def difference(one, other):
    assert one.keys() == other.keys()
    return max(float((one[name] - other[name]).abs().max()) for name in one)


def plain_loss(model, rows):
    """Mean over the supervised tokens of all rows, one row at a time and without padding."""
    summed, tokens = torch.tensor(0.0), 0
    for row in rows:
        logits = model(input_ids=torch.tensor([[*row.prompt_ids, *row.completion_ids]])).logits[0, len(row.prompt_ids) - 1 : -1]
        summed = summed + torch.nn.functional.cross_entropy(logits.float(), torch.tensor(row.completion_ids), reduction="sum")
        tokens += len(row.completion_ids)
    return summed / tokens


def gradients(model):
    return {name: weight.grad.clone() for name, weight in model.named_parameters() if weight.grad is not None}


@pytest.mark.parametrize("at_once", [None, 1, 3])
def test_a_step_minimises_alpha_general_plus_the_rest_of_task_exactly(job, tmp_path, at_once):
    """E28. Losses and gradients equal those of the formula worked out row by row, however the step is cut into micro-batches."""
    run = _Run(changed(job, tmp_path, micro_batch_size=at_once), job.train, (), [])
    task, general = job.train[:4], job.general
    found = run.step(task, general)
    mine = gradients(run.model)
    run.model.zero_grad()
    by_hand = plain_loss(run.model, task), plain_loss(run.model, general)
    assert (found.loss, found.general_loss) == pytest.approx([float(loss.detach()) for loss in by_hand], abs=1e-5)
    (0.3 * by_hand[1] + 0.7 * by_hand[0]).backward()
    whole = gradients(run.model)
    assert difference(mine, whole) < 1e-5 and max(float(g.abs().max()) for g in whole.values()) > 1e-3
    assert rehearsal.total(found.loss, found.general_loss, 0.3) == pytest.approx(
        float((0.3 * by_hand[1] + 0.7 * by_hand[0]).detach()), abs=1e-5
    )


def test_micro_batches_change_neither_losses_nor_weights(job, tmp_path):
    """E28."""
    one, other = changed(job, tmp_path / "one"), changed(job, tmp_path / "other", micro_batch_size=1)
    steps = [[event for event in train(of) if isinstance(event, Step)] for of in (one, other)]
    for a, b in zip(*steps, strict=True):
        assert a.loss == pytest.approx(b.loss, abs=1e-4) and a.general_loss == pytest.approx(b.general_loss, abs=1e-4)
    assert difference(weights(one), weights(other)) < 1e-4
    kept = json.loads((one.out / "training.json").read_text())["curves"]
    assert len(kept) == len(steps[0]) and all(0 < row["general_loss"] < 100 for row in kept), "the curves hold both losses"


def test_without_alpha_general_rows_change_nothing(job, tmp_path):
    one = changed(job, tmp_path / "one", rehearsal_alpha=0.0)
    other = changed(job, tmp_path / "other", rehearsal_alpha=0.0).model_copy(update={"general": ()})
    assert {event.general_loss for event in train(one) if isinstance(event, Step)} == {None}
    list(train(other))
    assert difference(weights(one), weights(other)) == 0


def test_rehearsed_rows_are_learnt_beside_the_task(job, tmp_path):
    with_rows, without = changed(job, tmp_path / "with", epochs=8), changed(job, tmp_path / "without", epochs=8, rehearsal_alpha=0.0)
    for of in (with_rows, without):
        list(train(of))
    model = load_model(job.base, job.models_home)
    losses = {
        name: sum(-model.logprobs(row.prompt_ids, [row.completion_ids], of.out)[0] for row in job.general)
        for name, of in (("with", with_rows), ("without", without))
    }
    assert losses["with"] < losses["without"]


def test_a_continued_run_rehearses_the_same_rows(job, tmp_path):
    """F3. The general rows of an epoch are a function of seed and epoch."""
    whole, cut = changed(job, tmp_path / "whole", weight_decay_to_base=20.0), changed(job, tmp_path / "cut", weight_decay_to_base=20.0)
    list(train(whole))
    for event in train(cut):
        if isinstance(event, Epoch):
            break
    list(train(cut))
    assert difference(weights(whole), weights(cut)) == 0


def test_the_order_of_general_rows_is_a_function_of_seed_and_epoch_and_each_is_seen_before_any_twice(job):
    rows = job.general
    found = rehearsal.batches(rows, 5, 2, seed=1, epoch=1)
    assert found == rehearsal.batches(rows[::-1], 5, 2, seed=1, epoch=1) != rehearsal.batches(rows, 5, 2, seed=1, epoch=2)
    flat = [row.id for batch in found for row in batch]
    assert [len(batch) for batch in found] == [2] * 5 and all(sorted(flat[i : i + 3]) == ["g0", "g1", "g2"] for i in (0, 3, 6))
    assert rehearsal.batches((), 3, 0, 1, 1) == [[], [], []]


def test_a_step_has_as_many_general_rows_as_let_each_weigh_alike():
    assert [rehearsal.rows_a_step(8, alpha) for alpha in (0.0, 0.01, 0.2, 0.5, 0.8)] == [0, 1, 2, 8, 32]


def test_rehearsal_without_rows_that_fit_is_refused(job):
    with pytest.raises(MethodError, match=r"rehearsal_alpha 0.3 needs general rows of at most max_tokens = 16") as caught:
        rehearsal.fitting(job.general, LoraSettings(rehearsal_alpha=0.3, max_tokens=16))
    assert "Raise max_tokens" in caught.value.remedy


def updates(model):
    """What each LoRA layer adds to its weight matrix."""
    return {
        name: module.get_delta_weight("default").detach().clone()
        for name, module in model.named_modules()
        if hasattr(module, "lora_A") and module.lora_A
    }


def test_the_pull_shrinks_a_lora_update_by_just_its_factor(job, tmp_path):
    run = _Run(changed(job, tmp_path, weight_decay_to_base=10.0), job.train, (), [])
    run.step(job.train[:4])
    run.optimizer.step()
    before = updates(run.model)
    run.pull.apply(rate=0.02)
    after = updates(run.model)
    assert before and all(torch.allclose(after[name], 0.8 * before[name], atol=1e-7) and bool(before[name].any()) for name in before)
    run.pull.apply(rate=5.0)
    assert not any(bool(update.any()) for update in updates(run.model).values()), "at most it is the base again"


def test_the_pull_takes_whole_weights_towards_what_they_were():
    model = torch.nn.Linear(3, 2)
    start = {name: weight.detach().clone() for name, weight in model.named_parameters()}
    pull = Pull(model, 5.0)
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(1.0)
    pull.apply(rate=0.1)
    assert all(torch.allclose(weight, start[name] + 0.5) for name, weight in model.named_parameters())
    still = Pull(model, 0.0)
    still.apply(rate=0.1)
    assert still.held == []


def test_training_under_the_pull_ends_nearer_to_the_base(job, tmp_path):
    sizes = []
    for name, strength in (("free", 0.0), ("pulled", 30.0)):
        of = changed(job, tmp_path / name, weight_decay_to_base=strength, rehearsal_alpha=0.0)
        list(train(of))
        sizes.append(sum(float(weight.norm()) for key, weight in weights(of).items() if "lora_B" in key))
    assert sizes[1] < 0.9 * sizes[0]


@pytest.mark.parametrize("kind", ["prompt_tuning", "prefix_tuning"])
def test_the_pull_refuses_soft_prompts_which_change_no_weight_of_the_base(kind):
    settings = kinds.get(kind).Settings(weight_decay_to_base=1.0)
    with pytest.raises(MethodError, match="weight_decay_to_base must be 0 for soft prompts"):
        refuse(settings)
    refuse(settings.model_copy(update={"weight_decay_to_base": 0.0}))
    refuse(LoraSettings(weight_decay_to_base=1.0))
