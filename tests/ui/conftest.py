"""A small example, a server on a free port, and browsers, for the tests of the page."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from comparison import jobs
from comparison.plan import read_plan
from comparison.run import run as run_comparison
from ui.context import Context, Settings
from ui.handlers import examples, methods
from ui.task import Task

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = Path("/usr/bin/chromium")
FLAGS = (Path(__file__).parent / "chromium.flags").read_text().split()
PLACES = ("mill", "quarry", "orchard", "harbour", "chapel", "foundry", "meadow", "tannery")
THINGS = ("key", "ladder", "lantern", "ledger", "barrel", "anvil")
EVIL = '<img src=x onerror="window.pwned=1"> ${window.pwned=2} {{window.pwned=3}} <script>window.pwned=4</script>'

PLAN = """\
name: Lost things
primary: token_f1
data: {path: questions.csv, columns: {input: question, output: answer}, instruction: "Answer in one sentence."}
knowledge: {path: handbook}
model: {id: fake/echo, embedder: fake/hash-64}
methods:
  - {kind: zero_shot}
  - {kind: rag, top_k: 2}
metrics: [token_f1, exact_match]
"""


def facts() -> list[tuple[str, str]]:
    """48 questions with distinct answers."""
    pairs = [(place, thing) for place in PLACES for thing in THINGS]
    return [(f"Where is the {t} of the {p}?", f"The {t} hangs behind door {17 * i % 97} of the {p}.") for i, (p, t) in enumerate(pairs)]


def write_example(folder: Path, name: str = "lost_things", plan: str = PLAN) -> Path:
    """A whole example without a result; its first item and document carry script that must never run."""
    home = folder / name
    (home / "handbook").mkdir(parents=True)
    rows = [*facts(), (f"What does the sign say? {EVIL}", f"It says {EVIL}"), ("Who keeps the sign?", f"The warden {EVIL}")]
    text = "question,answer\n" + "".join('"' + q.replace('"', '""') + '","' + a.replace('"', '""') + '"\n' for q, a in rows)
    (home / "questions.csv").write_text(text)
    for place in PLACES:
        mine = [a for _, a in facts() if place in a]
        (home / "handbook" / f"{place}.md").write_text(f"# The {place}\n\n" + " ".join(mine) + f"\n\nThe sign: {EVIL}\n")
    (home / "plan.yaml").write_text(plan)
    return home


@pytest.fixture
def examples_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "examples"
    write_example(folder)
    return folder


@pytest.fixture
def ctx(tmp_path: Path, examples_folder: Path) -> Context:
    return Context(Settings(home=tmp_path / "home", examples=examples_folder, model="fake/echo"))


@pytest.fixture
def task(ctx: Context) -> Task:
    return examples.task(ctx, "lost_things")


@pytest.fixture
def complete(ctx: Context) -> Callable[[dict[str, Any], Path], str]:
    """Runs a plan, whose paths are relative to the folder, to its end in this process and in the owner's name; its id."""

    def go(mapping: dict[str, Any], folder: Path) -> str:
        plan = read_plan(mapping, folder)
        comparison_id = jobs.admit(ctx.store, plan, ctx.owner, jobs.own_handle()).id
        list(run_comparison(plan, ctx.store, comparison_id))
        return comparison_id

    return go


@pytest.fixture
def finished(complete: Callable[[dict[str, Any], Path], str], task: Task) -> str:
    """A finished comparison of the small example."""
    plan = methods.plan(task, ["zero_shot", "rag"], {"rag": {"top_k": 2}}, ["token_f1", "exact_match"], None)
    return complete(plan, Path(task.base))


@pytest.fixture
def make_example(tmp_path: Path) -> Callable[..., Path]:
    """Writes the small example with changes to its plan's text; the folder of examples."""

    def make(changes: dict[str, str] | None = None, more: str = "") -> Path:
        plan = PLAN
        for old, new in (changes or {}).items():
            plan = plan.replace(old, new)
        return write_example(tmp_path / "changed", plan=plan + more).parent

    return make


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    """A plain file of 48 questions and answers."""
    path = tmp_path / "mine.csv"
    path.write_text("question,answer\n" + "".join(f"{q},{a}\n" for q, a in facts()))
    return path


@pytest.fixture
def report() -> dict[str, Any]:
    """A report of five methods, written by hand in the layout of ARCHITECTURE.md."""
    loaded: dict[str, Any] = json.loads((Path(__file__).parent / "sample" / "report.json").read_text())
    return loaded


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def answering(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., str]]:
    """Starts `app.py` on a free port; its address. Ended with all that it started. `serve.running` holds the processes."""
    running: list[subprocess.Popen[bytes]] = []

    def start(*arguments: str, home: Path | None = None) -> str:
        port = free_port()
        env = {
            **os.environ,
            "BAKEOFF_HOME": str(home or tmp_path / "home"),
            "HF_HUB_OFFLINE": "1",
            "OMP_NUM_THREADS": "2",
            "PYTHONUNBUFFERED": "1",
        }
        log = (tmp_path / "app.log").open("ab")
        command = [sys.executable, "app.py", "--port", str(port), *arguments]
        process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=log, stderr=log, start_new_session=True)
        running.append(process)
        url = f"http://127.0.0.1:{port}/"
        deadline = time.monotonic() + 90
        while not answering(url):
            assert process.poll() is None, (tmp_path / "app.log").read_text()
            assert time.monotonic() < deadline, "the app did not answer within 90 s"
            time.sleep(0.1)
        return url

    start.running = running  # type: ignore[attr-defined]
    yield start
    for process in running:
        if process.poll() is not None:
            continue
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)
    said = (tmp_path / "app.log").read_text() if running else ""
    assert "Traceback" not in said, said[-4000:]


@pytest.fixture
def chromium() -> Iterator[Any]:
    """A browser; skipped only where Debian's chromium is absent."""
    if not CHROMIUM.exists():
        pytest.skip("needs /usr/bin/chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield browser
        browser.close()
