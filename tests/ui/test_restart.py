"""The app is killed in the middle of a run that it started: the page shows the right state once it is there again."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from browsing import choose, opened, ready_to_run, strip_says

from comparison import jobs, process
from comparison.store import Store

pytestmark = pytest.mark.browser
SOON_MS = 5_000


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """The store of the apps that `serve` starts; no run of it outlives the test."""
    found = Store(tmp_path / "home")
    yield found
    for row in jobs.listing(found):
        jobs.stop(found, row["id"])


def worker(store: Store) -> tuple[str, int, str]:
    """The one run: its id, and its process's pid and mark."""
    with store.database.read() as db:
        (row,) = db.execute("SELECT id, pid, mark FROM jobs").fetchall()
    return row["id"], row["pid"], row["mark"]


def kill(serve: Any) -> None:
    """SIGKILL to the app that was started last, and to nothing else."""
    app = serve.running[-1]
    app.send_signal(signal.SIGKILL)
    app.wait(10)


def test_a_killed_app_finds_its_run_again_and_never_calls_a_dead_one_running(
    serve: Callable[..., str], chromium: Any, make_example: Callable[..., Path], store: Store
) -> None:
    """F2: `app.py` itself is killed; then the worker beside it, too. Each time the page is right within 5 s of standing there."""
    from playwright.sync_api import expect

    folder = make_example({"fake/echo": "fake/slow-5000"}, "batch: {max_rows: 1}\n")
    page = opened(chromium, serve("--examples", str(folder)))
    ready_to_run(page, "slow-5000")
    page.get_by_role("button", name="Run", exact=True).click()
    page.locator("#run_strip").get_by_text("Running Lost things").wait_for()
    run, pid, mark = worker(store)
    assert pid != serve.running[-1].pid and os.getpgid(pid) == pid, "the run leads a group of its own"

    kill(serve)
    assert process.alive(pid, mark), "the run goes on without the app"
    page = opened(chromium, serve("--examples", str(folder)))
    expect(page.locator("#run_strip")).to_contain_text("Running Lost things", timeout=SOON_MS)
    expect(page.locator("#run_lines")).to_contain_text("answering", timeout=SOON_MS)
    expect(page.locator("#run")).to_have_text("Running")
    assert worker(store) == (run, pid, mark) and jobs.status(store, run).state == "running"

    kill(serve)
    os.killpg(pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while process.alive(pid, mark) and time.monotonic() < deadline:
        time.sleep(0.05)
    page = opened(chromium, serve("--examples", str(folder)))
    strip_says(page, "slow-5000")
    expect(page.locator("#arrived")).to_contain_text("Lost things: The run was interrupted.", timeout=SOON_MS)
    expect(page.locator("#arrived")).to_contain_text("Resume it from the Library tab.")
    expect(page.locator("#run_strip")).to_be_hidden()
    expect(page.locator("#run")).to_have_text("Run")
    choose(page, "Library")
    row = page.locator("#library label").first
    expect(row).to_contain_text("interrupted", timeout=SOON_MS)
    assert "running" not in row.inner_text()
    assert [(found["id"], found["status"]) for found in jobs.listing(store)] == [(run, "interrupted")]

    page.locator("#library_resume").click()
    page.locator("#run_strip").get_by_text("Running Lost things").wait_for()
    again = worker(store)
    assert again[0] == run and again[1] != pid and process.alive(*again[1:])
