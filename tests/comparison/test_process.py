"""Which processes live, and that a whole group can be ended."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from comparison import process
from comparison.engines.base import Handle
from comparison.engines.local import LocalEngine

FAMILY = """
import os, signal, subprocess, sys, time
from comparison import process
process.lead_own_group()
stubborn = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(300)"
child = "import subprocess, sys; p = subprocess.Popen([sys.executable, '-c', %r]); p.wait()" % stubborn
children = [subprocess.Popen([sys.executable, "-c", child]), subprocess.Popen(["sleep", "300"])]
[c.wait() for c in children]
"""


def start_family(log: Path) -> Handle:
    """A trainer with two children and a grandchild that ignores TERM; returns once that one is up."""
    handle = LocalEngine().start([sys.executable, "-c", FAMILY], log)
    deadline = time.monotonic() + 30
    while b"up" not in log.read_bytes():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return handle


def test_a_group_with_a_member_that_ignores_term_is_gone_within_ten_seconds(tmp_path: Path) -> None:
    """F9."""
    handle = start_family(tmp_path / "log")
    assert len(process.members(handle.pid)) == 4
    begun = time.monotonic()
    assert LocalEngine().stop(handle)
    assert time.monotonic() - begun < 10
    assert process.members(handle.pid) == []


def test_members_that_outlive_their_leader_are_still_ours(tmp_path: Path) -> None:
    handle = start_family(tmp_path / "log")
    os.kill(handle.pid, 9)
    while process.alive(handle.pid, handle.mark):
        time.sleep(0.02)
    assert process.ours(handle.pid, handle.mark)
    assert LocalEngine().stop(handle)
    assert not process.ours(handle.pid, handle.mark)


def test_a_leaderless_group_that_shows_no_mark_of_ours_may_be_a_strangers(tmp_path: Path) -> None:
    """F2: its number was given away anew, its leader has ended; nobody is signalled."""
    line = "import subprocess, sys; subprocess.Popen(['sleep', '300']); print('up', flush=True); sys.stdin.read()"
    environment = {key: value for key, value in os.environ.items() if key != process.GROUP_MARK}
    leader = subprocess.Popen(
        [sys.executable, "-c", line], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True, env=environment
    )
    assert leader.stdout is not None and leader.stdout.readline() == b"up\n"
    mark, group = process.mark_of(leader.pid), leader.pid
    leader.kill()
    leader.wait()
    (sleeper,) = process.members(group)
    try:
        assert not process.ours(group, mark)
        assert LocalEngine().stop(Handle(group, mark))
        assert process.members(group) == [sleeper]
    finally:
        os.kill(sleeper, 9)


def test_a_mark_of_another_boot_is_nobodys(tmp_path: Path) -> None:
    handle = start_family(tmp_path / "log")
    try:
        assert process.ours(handle.pid, handle.mark)
        assert not process.ours(handle.pid, "00000000:" + handle.mark.partition(":")[2])
    finally:
        assert LocalEngine().stop(handle)


def test_a_group_that_may_not_be_signalled_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(group: int, number: int) -> None:
        raise PermissionError

    monkeypatch.setattr("comparison.process.os.killpg", refuse)
    assert not process.end_group(2**22 - 7)


def test_a_pid_with_another_start_is_another_process() -> None:
    """F2: pid and start time."""
    mark = process.mark_of(os.getpid())
    assert process.alive(os.getpid(), mark)
    assert not process.alive(os.getpid(), mark + "1")
    assert not process.ours(os.getpid(), mark + "1")
    assert not process.alive(None, "")


def test_a_zombie_does_not_live() -> None:
    child = subprocess.Popen(["sleep", "300"])
    mark = process.mark_of(child.pid)
    assert process.alive(child.pid, mark)
    os.kill(child.pid, 9)
    while (entry := process.look(child.pid)) is not None and not entry.zombie:
        time.sleep(0.01)
    assert not process.alive(child.pid, mark)
    child.wait()
    assert process.look(child.pid) is None


def test_jobs_are_argument_lists_in_a_group_of_their_own(tmp_path: Path) -> None:
    """F22: what a user wrote reaches the command as one argument, never a shell."""
    log = tmp_path / "log"
    handle = LocalEngine().start(
        [sys.executable, "-c", "import os, sys; print(os.getpgrp() == os.getpid(), sys.argv[1])", "$(id); rm -rf x"], log
    )
    while process.alive(handle.pid, handle.mark):
        time.sleep(0.02)
    assert log.read_text() == "True $(id); rm -rf x\n"
