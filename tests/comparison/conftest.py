"""A small task on the fake model, a store that forgets, and the command line as people call it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from comparison import jobs
from comparison.events import Event
from comparison.plan import Plan, read_plan
from comparison.run import run
from comparison.store import Store

ROOT = Path(__file__).resolve().parents[2]
PLACES = ("bridge", "lantern", "harbour", "orchard", "compass", "violin", "glacier", "meadow", "anvil", "kettle", "quarry", "belfry")


def write_task(folder: Path) -> None:
    """48 questions with distinct words, and a handbook of six pages that answers some of them."""
    rows = []
    for n in range(48):
        here, there = PLACES[n % 12], PLACES[(n * 5 + 3) % 12]
        rows.append(
            {"input": f"{here.title()} {n}: which hall keeps the {there} of year {1800 + n * 3}?", "output": f"Hall {n % 7} of the {here}"}
        )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "questions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "handbook").mkdir(exist_ok=True)
    for n, place in enumerate(PLACES[:6]):
        text = (
            f"# The {place}\n\nThe {place} of year {1800 + n * 3} is kept in hall {n}. It was built by hand. Ask at the gate for its key.\n"
        )
        (folder / "handbook" / f"{n:02d}-{place}.md").write_text(text)


@pytest.fixture(scope="session")
def task(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the small task; nobody writes into it."""
    folder = tmp_path_factory.mktemp("task")
    write_task(folder)
    return folder


def small_plan() -> dict[str, Any]:
    return {
        "name": "Small task",
        "data": {"path": "questions.jsonl", "instruction": "Answer in a few words."},
        "knowledge": {"path": "handbook"},
        "model": {"id": "fake/echo", "embedder": "fake/hash-64"},
        "methods": [{"kind": "zero_shot"}, {"kind": "few_shot", "shots": 2}],
        "metrics": ["token_f1", "exact_match"],
        "batch": {"max_rows": 4},
    }


def write_plan_file(folder: Path, changes: Mapping[str, Any]) -> Path:
    """The small plan as a file beside data of its own; `changes` replace sections."""
    write_task(folder)
    path = folder / "plan.json"
    path.write_text(json.dumps({**small_plan(), **changes}))
    return path


def call(home: Path, *arguments: str | Path, timeout: float = 120) -> subprocess.CompletedProcess[str]:
    """`python -m comparison …` as a process of its own, with `home` as BAKEOFF_HOME."""
    environment = {**os.environ, "BAKEOFF_HOME": str(home), "OMP_NUM_THREADS": "1"}
    line = [sys.executable, "-m", "comparison", *map(str, arguments)]
    return subprocess.run(line, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=timeout)


class Finished(NamedTuple):
    """One run that several tests read: its home and what it printed."""

    home: Path
    report: dict[str, Any]


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """Three methods and a judge, run by the command line; tests that add to it say so."""
    home = tmp_path_factory.mktemp("finished")
    methods = [{"kind": "zero_shot"}, {"kind": "few_shot", "shots": 2, "selection": "similar"}, {"kind": "rag", "top_k": 2}]
    changes = {"methods": methods, "metrics": ["token_f1", "rouge1", "semantic_similarity"], "judge": {"model": "same"}}
    done = call(home, "run", write_plan_file(home / "work", changes), "--json")
    assert done.returncode == 0, done.stderr
    return Finished(home, json.loads(done.stdout))


@pytest.fixture
def mapping() -> dict[str, Any]:
    """A plan with two quick methods in batches of 4, relative to the task's folder."""
    return small_plan()


@pytest.fixture
def plan(mapping: dict[str, Any], task: Path) -> Plan:
    return read_plan(mapping, task)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store", tmp_path / "models")


@pytest.fixture
def complete(store: Store) -> Callable[..., tuple[str, list[Event]]]:
    """Run a plan to its end in this process: (id, events)."""

    def go(plan: Plan, where: Store = store) -> tuple[str, list[Event]]:
        comparison_id = jobs.admit(where, plan, handle=jobs.own_handle()).id
        return comparison_id, list(run(plan, where, comparison_id))

    return go


@pytest.fixture
def command(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """The command line with a home of this test's own, unless `home` says which."""

    def run_command(*arguments: str | Path, home: Path = tmp_path / "home") -> subprocess.CompletedProcess[str]:
        return call(home, *arguments)

    return run_command


@pytest.fixture
def write_plan(tmp_path: Path) -> Callable[..., Path]:
    """The plan as a file beside data of its own; keyword arguments replace sections."""
    return lambda **changes: write_plan_file(tmp_path / "work", changes)


@pytest.fixture
def files() -> Callable[[Path], Mapping[str, bytes]]:
    """What must be equal between two runs of the same plan: answers and scores, byte for byte."""

    def read(folder: Path) -> Mapping[str, bytes]:
        found = {f"answers/{p.name}": p.read_bytes() for p in (folder / "answers").iterdir()}
        return {**found, "scores": (folder / "scores.jsonl.gz").read_bytes()}

    return read
