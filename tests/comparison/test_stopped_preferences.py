"""Stop while DPO trains: its best epoch becomes weights with a label of their own; and what both kinds will take is told before."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import preferring
import pytest
from typer.testing import CliRunner

from comparison import jobs
from comparison.__main__ import app
from comparison.events import Prepared, Progressed
from comparison.plan import read_plan
from comparison.run import run
from comparison.stopped import Stopped, keep, of_result
from comparison.store import Store
from core.errors import Cancelled
from training.estimate import Estimate
from training.preference.job import AnyJob


def one_by_one(job: AnyJob) -> Iterator[dict[str, Any]]:
    """As `training.launch.run_job`, in this process."""
    yield from ({"event": type(event).__name__, **asdict(event)} for event in preferring.train(job))


@pytest.fixture
def mapping(tmp_path: Path, tiny_model: Path) -> dict[str, Any]:
    rows = [{"input": f"Which hall keeps thing {n} of year {1800 + 3 * n}?", "output": f"hall {n % 5}"} for n in range(16)]
    (tmp_path / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    pairs = [{"prompt": f"Is lamp {n} of the long quay lit?", "chosen": "yes", "rejected": "no"} for n in range(8)]
    (tmp_path / "votes.jsonl").write_text("".join(json.dumps(row) + "\n" for row in pairs))
    return {
        "data": {"path": str(tmp_path / "data.jsonl"), "instruction": "Answer in a few words."},
        "model": {"id": str(tiny_model), "embedder": "fake/hash-64", "threads": 1, "dtype": "float32"},
        "methods": [{"kind": "dpo", "pairs": str(tmp_path / "votes.jsonl"), "rank": 2, "epochs": 3, "learning_rate": 0.005}],
        "metrics": ["token_f1"],
        "generation": {"max_new_tokens": 4},
    }


def test_what_was_trained_is_kept_labelled_found_by_stop_after_and_gone_on_with(
    mapping: dict[str, Any], store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """E22, F9: the stopped weights are those of `stop_after: 2`, and the run with all epochs goes on from where it was."""
    monkeypatch.setattr("adapters.preferred.run_job", one_by_one)
    whole = read_plan(mapping)
    name = jobs.admit(store, whole, handle=jobs.own_handle()).id
    steps = run(whole, store, name)
    for event in steps:
        if isinstance(event, Progressed) and event.stage == "checking held-out pairs" and event.done == 2:
            with pytest.raises(Cancelled):
                steps.throw(Cancelled("Stopped on request."))  # type: ignore[attr-defined]
            break
    (kept,) = keep(store, name)
    assert (kept.method, kept.epoch, kept.epochs, kept.words) == ("dpo", 2, 3, "stopped after epoch 2 of 3")
    assert of_result(store.result(name)) == [kept]
    history = json.loads((store.artefacts / kept.fingerprint / "training.json").read_text())
    assert [finding["rule"] for finding in history["findings"]] == ["pairs", "stopped"] and history["pairs"]["train"] == 7
    short = read_plan({**mapping, "name": "So far", "methods": [{**mapping["methods"][0], "stop_after": 2}]})
    told = list(run(short, store, jobs.admit(store, short, handle=jobs.own_handle()).id))
    assert [event.reused for event in told if isinstance(event, Prepared)] == [True]
    jobs.requeue(store, name, jobs.own_handle())
    told = list(run(whole, store, name))
    assert {event.values["epoch"] for event in told if isinstance(event, Progressed) and event.stage == "training"} == {3.0}
    assert [event.fingerprint for event in told if isinstance(event, Prepared)] != [kept.fingerprint]


def test_a_stopped_policy_optimisation_is_worded_by_its_steps() -> None:
    assert Stopped("grpo", 15, 20, 15, "f", "step").words == "stopped after step 15 of 20"


def test_both_kinds_are_estimated_before_they_are_launched(
    mapping: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[AnyJob] = []
    monkeypatch.setattr("adapters.preferred.of_job", lambda job: asked.append(job) or Estimate(61.0, 12, 3000, 200, 900.0, None, ""))
    monkeypatch.setattr("adapters.rewarding.run_job", one_by_one)
    shared = {"pairs": mapping["methods"][0]["pairs"], "rank": 2}
    (tmp_path / "plan.json").write_text(json.dumps({**mapping, "methods": [mapping["methods"][0], {"kind": "grpo", "steps": 2, **shared}]}))
    done = CliRunner().invoke(app, ["estimate", str(tmp_path / "plan.json"), "--store", str(tmp_path / "store")])
    assert done.exit_code == 0, done.output
    assert "dpo: About 1 min 01 s (12 steps on 3,000 tokens, 200 of them answers); peak memory 900 MB." in done.output
    assert "grpo: About" in done.output and [job.task for job in asked] == ["dpo", "grpo"]
