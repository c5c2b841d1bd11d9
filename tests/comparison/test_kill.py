"""kill -9 at any moment, then resume: the same answers and scores as a run that nobody touched, with at most one batch redone."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from comparison import jobs
from comparison.answers import AnswerWriter, read_answers
from comparison.events import Answered, Finished
from comparison.plan import Plan, read_plan
from comparison.run import run
from comparison.store import Store

FORK = multiprocessing.get_context("fork")
METHODS = ("zero_shot", "few_shot")
BATCHES = 6


def work(root: Path, plan: Plan, comparison_id: str, ready: Any, sabotage: Callable[[], None]) -> None:
    """The child: claims the job as a started process does, and runs it."""
    sabotage()
    store = Store(root, root / "models")
    jobs.claim(store, comparison_id)
    ready.set()
    for _ in run(plan, store, comparison_id):
        continue


def no_sabotage() -> None:
    """Leaves everything as it is."""


class Interrupted:
    """One comparison, run by a child that can be killed."""

    def __init__(self, root: Path, plan: Plan) -> None:
        self.plan, self.store = plan, Store(root, root / "models")
        self.id = jobs.admit(self.store, plan).id
        self.folder = self.store.folder(self.id)

    def run(self, kill_after_s: float | None, sabotage: Callable[[], None] = no_sabotage) -> int | None:
        ready = FORK.Event()
        child = FORK.Process(target=work, args=(self.store.root, self.plan, self.id, ready, sabotage))
        child.start()
        assert ready.wait(30)
        child.join(kill_after_s)
        if child.is_alive() and kill_after_s is not None:
            child.kill()
        child.join(60)
        return child.exitcode

    def kept(self) -> int:
        """Batches whose marker is on disk."""
        return sum(len(read_answers(self.folder, method).batches) for method in METHODS)

    def resume(self) -> int:
        """Go on in this process; how many batches were generated for that."""
        jobs.requeue(self.store, self.id, jobs.own_handle())
        counts: dict[str, int] = {}
        for event in run(self.plan, self.store, self.id):
            if isinstance(event, Answered):
                counts[event.method] = event.generated
        return sum(counts.values())


@pytest.fixture(scope="module")
def slow_plan(task: Path) -> Plan:
    """Two methods of three batches, 20 ms each."""
    return read_plan(
        {
            "data": {"path": "questions.jsonl", "instruction": "Answer in a few words."},
            "model": {"id": "fake/slow-20", "embedder": "fake/hash-64"},
            "methods": [{"kind": "zero_shot"}, {"kind": "few_shot", "shots": 2}],
            "metrics": ["token_f1"],
            "batch": {"max_rows": 4},
        },
        task,
    )


def contents(folder: Path) -> Mapping[str, bytes]:
    found = {p.name: p.read_bytes() for p in (folder / "answers").iterdir()}
    return {**found, "scores": (folder / "scores.jsonl.gz").read_bytes()}


class Untouched:
    """The run to compare with, and how long it took."""

    def __init__(self, root: Path, plan: Plan) -> None:
        begun = time.monotonic()
        whole = Interrupted(root, plan)
        assert whole.run(None) == 0
        self.seconds = time.monotonic() - begun
        self.contents = contents(whole.folder)
        self.kept = whole.kept()


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory, slow_plan: Plan) -> Untouched:
    return Untouched(tmp_path_factory.mktemp("untouched"), slow_plan)


def check_resumes(comparison: Interrupted, untouched: Untouched) -> None:
    assert jobs.status(comparison.store, comparison.id).state == "interrupted"
    kept = comparison.kept()
    assert comparison.resume() == untouched.kept - kept, "what has its marker is not generated again"
    assert contents(comparison.folder) == untouched.contents
    assert jobs.status(comparison.store, comparison.id).state == "done"


@pytest.mark.parametrize("seed", range(20))
def test_killed_at_a_random_moment_it_resumes_to_the_same_bytes(tmp_path: Path, slow_plan: Plan, untouched: Untouched, seed: int) -> None:
    """F1."""
    comparison = Interrupted(tmp_path, slow_plan)
    exitcode = comparison.run(random.Random(seed).uniform(0.0, 0.9) * untouched.seconds)
    assert exitcode in (0, -signal.SIGKILL)
    if jobs.status(comparison.store, comparison.id).state == "done":  # it was quicker than the dice, or the blow fell while it was leaving
        assert contents(comparison.folder) == untouched.contents
        return
    assert exitcode == -signal.SIGKILL
    check_resumes(comparison, untouched)


def die(*_: Any, **__: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def after_packing_before_the_database() -> None:
    """Between the rename of a method's whole answers and the database's commit."""
    original = Store.remember
    Store.remember = lambda self, table, rows: die() if table == "method_keys" else original(self, table, rows)  # type: ignore[method-assign]


def after_a_batch_before_the_database() -> None:
    original, calls = Store.remember, []

    def remember(self: Store, table: str, rows: list[tuple[str, ...]]) -> None:
        calls.append(table)
        if calls.count("batches") == 2:
            die()
        original(self, table, rows)

    Store.remember = remember  # type: ignore[method-assign]


def between_packing_and_removing_the_open_file() -> None:
    original = AnswerWriter.finish

    def finish(self: AnswerWriter, *figures: float) -> None:
        plain = self.plain.read_bytes()
        original(self, *figures)
        self.plain.write_bytes(plain)
        die()

    AnswerWriter.finish = finish  # type: ignore[method-assign]


def after_the_report_before_the_database() -> None:
    Store.close = die  # type: ignore[method-assign,assignment]


@pytest.mark.parametrize(
    "sabotage",
    [after_packing_before_the_database, after_a_batch_before_the_database, between_packing_and_removing_the_open_file],
)
def test_killed_between_file_and_database_it_resumes_to_the_same_bytes(
    tmp_path: Path, slow_plan: Plan, untouched: Untouched, sabotage: Callable[[], None]
) -> None:
    """F1: between rename and database commit, too."""
    comparison = Interrupted(tmp_path, slow_plan)
    assert comparison.run(60, sabotage) == -signal.SIGKILL
    check_resumes(comparison, untouched)


def test_killed_after_the_report_and_before_the_database_the_report_stays(tmp_path: Path, slow_plan: Plan, untouched: Untouched) -> None:
    """F1: a written report never changes."""
    comparison = Interrupted(tmp_path, slow_plan)
    assert comparison.run(60, after_the_report_before_the_database) == -signal.SIGKILL
    written = (comparison.folder / "report.json").read_bytes()
    check_resumes(comparison, untouched)
    assert (comparison.folder / "report.json").read_bytes() == written


@pytest.mark.parametrize("by", ["command line", "app"])
def test_killed_after_the_report_a_resume_closes_it_and_writes_nothing_new(
    tmp_path: Path, slow_plan: Plan, command: Callable[..., Any], by: str
) -> None:
    """F1, F2: it was all done but for the database; resumed, it is listed as done and told so."""
    comparison = Interrupted(tmp_path / "store", slow_plan)
    assert comparison.run(60, after_the_report_before_the_database) == -signal.SIGKILL
    assert jobs.listing(comparison.store)[0]["status"] == "interrupted"
    if by == "app":
        jobs.resume(comparison.store, comparison.id)
        deadline = time.monotonic() + 60
        while jobs.status(comparison.store, comparison.id).active and time.monotonic() < deadline:
            time.sleep(0.05)
    else:
        done = command("resume", comparison.id, "--store", comparison.store.root, "--json")
        assert (done.returncode, json.loads(done.stdout)["id"]) == (0, comparison.id)
    result = comparison.store.result(comparison.id)
    row = jobs.listing(comparison.store)[0]
    assert (row["status"], row["verdict"], row["reason"]) == ("done", result.report()["verdict"]["text"], "")
    assert result.report_names() == ["report.json"]
    last = list(result.events())[-1]
    assert isinstance(last, Finished)
    assert (last.status, last.report) == ("done", "report.json")


def test_untouched_run_has_all_batches(untouched: Untouched) -> None:
    assert untouched.kept == BATCHES
