"""Preferences on a tiny real model: the margin that DPO raises, the order that a reward model learns, the weights that GRPO moves."""

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.torch import load_file

from core.errors import Cancelled, MethodError, PlanError
from core.records import Message
from models.loading import ModelSpec, load_codec, load_model
from models.reward import score_rows
from training.launch import run_job
from training.preference import grpo, with_trl
from training.preference.__main__ import read_job, run
from training.preference.events import Epoch, Step
from training.preference.job import DpoJob, GrpoJob, PairRow, PromptRow, RewardJob
from training.preference.settings import DpoSettings, GrpoSettings, RewardSettings

ROOT = Path(__file__).resolve().parents[2]
PLACES = ["quay", "dock", "gate", "hall", "yard", "shed", "pier", "barn", "loft", "mill"]


@pytest.fixture(scope="module")
def spec(tiny_model):
    return ModelSpec(id=str(tiny_model), dtype="float32", threads=1)


@pytest.fixture(scope="module")
def pairs(spec, tmp_path_factory):
    """An easy rule: the answer that says yes is the better one."""
    codec = load_codec(spec, tmp_path_factory.mktemp("home"))
    return tuple(
        PairRow(
            id=place,
            prompt_ids=codec.prompt_ids([Message("user", f"the {place}?")]),
            chosen_ids=codec.completion_ids(f"yes {place}"),
            rejected_ids=codec.completion_ids(f"no {place}"),
        )
        for place in PLACES
    )


def told(job):
    events = []
    run(job, events.append)
    return events


@pytest.fixture(scope="module")
def reward_job(spec, pairs, tmp_path_factory):
    home = tmp_path_factory.mktemp("reward")
    settings = RewardSettings(epochs=4, learning_rate=0.01, batch_size=4, seed=1)
    return RewardJob(base=spec, models_home=home, settings=settings, train=pairs[:7], held_out=pairs[7:], out=home / "out")


@pytest.fixture(scope="module")
def reward_events(reward_job):
    """By a process of its own, as a comparison does it."""
    return list(run_job(reward_job))


def margin(model, row, adapter):
    chosen, rejected = model.logprobs(row.prompt_ids, [row.chosen_ids, row.rejected_ids], adapter)
    return chosen - rejected


def test_dpo_raises_the_margin_between_chosen_and_rejected(spec, pairs, tmp_path):
    """Measured by the inference path, with the adapter as it was saved, on pairs that were trained on and on pairs that were not."""
    settings = DpoSettings(epochs=3, learning_rate=0.01, batch_size=4, seed=1)
    job = DpoJob(base=spec, models_home=tmp_path, settings=settings, train=pairs[:7], held_out=pairs[7:], out=tmp_path / "out")
    events = told(job)
    steps = [e for e in events if isinstance(e, Step)]
    epochs = [e for e in events if isinstance(e, Epoch)]
    assert [s.step for s in steps] == list(range(1, 7)) and steps[0].loss == pytest.approx(math.log(2), abs=0.02)
    assert steps[-1].loss < steps[0].loss and steps[-1].reward_margin > 0
    assert [e.epoch for e in epochs] == [1, 2, 3] and epochs[-1].validation_loss < math.log(2)
    model = load_model(spec, tmp_path)
    for row in (pairs[0], pairs[-1]):
        assert margin(model, row, job.out) > margin(model, row, None) + 0.5
    assert sorted(p.name for p in job.out.iterdir()) == ["adapter_config.json", "adapter_model.safetensors", "training.json"]
    record = json.loads((job.out / "training.json").read_text())
    assert record["held_out"]["pairs"] == 3 and record["best_epoch"] in (1, 2, 3) and len(record["curves"]) == 6
    assert json.loads((job.out / "adapter_config.json").read_text())["base_model_name_or_path"] == spec.id
    assert told(job) == []


def test_the_reward_model_orders_pairs_of_an_easy_rule_that_it_has_not_seen(reward_job, reward_events, spec, pairs):
    steps = [e for e in reward_events if e["event"] == "Step"]
    assert steps[-1]["loss"] < steps[0]["loss"] and steps[-1]["reward_accuracy"] == 1.0
    record = json.loads((reward_job.out / "training.json").read_text())
    assert record["held_out"] == {"pairs": 3, "right": 3}
    model = load_model(spec, reward_job.models_home)
    chosen = score_rows(model, reward_job.out, [(row.prompt_ids, row.chosen_ids) for row in pairs])
    rejected = score_rows(model, reward_job.out, [(row.prompt_ids, row.rejected_ids) for row in pairs])
    assert all(better > worse for better, worse in zip(chosen, rejected, strict=True))
    seven = chosen[:7] + rejected[:7]
    assert sum(seven) / len(seven) == pytest.approx(0.0, abs=1e-3)
    alone = [score_rows(model, reward_job.out, [(row.prompt_ids, row.chosen_ids)])[0] for row in pairs]
    assert alone == pytest.approx(chosen, abs=1e-4)


def test_grpo_draws_answers_and_changes_weights(reward_job, reward_events, spec, pairs, tmp_path):
    prompts = tuple(PromptRow(id=row.id, prompt_ids=row.prompt_ids, bare_ids=row.prompt_ids) for row in pairs)
    settings = GrpoSettings(steps=2, batch_size=2, answers=3, learning_rate=0.01)
    job = GrpoJob(
        base=spec, models_home=tmp_path, settings=settings, prompts=prompts, reward=reward_job.out, max_new_tokens=6, out=tmp_path / "out"
    )
    events = [e for e in told(job) if isinstance(e, Step)]
    assert [e.step for e in events] == [1, 2]
    assert all(e.reward is not None and e.kl is not None and 0 < e.answer_tokens <= 6 for e in events)
    trained = load_file(job.out / "adapter_model.safetensors")
    assert any(bool(value.any()) for name, value in trained.items() if "lora_B" in name)
    assert sorted(p.name for p in job.out.iterdir()) == ["adapter_config.json", "adapter_model.safetensors", "training.json"]


def test_grpo_raises_the_reward_that_its_answers_are_drawn_for(spec, pairs, tmp_path, monkeypatch):
    """A planted reward: the share of an answer's tokens that lie in the lower half of the vocabulary."""

    def planted(judge, reward, rows):
        return [sum(token < 129 for token in ids) / len(ids) for _, ids in rows]

    monkeypatch.setattr(grpo, "score_rows", planted)
    prompts = tuple(PromptRow(id=row.id, prompt_ids=row.prompt_ids, bare_ids=row.prompt_ids) for row in pairs)
    settings = GrpoSettings(steps=40, batch_size=2, answers=8, learning_rate=0.02, kl=0.0, warmup_share=0.0, schedule="constant", seed=1)
    job = GrpoJob(
        base=spec, models_home=tmp_path, settings=settings, prompts=prompts, reward=tmp_path, max_new_tokens=6, out=tmp_path / "out"
    )
    rewards = [e.reward for e in told(job) if isinstance(e, Step)]
    assert sum(rewards[-10:]) / 10 > sum(rewards[:10]) / 10 + 0.1, rewards


def test_a_reward_model_keeps_the_rate_of_a_constant_schedule(reward_job, tmp_path):
    settings = reward_job.settings.model_copy(update={"epochs": 1, "warmup_share": 0.0, "schedule": "constant"})
    steps = [e for e in told(reward_job.model_copy(update={"settings": settings, "out": tmp_path})) if isinstance(e, Step)]
    assert len(steps) == 2 and {step.learning_rate for step in steps} == {0.01}


def test_dpo_goes_on_from_a_supervised_adapter(spec, pairs, tmp_path):
    """What it is held to is that adapter, not the base: the first loss is that of a model that has not moved."""
    first = DpoJob(base=spec, models_home=tmp_path, settings=DpoSettings(epochs=1, learning_rate=0.02), train=pairs[:4], out=tmp_path / "a")
    told(first)
    second = first.model_copy(update={"start": first.out, "out": tmp_path / "b"})
    steps = [e for e in told(second) if isinstance(e, Step)]
    assert steps[0].loss == pytest.approx(math.log(2), abs=1e-3)
    a, b = (load_file(job.out / "adapter_model.safetensors") for job in (first, second))
    assert a.keys() == b.keys() and any(bool((a[name] != b[name]).any()) for name in a)


def test_pairs_that_are_too_long_are_left_out_and_a_job_without_any_is_refused(spec, pairs, tmp_path):
    longest = max(row.length for row in pairs)
    long = pairs[0].model_copy(update={"id": "long", "rejected_ids": pairs[0].rejected_ids * 9})
    settings = RewardSettings(epochs=1, max_tokens=longest)
    job = RewardJob(base=spec, models_home=tmp_path, settings=settings, train=(*pairs[:2], long), out=tmp_path / "out")
    told(job)
    record = json.loads((job.out / "training.json").read_text())
    assert record["left_out"] == ["long"] and record["held_out"] is None and record["best_epoch"] == 1
    short = job.model_copy(update={"settings": RewardSettings(max_tokens=16), "out": tmp_path / "none"})
    with pytest.raises(MethodError, match="max_tokens must fit at least one pair; it is 16"):
        told(short)


def test_a_missing_trl_is_one_plain_message(spec, pairs, tmp_path, monkeypatch):
    monkeypatch.setattr(with_trl.importlib.util, "find_spec", lambda name: None)
    job = DpoJob(base=spec, models_home=tmp_path, settings=DpoSettings(), train=pairs[:2], out=tmp_path / "out")
    with pytest.raises(MethodError, match=r"dpo needs the package trl, which is not installed\. Install it: pip install"):
        told(job)


def test_a_wrong_job_file_is_one_plain_message(tmp_path):
    path = tmp_path / "job.json"
    for content, said in [
        (None, "no preference job"),
        ("{", "not JSON"),
        ('{"task": "dop"}', "must be one of dpo, reward, grpo; got 'dop'"),
    ]:
        if content is not None:
            path.write_text(content)
        with pytest.raises(PlanError, match=said):
            read_job(path)
    path.write_text('{"task": "reward", "basis": 1}')
    done = subprocess.run([sys.executable, "-m", "training.preference", str(path)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "Did you mean 'base'" in json.loads(done.stdout)["remedy"]


@pytest.mark.parametrize("task", ["dpo", "reward"])
def test_a_job_that_was_cut_off_before_its_first_checkpoint_begins_anew_and_ends_with_the_same_weights(spec, pairs, tmp_path, task):
    """F9, contract 5: nothing of the first attempt is left in the second."""
    of = {"dpo": (DpoJob, DpoSettings), "reward": (RewardJob, RewardSettings)}
    Job, Settings = of[task]
    settings = Settings(epochs=1, learning_rate=0.01, batch_size=2, seed=3)
    jobs = [Job(base=spec, models_home=tmp_path, settings=settings, train=pairs[:4], out=tmp_path / name) for name in ("whole", "cut")]
    told(jobs[0])

    def stop(event):
        raise Cancelled("stop")

    with pytest.raises(Cancelled):
        run(jobs[1], stop)
    assert not (jobs[1].out / "training.json").exists()
    told(jobs[1])
    whole, again = (load_file(job.out / "adapter_model.safetensors") for job in jobs)
    assert whole.keys() == again.keys() and all(bool((whole[name] == again[name]).all()) for name in whole)
