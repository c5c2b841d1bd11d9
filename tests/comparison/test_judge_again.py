"""`certify`: a finished comparison is judged again, as a job; and a key reaches that job without touching a disk."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from comparison import jobs, judge_key
from comparison.engines.local import LocalEngine
from comparison.judge_again import judge_again, section_for
from comparison.plan import read_plan
from comparison.store import Store
from core.errors import Cancelled, PlanError, StoreError

CANARY = "sk-canary-7f3a91c04be255d1"
Complete = Callable[..., tuple[str, list[Any]]]


@pytest.fixture
def done(complete: Complete, mapping: dict[str, Any], task: Path) -> str:
    """A finished comparison without a judge."""
    return complete(read_plan(mapping, task))[0]


def files_with(folder: Path, text: str) -> list[Path]:
    """Files below a folder that hold a text, packed ones unpacked."""
    import gzip

    found = []
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        raw = path.read_bytes()
        whole = gzip.decompress(raw) if path.suffix == ".gz" else raw
        found += [path] if text.encode() in whole else []
    return found


def test_a_comparison_without_a_judge_gets_one_and_nothing_is_generated(done: str, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.fake.FakeModel.generate", lambda *_, **__: pytest.fail("something was generated"))
    events = list(judge_again(store, done, section_for(store.result(done), ["judge.scale=7", "judge.pairwise=true"])))
    result = store.result(done)
    assert result.report_names() == ["report.json", "report.2.json"] and events[-1].report == "report.2.json"  # type: ignore[attr-defined]
    judge = result.report()["judge"]
    assert judge["scale"] == 7 and judge["certificate"]["auc"] is not None and len(judge["pairwise"]) == 1
    assert jobs.status(store, done).state == "done"
    assert section_for(result) == {"scale": 7, "pairwise": True}


@pytest.mark.parametrize("override", ["judge.scale=12", "judge.rubric=Grade from 1 to 9", "judge.key=x", "judge.modle=same", "judge=["])
def test_a_wrong_judge_is_refused_and_nothing_is_written(done: str, store: Store, override: str) -> None:
    with pytest.raises(PlanError):
        section_for(store.result(done), [override])
    assert store.result(done).report_names() == ["report.json"]


def test_stopped_in_the_middle_it_is_what_it_was_and_goes_on_from_there(done: str, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []

    def stopping(self: Any, *_: Any) -> list[float]:
        calls.append(1)
        if len(calls) == 30:
            raise Cancelled("Stopped on request.")
        return [-float(n) for n in range(len(_[1]))]

    monkeypatch.setattr("models.fake.FakeModel.logprobs", stopping)
    with pytest.raises(Cancelled):
        list(judge_again(store, done, {}))
    assert jobs.status(store, done).state == "done" and store.result(done).report_names() == ["report.json"]
    assert "Not judged again" in jobs.status(store, done).reason
    list(judge_again(store, done, {}))
    first = len(calls)
    list(judge_again(store, done, {}))
    assert store.result(done).report()["judge"]["calls"] == first - 1 and len(calls) == first


def test_a_comparison_that_runs_is_not_judged_beside_it(done: str, store: Store) -> None:
    jobs.requeue(store, done, None)
    with store.database.write() as db:
        db.execute("UPDATE jobs SET state = 'running', pid = ?, mark = ?", (os.getppid(), jobs.process.mark_of(os.getppid())))
    with pytest.raises(StoreError):
        list(judge_again(store, done, {}))


def test_the_command_prints_the_certificate(command: Callable[..., Any], write_plan: Callable[..., Path], tmp_path: Path) -> None:
    home = tmp_path / "home"
    ran = json.loads(command("run", write_plan(judge={"certificate_items": 4}), "--json", home=home).stdout)
    shown = command("certify", ran["id"], home=home)
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.startswith("judge fake/echo, marks 1 to 5: not trusted") and "4 items" in shown.stdout
    told = json.loads(command("certify", ran["id"], "--set", "judge.scale=3", "--json", home=home).stdout)
    assert told["scale"] == 3 and told["certificate"]["n"] == 4
    wrong = command("certify", ran["id"], "--set", "judge.scale=0", home=home)
    assert wrong.returncode == 2 and "judge.scale" in wrong.stderr


def test_a_key_reaches_a_run_in_its_environment_and_is_on_no_disk(
    complete: Complete, mapping: dict[str, Any], task: Path, store: Store, judge_server: Any
) -> None:
    """F16, as the page does it: the run's process sends the key, and neither plan, log, store nor report holds it."""
    judge_server.script = ["4"]
    plan = read_plan({**mapping, "judge": {"endpoint": {"url": judge_server.url, "model": "m"}, "certificate_items": 2}}, task)
    engine = LocalEngine(judge_key.for_child(plan.mapping["judge"], CANARY, public=False))
    comparison_id = jobs.submit(store, plan, engine=engine).id
    deadline = time.monotonic() + 90
    while jobs.status(store, comparison_id).active:
        assert time.monotonic() < deadline, (store.folder(comparison_id) / "job.log").read_text()
        time.sleep(0.1)
    assert store.result(comparison_id).report()["methods"][0]["scores"]["judge"]["mean"] == 4.0
    assert {headers["authorization"] for headers in judge_server.headers} == {f"Bearer {CANARY}"}
    assert files_with(store.root, CANARY) == []
    assert CANARY not in repr(engine)


def child_environment(engine: LocalEngine, tmp_path: Path) -> dict[str, str]:
    out = tmp_path / "environment.json"
    code = f"import json, os, pathlib; pathlib.Path({str(out)!r}).write_text(json.dumps(dict(os.environ)))"
    engine.start([sys.executable, "-c", code], tmp_path / "log")
    deadline = time.monotonic() + 20
    while not (out.exists() and out.read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    found: dict[str, str] = json.loads(out.read_text())
    return found


def test_the_apps_own_key_is_not_passed_on_to_an_address_that_somebody_typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """F15: only the address that the operator named beside the key gets it; a typed key goes before it."""
    monkeypatch.setenv(judge_key.KEY, CANARY)
    typed = {"endpoint": {"url": "http://attacker/v1", "model": "m"}}
    assert judge_key.KEY not in child_environment(LocalEngine(judge_key.for_child(typed, "", public=True)), tmp_path)
    assert judge_key.for_child(typed, " mine ", public=True) == {judge_key.KEY: "mine", judge_key.PUBLIC: "1"}
    monkeypatch.setenv(judge_key.URL, "http://operator/v1")
    assert judge_key.for_child(typed, "", public=True)[judge_key.KEY] is None
    assert judge_key.for_child({"endpoint": {"url": "http://operator/v1"}}, "", public=False)[judge_key.KEY] == CANARY
    assert judge_key.for_child(None, "", public=False)[judge_key.KEY] is None


def test_a_job_without_a_judge_inherits_no_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """F15"""
    monkeypatch.setenv(judge_key.KEY, CANARY)
    assert CANARY not in child_environment(LocalEngine(), tmp_path).values()


def test_what_a_run_starts_itself_does_not_see_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """F16: the trainer is a child of the run."""
    monkeypatch.setenv(judge_key.KEY, CANARY)
    monkeypatch.setattr(judge_key, "_taken", [])
    assert judge_key.take() == CANARY and judge_key.take() == CANARY
    assert judge_key.KEY not in os.environ
