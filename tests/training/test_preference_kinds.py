"""The contract of every trainable kind (`contract.py`), for those that learn from preferences: DPO, the reward model, and GRPO against it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from preferring import train

from core.records import Message
from models.base import Batch, GenerationConfig
from models.loading import ModelSpec, load_codec, load_model
from tests.training import contract
from training import checkpoints
from training.preference import __main__ as command
from training.preference import recorder, stopping
from training.preference.job import AnyJob, DpoJob, GrpoJob, PairRow, PromptRow, RewardJob
from training.preference.settings import DpoSettings, GrpoSettings, RewardSettings

ROOT = Path(__file__).resolve().parents[2]
PLACES = ["quay", "dock", "gate", "hall", "yard", "shed", "pier", "barn"]
PAIRS = pytest.mark.parametrize("task", ["dpo", "reward"])
EVERY = pytest.mark.parametrize("task", ["dpo", "reward", "grpo"])
KILLED_WHILE_SAVING = """
import os, signal, sys
import training.checkpoints as checkpoints
from training.preference.__main__ import main
written = checkpoints.write_manifest
def killed(folder, about):
    if folder.name == "epoch-002":
        os.kill(os.getpid(), signal.SIGKILL)
    written(folder, about)
checkpoints.write_manifest = killed
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture(scope="module")
def spec(tiny_model: Path) -> ModelSpec:
    return ModelSpec(id=str(tiny_model), dtype="float32", threads=1)


@pytest.fixture(scope="module")
def pairs(spec: ModelSpec, tmp_path_factory: pytest.TempPathFactory) -> tuple[PairRow, ...]:
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


@pytest.fixture(scope="module")
def trained(make_job: Any) -> Any:
    """Each task is trained once for all tests of this file: its job, and what it told."""
    done: dict[str, tuple[AnyJob, list[Any]]] = {}

    def of(task: str) -> tuple[Any, list[Any]]:
        if task not in done:
            job = make_job(task)
            done[task] = (job, list(train(job)))
        return done[task]

    return of


@pytest.fixture(scope="module")
def make_job(spec: ModelSpec, pairs: tuple[PairRow, ...], tmp_path_factory: pytest.TempPathFactory) -> Any:
    rewards: list[Path] = []

    def make(task: str, **changes: Any) -> AnyJob:
        out = tmp_path_factory.mktemp(task) / "out"
        shared: dict[str, Any] = {"base": spec, "models_home": out.parent, "out": out}
        small = {"batch_size": 3, "rank": 2, "dropout": 0.1, "seed": 1, "learning_rate": 0.006, **changes}
        if task == "grpo":
            if not rewards:
                judge = make("reward", learning_rate=0.01)
                list(train(judge))
                rewards.append(judge.out)
            settings = GrpoSettings(**{**small, "steps": 7, "batch_size": 2, "answers": 3, "learning_rate": 0.003, **changes})
            prompts = tuple(PromptRow(id=row.id, prompt_ids=row.prompt_ids, bare_ids=row.prompt_ids) for row in pairs[:4])
            return GrpoJob(**shared, settings=settings, prompts=prompts, reward=rewards[0], max_new_tokens=4)
        both = {**shared, "train": pairs[:6], "held_out": pairs[6:]}
        if task == "dpo":
            return DpoJob(**both, settings=DpoSettings(**{"epochs": 3, **small}))
        return RewardJob(**both, settings=RewardSettings(**{"epochs": 3, **small}))

    return make


@EVERY
def test_a_job_of_every_task_survives_json_and_yaml(task: str, make_job: Any) -> None:
    assert contract.survives_json_and_yaml(make_job(task))
    if task != "reward":
        assert contract.survives_json_and_yaml(make_job(task, stop_after=2))


@PAIRS
def test_the_loss_on_pairs_falls(task: str, trained: Any) -> None:
    assert contract.loss_falls(trained(task)[1])


def test_the_reward_rises_under_grpo(trained: Any) -> None:
    steps = contract.named(trained("grpo")[1], "Step")
    first, last = ([step.reward for step in part] for part in (steps[:3], steps[-3:]))
    assert sum(last) > sum(first)


@pytest.mark.parametrize("task", ["dpo", "grpo"])
def test_weights_are_saved_and_loaded_and_the_answers_differ_from_the_bases(task: str, trained: Any) -> None:
    """E19: `Adapters` refuses missing keys and what is still at its start."""
    job, _ = trained(task)
    model = load_model(job.base, job.models_home)
    rows = job.train if task == "dpo" else job.prompts
    batch = Batch(tuple(range(len(rows))), tuple(row.prompt_ids for row in rows), 0)
    short = GenerationConfig(max_new_tokens=8)
    tuned, base = model.generate(batch, short, job.out), model.generate(batch, short)
    assert [answer.token_ids for answer in tuned] != [answer.token_ids for answer in base]
    assert json.loads((job.out / checkpoints.HISTORY).read_text())["trainable_params"] > 0


@EVERY
def test_no_rule_of_the_doctor_speaks_on_these_runs(task: str, trained: Any) -> None:
    assert contract.named(trained(task)[1], "Finding") == []


@PAIRS
def test_stopped_in_an_epoch_it_keeps_the_last_checkpoint_and_resumes_to_the_same_weights(task: str, trained: Any, make_job: Any) -> None:
    """With dropout, whose random state must go on where it was."""
    whole, _ = trained(task)
    assert contract.stops_and_resumes_to_the_same_weights(train, make_job(task), whole.out, after=3)


@PAIRS
def test_a_checkpoint_that_was_cut_in_half_is_set_aside(task: str, trained: Any, make_job: Any) -> None:
    whole, _ = trained(task)
    told = contract.sets_a_checkpoint_that_was_cut_in_half_aside(train, make_job(task), whole.out, after=5)
    assert [finding.rule for finding in contract.named(told, "Finding")] == ["broken"]


@pytest.mark.parametrize("stop, kept", [(4, 3), (7, 6)])
def test_grpo_goes_on_from_its_last_checkpoint_to_the_same_weights(
    trained: Any, make_job: Any, monkeypatch: pytest.MonkeyPatch, stop: int, kept: int
) -> None:
    """F3, contract 5: answers are drawn, and prompts come, as in an uninterrupted run, within a pass over the prompts (step 3) and between two."""
    whole, _ = trained("grpo")
    job = make_job("grpo")
    monkeypatch.setattr(recorder, "SAVE_EVERY", 3)
    list(contract.left_off(train, job, stop))
    found = checkpoints.latest(job.out)
    assert found is not None and found.epoch == kept and not (job.out / checkpoints.HISTORY).exists()
    assert [step.step for step in contract.named(train(job), "Step")] == list(range(kept + 1, 8))
    assert contract.equal(contract.weights(job.out), contract.weights(whole.out))
    assert list(train(job)) == []


def test_dpo_that_is_killed_while_a_checkpoint_is_written_resumes_to_the_weights_of_an_uninterrupted_run(
    trained: Any, make_job: Any
) -> None:
    """F3: kill -9 of the real process, with the weights on disk and no MANIFEST beside them."""
    (whole, _), job = trained("dpo"), make_job("dpo")
    path = job.out.parent / "job.json"
    path.write_text(job.model_dump_json())
    done = subprocess.run([sys.executable, "-c", KILLED_WHILE_SAVING, str(path)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    half = job.out / checkpoints.FOLDER / "epoch-002"
    assert (half / checkpoints.WEIGHTS).is_file() and not (half / "MANIFEST.json").exists()
    assert [event.epoch for event in contract.named(train(job), "Epoch")] == [2, 3]
    assert contract.equal(contract.weights(job.out), contract.weights(whole.out))
    assert not list(job.out.rglob("*.pt")) + list(job.out.rglob("*.bin"))


@pytest.mark.parametrize("task, stop, at", [("dpo", 5, 2), ("grpo", 4, 3)])
def test_what_is_kept_of_a_stopped_run_is_what_a_job_with_stop_after_trains(
    task: str, stop: int, at: int, make_job: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """E22: the label is a setting, so that the kept weights are found under it and never as the finished ones."""
    monkeypatch.setattr(recorder, "SAVE_EVERY", 3)
    job, short = make_job(task), make_job(task, stop_after=at)
    list(contract.left_off(train, job, stop))
    kept = stopping.adopt(job.out, tmp_path, job.base.id, job.settings)
    assert kept is not None and (kept.epoch, kept.epochs) == (at, 3 if task == "dpo" else 7)
    list(train(short))
    assert contract.equal(contract.weights(tmp_path), contract.weights(short.out))
    one, other = (json.loads((folder / "training.json").read_text()) for folder in (tmp_path, short.out))
    assert [(h["findings"], h["epochs"], h["curves"], h["best_epoch"]) for h in (one,)] == [
        (h["findings"], h["epochs"], h["curves"], h["best_epoch"]) for h in (other,)
    ]
    assert one["findings"][-1]["text"].startswith(f"Stopped after {'epoch' if task == 'dpo' else 'step'} {at} of")
    assert checkpoints.latest(job.out) is not None, "the stopped run can still go on"


def test_term_keeps_the_best_finished_epoch_labelled_and_the_same_command_goes_on(
    make_job: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """F9, in this process: what TERM raises, raised in the third epoch."""
    job = make_job("dpo")
    path = job.out.parent / "job.json"
    path.write_text(job.model_dump_json())
    monkeypatch.setattr(sys, "stdout", sys.stdout)
    monkeypatch.setattr(signal, "signal", lambda *_: None)

    def interrupted(job: AnyJob, tell: Any) -> None:
        list(contract.left_off(train, job, 5))
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(command, "run", interrupted)
        assert command.main([str(path)]) == 130
    said = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert said["event"] == "Stopped" and (said["epoch"], said["epochs"]) == (2, 3)
    label = json.loads((job.out / "stopped.json").read_text())
    assert label["findings"][-1]["text"].startswith("Stopped after epoch 2 of 3") and not checkpoints.is_finished(job.out)
    assert (job.out / checkpoints.WEIGHTS).is_file()
    assert [event.epoch for event in contract.named(train(job), "Epoch")] == [3]
    assert not (job.out / "stopped.json").exists()


def test_nothing_is_kept_where_no_checkpoint_was_written(make_job: Any) -> None:
    job = make_job("dpo")
    list(contract.left_off(train, job, 1))
    assert stopping.keep(job.out, job.base.id, job.settings) is None
    assert stopping.adopt(job.out, job.out.parent, job.base.id, job.settings) is None
