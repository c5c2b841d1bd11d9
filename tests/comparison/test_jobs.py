"""Jobs: one at a time, one for each plan and owner, never called running when dead, and gone when stopped."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from comparison import jobs, lost, process
from comparison.engines.base import Handle
from comparison.engines.local import LocalEngine
from comparison.events import Answered, MethodStarted
from comparison.plan import Plan, read_plan
from comparison.slot import Slot
from comparison.store import Store, alone
from core.errors import Cancelled, StoreError

FORK = multiprocessing.get_context("fork")


class Sleeper(LocalEngine):
    """Starts something that lasts in place of the run, and keeps the command that it was given."""

    def __init__(self) -> None:
        self.commands: list[list[str]] = []

    def start(self, command: list[str], log: Path) -> Handle:
        self.commands.append(command)
        return super().start(["sleep", "300"], log)


def until(what: Callable[[], bool], patience_s: float = 60) -> None:
    deadline = time.monotonic() + patience_s
    while not what():
        assert time.monotonic() < deadline, "it did not come to that in time"
        time.sleep(0.05)


def slow(mapping: dict[str, Any], task: Path, milliseconds: int = 300) -> Plan:
    return read_plan({**mapping, "model": {"id": f"fake/slow-{milliseconds}", "embedder": "fake/hash-64"}}, task)


def press_run(root: Path, plan: Plan, barrier: Any, found: Any) -> None:
    store = Store(root, root / "models")
    barrier.wait()
    found.put(jobs.submit(store, plan, "somebody", Sleeper()))


@pytest.mark.parametrize("sessions", [2, 8])
def test_the_same_plan_pressed_at_once_is_one_job(store: Store, plan: Plan, sessions: int) -> None:
    """F6."""
    barrier, found = FORK.Barrier(sessions), FORK.Queue()
    children = [FORK.Process(target=press_run, args=(store.root, plan, barrier, found)) for _ in range(sessions)]
    for child in children:
        child.start()
    admissions = [found.get(timeout=60) for _ in children]
    for child in children:
        child.join(30)
    assert len({admission.id for admission in admissions}) == 1
    assert sum(admission.new for admission in admissions) == 1
    assert len(list(store.comparisons.iterdir())) == 1
    assert jobs.stop(store, admissions[0].id).state == "cancelled"


def test_another_owner_or_plan_or_a_finished_one_is_a_new_job(store: Store, mapping: dict[str, Any], task: Path) -> None:
    """F6: different plans queue."""
    own = jobs.own_handle()
    plan, other = read_plan(mapping, task), read_plan({**mapping, "name": "Other"}, task)
    ids = [jobs.admit(store, p, owner, own).id for p, owner in ((plan, "a"), (plan, "b"), (other, "a"))]
    assert len(set(ids)) == 3
    assert [jobs.status(store, i).position for i in ids] == [1, 2, 3]
    store.close(ids[0], "done")
    again = jobs.admit(store, plan, "a", own)
    assert again.new
    assert again.id > max(ids)
    assert jobs.status(store, again.id).position == 3


def test_the_command_is_what_a_user_could_type(store: Store, plan: Plan) -> None:
    engine = Sleeper()
    admission = jobs.submit(store, plan, engine=engine)
    path = str(store.folder(admission.id) / "plan.yaml")
    assert engine.commands[0][1:] == ["-m", "comparison", "run", path, "--store", str(store.root), "--id", admission.id]
    assert read_plan(Path(path)) == plan
    jobs.stop(store, admission.id)


def test_only_the_oldest_waiting_job_gets_the_slot_and_a_closed_one_frees_it(store: Store, mapping: dict[str, Any], task: Path) -> None:
    """F6: one job per compute slot."""
    first, second = (jobs.admit(store, read_plan({**mapping, "name": n}, task), handle=jobs.own_handle()).id for n in "ab")
    waiting = Slot(store)
    assert next(waiting.wait(second)).position == 2
    holder = Slot(store)
    assert list(holder.wait(first)) == []
    assert (jobs.status(store, first).state, jobs.status(store, second).state) == ("running", "queued")
    behind = waiting.wait(second)
    assert next(behind).position == 1
    store.close(first, "done")
    holder.close()
    assert list(behind) == []
    assert jobs.status(store, second).state == "running"
    waiting.close()


def test_a_job_taken_back_while_it_waits_does_not_run(store: Store, plan: Plan) -> None:
    comparison_id = jobs.admit(store, plan).id
    assert jobs.stop(store, comparison_id).state == "cancelled"
    with pytest.raises(Cancelled):
        jobs.claim(store, comparison_id)


def test_a_dead_job_is_interrupted_and_never_running(store: Store, plan: Plan) -> None:
    """F2: neither a dead pid nor a living one with another start counts."""
    dead = jobs.admit(store, plan, "a", Handle(2**22 - 3, "boot:1")).id
    reused = jobs.admit(store, plan, "b", Handle(os.getpid(), process.mark_of(os.getpid()) + "9")).id
    for comparison_id in (dead, reused):
        jobs.set_running(store, comparison_id)
        found = jobs.status(store, comparison_id)
        assert (found.state, found.position) == ("interrupted", 0)
        assert "killed" in found.reason
    assert {row["status"] for row in jobs.listing(store)} == {"interrupted"}
    assert jobs.admit(store, plan, "a").new, "a dead job does not stand in the way of the same plan"


SERVER = """
import sys, time
from pathlib import Path
from comparison import jobs
from comparison.plan import read_plan
from comparison.store import Store, alone
store = Store(Path(sys.argv[1]), Path(sys.argv[1]) / "models")
print(jobs.submit(store, read_plan(Path(sys.argv[2]))).id, flush=True)
time.sleep(300)
"""


@pytest.mark.parametrize("with_job", [False, True], ids=["server alone", "server and job"])
def test_a_killed_server_leaves_its_job_running_to_the_end_or_interrupted(
    store: Store, write_plan: Callable[..., Path], with_job: bool
) -> None:
    """F2: kill -9 of the process that started it; the state is right within 5 s and never "running" with a dead pid."""
    path = write_plan(model={"id": "fake/slow-200", "embedder": "fake/hash-64"})
    root = Path(__file__).resolve().parents[2]
    server = subprocess.Popen([sys.executable, "-c", SERVER, str(store.root), str(path)], cwd=root, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    comparison_id = server.stdout.readline().strip()
    until(lambda: any(isinstance(e, Answered) for e in store.result(comparison_id).events()))
    job = jobs.status(store, comparison_id)
    assert (job.state, job.pid not in (None, server.pid)) == ("running", True)
    server.kill()
    if with_job:
        os.killpg(job.pid or 0, signal.SIGKILL)
    server.wait()
    seen: list[str] = []
    until(
        lambda: seen.append(state_beside_life(store, comparison_id)) or not jobs.status(store, comparison_id).active, 5 if with_job else 60
    )
    assert jobs.status(store, comparison_id).state == ("interrupted" if with_job else "done")
    assert "running, dead" not in seen


def state_beside_life(store: Store, comparison_id: str) -> str:
    """Asked after a look at the process, so that a death between the two is not taken for a lie."""
    with store.database.read() as db:
        row = db.execute("SELECT pid, mark FROM jobs WHERE id = ?", (comparison_id,)).fetchone()
    life = "alive" if process.alive(row["pid"], row["mark"]) else "dead"
    return f"{jobs.status(store, comparison_id).state}, {life}"


def test_an_orphans_number_is_forgotten_once_it_is_gone_and_kept_while_it_is_not(
    store: Store, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F2: a number that was handled is never signalled later, when it may be a stranger's."""
    comparison_id = jobs.admit(store, plan, handle=Handle(2**22 - 3, "boot:1")).id
    asked: list[int] = []
    ends = iter([False, True])
    monkeypatch.setattr(process, "ours", lambda pid, mark: True)
    monkeypatch.setattr(process, "end_group", lambda group: asked.append(group) or next(ends))
    lost.refresh(store)
    for pid in (2**22 - 3, None, None):
        lost.end_orphans(store)
        assert jobs.status(store, comparison_id).pid == pid
    assert asked == [2**22 - 3] * 2


def test_killed_while_running_it_is_interrupted_and_resumes(store: Store, mapping: dict[str, Any], task: Path) -> None:
    """F2, with the real process."""
    comparison_id = jobs.submit(store, slow(mapping, task)).id
    result = store.result(comparison_id)
    until(lambda: any(isinstance(e, Answered) for e in result.events()))
    found = jobs.status(store, comparison_id)
    assert found.state == "running"
    assert found.pid is not None
    os.killpg(found.pid, signal.SIGKILL)
    until(lambda: jobs.status(store, comparison_id).state == "interrupted", 5)
    jobs.resume(store, comparison_id)
    until(lambda: not jobs.status(store, comparison_id).active)
    assert jobs.status(store, comparison_id).state == "done"
    assert [m["n"] for m in result.report()["methods"]] == [12, 12]


def test_stopped_while_running_it_is_cancelled_at_once_and_keeps_its_batches(store: Store, mapping: dict[str, Any], task: Path) -> None:
    """F9, with the real process: state cancelled, what was answered is kept."""
    comparison_id = jobs.submit(store, slow(mapping, task, 500)).id
    result = store.result(comparison_id)
    until(lambda: any(isinstance(e, Answered) for e in result.events()))
    begun = time.monotonic()
    stopped = jobs.stop(store, comparison_id)
    assert time.monotonic() - begun < 10
    assert stopped.state == "cancelled"
    assert stopped.pid is not None
    assert process.members(stopped.pid) == []
    assert len(result.answers("zero_shot").batches) >= 1
    with pytest.raises(StoreError, match="no report yet"):
        result.report()


def test_a_group_that_ignores_term_is_cancelled_within_ten_seconds(store: Store, plan: Plan) -> None:
    """F9."""

    class Stubborn(LocalEngine):
        def start(self, command: list[str], log: Path) -> Handle:
            return super().start(["sh", "-c", "trap '' TERM; echo up; while true; do sleep 1; done"], log)

    comparison_id = jobs.submit(store, plan, engine=Stubborn()).id
    log = store.folder(comparison_id) / "job.log"
    until(lambda: "up" in log.read_text())
    begun = time.monotonic()
    assert jobs.stop(store, comparison_id).state == "cancelled"
    assert time.monotonic() - begun < 10


def test_a_run_that_cannot_begin_says_why_in_the_list(store: Store, mapping: dict[str, Any], tmp_path: Path, task: Path) -> None:
    data = tmp_path / "questions.jsonl"
    data.write_text((task / "questions.jsonl").read_text())
    plan = read_plan({**mapping, "knowledge": None}, tmp_path)
    data.unlink()
    comparison_id = jobs.submit(store, plan).id
    until(lambda: not jobs.status(store, comparison_id).active)
    found = jobs.status(store, comparison_id)
    assert found.state == "failed"
    assert "questions.jsonl" in found.reason


def test_an_active_comparison_is_not_deleted_and_a_finished_one_is(store: Store, plan: Plan) -> None:
    comparison_id = jobs.admit(store, plan, handle=jobs.own_handle()).id
    with pytest.raises(StoreError, match="Stop it first"):
        jobs.remove(store, comparison_id)
    store.close(comparison_id, "done")
    jobs.remove(store, comparison_id)
    assert jobs.listing(store) == []
    assert not (store.comparisons / comparison_id).exists()


def test_no_caller_deletes_a_running_comparison(store: Store, plan: Plan) -> None:
    """The store refuses by itself, and goes on to refuse until the process is known to be gone."""
    comparison_id = jobs.admit(store, plan, handle=jobs.own_handle()).id
    for state in ("queued", "running"):
        with store.database.write() as db:
            db.execute("UPDATE jobs SET state = ? WHERE id = ?", (state, comparison_id))
        with pytest.raises(StoreError, match=f"is {state}, so it cannot be deleted. Stop it first."):
            store.delete(comparison_id)
    assert jobs.listing(store)[0]["id"] == comparison_id and store.folder(comparison_id).is_dir()
    with store.database.write() as db:
        db.execute("UPDATE jobs SET mark = 'another start' WHERE id = ?", (comparison_id,))
    jobs.remove(store, comparison_id)
    assert jobs.listing(store) == []


def test_a_comparison_that_is_being_scored_is_not_deleted(store: Store, plan: Plan) -> None:
    comparison_id = jobs.admit(store, plan, handle=jobs.own_handle()).id
    store.close(comparison_id, "done")
    with alone(store.folder(comparison_id)), pytest.raises(StoreError, match="another process"):
        jobs.remove(store, comparison_id)
    assert store.folder(comparison_id).is_dir()


def test_an_active_comparison_is_not_resumed(store: Store, plan: Plan) -> None:
    comparison_id = jobs.admit(store, plan, handle=Handle(os.getppid(), process.mark_of(os.getppid()))).id
    with pytest.raises(StoreError, match="already"):
        jobs.requeue(store, comparison_id, jobs.own_handle())


def test_term_ends_the_command_with_130(write_plan: Callable[..., Path], tmp_path: Path) -> None:
    """Exit code 130, and one JSON value on stdout."""
    path = write_plan(model={"id": "fake/slow-500", "embedder": "fake/hash-64"})
    line = [sys.executable, "-m", "comparison", "run", str(path), "--store", str(tmp_path / "s"), "--json"]
    root = Path(__file__).resolve().parents[2]
    child = subprocess.Popen(
        line, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "BAKEOFF_HOME": str(tmp_path)}
    )
    store = Store(tmp_path / "s", tmp_path / "models")
    until(lambda: any(any(isinstance(e, MethodStarted) for e in store.result(p.name).events()) for p in store.comparisons.iterdir()))
    child.terminate()
    out, _ = child.communicate(timeout=30)
    assert child.returncode == 130
    assert json.loads(out)["error"]["kind"] == "Cancelled"
    assert [row["status"] for row in jobs.listing(store)] == ["cancelled"]
