"""What a plan's fine-tunes will take, as a command says it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tickets import ticket_plan
from typer.testing import CliRunner

from comparison import estimating
from comparison.__main__ import app
from comparison.estimating import MethodEstimate
from training.estimate import Estimate
from training.job import TrainingJob

FITS = Estimate(61.0, 12, 3000, 200, 900.0, 4000.0, "")


@pytest.fixture
def plan(tmp_path: Path, tiny_model: Path) -> Path:
    methods = [{"kind": "zero_shot"}, {"kind": "lora", "rank": 2}, {"kind": "lora", "name": "wide", "rank": 8, "seeds": 2}]
    mapping = ticket_plan(tmp_path, tiny_model, *methods)
    (tmp_path / "plan.json").write_text(json.dumps(mapping))
    return tmp_path / "plan.json"


def call(plan: Path, *more: str) -> Any:
    return CliRunner().invoke(app, ["estimate", str(plan), "--store", str(plan.parent / "store"), *more])


def test_every_fine_tune_of_a_plan_is_estimated_from_the_rows_that_it_would_train_on(plan: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs: list[TrainingJob] = []
    monkeypatch.setattr(estimating, "of_job", lambda job: jobs.append(job) or FITS)
    done = call(plan)
    assert done.exit_code == 0, done.output
    assert "lora: About 1 min 01 s (12 steps on 3,000 tokens, 200 of them answers); peak memory 900 MB of 4,000 MB free." in done.output
    assert "wide: About 2 min 02 s (2 seeds, each 12 steps" in done.output
    assert [job.settings.rank for job in jobs] == [2, 8]  # type: ignore[attr-defined]
    assert jobs[0].train and jobs[0].validation


def test_one_can_be_named_and_what_does_not_fit_says_the_setting(plan: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimating, "of_job", lambda job: Estimate(61.0, 12, 3000, 200, 900.0, 400.0, "Set micro_batch_size to 1."))
    done = call(plan, "--method", "wide", "--json")
    (found,) = json.loads(done.stdout)
    assert (found["name"], found["fits"], found["remedy"]) == ("wide", False, "Set micro_batch_size to 1.")


@pytest.mark.parametrize(
    "more, said",
    [(["--method", "zero_shot"], "no fine-tune 'zero_shot'"), (["--set", 'methods=[{"kind": "zero_shot"}]'], "has no fine-tune")],
)
def test_a_plan_without_the_fine_tune_is_one_plain_message(plan: Path, more: list[str], said: str) -> None:
    done = call(plan, *more)
    assert done.exit_code == 2 and said in done.output


def test_words_leave_out_what_the_system_does_not_tell() -> None:
    known = MethodEstimate("lora", 1, Estimate(5.0, 1, 10, 2, 100.0, None, ""))
    assert known.words.endswith("peak memory 100 MB.") and MethodEstimate("lora", 1, None).to_json()["trained"] is True
