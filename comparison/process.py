"""Which processes live, and how a whole group of them is ended. A pid alone proves nothing, since pids are used again: a mark goes with it.

The mark is the boot and the moment of the leader's start. A leader hands it to its children in their environment, so that what is left
of its group after its death can be told from a stranger's group of the same number. On Linux all is read from /proc, elsewhere from `ps`.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

TERM_WAIT_S = 5.0
KILL_WAIT_S = 4.0
PROC = Path("/proc")
GROUP_MARK = "BAKEOFF_GROUP"


class Entry(NamedTuple):
    """A process: its group, whether it is a zombie, and the moment of its start in ticks or words."""

    pid: int
    group: int
    zombie: bool
    start: str


def _from_proc(pid: int) -> Entry | None:
    try:
        # The name in parentheses may itself hold spaces and parentheses: split behind the last one.
        fields = (PROC / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return None
    return Entry(pid, int(fields[2]), fields[0] in "ZX", fields[19])


def _from_ps(selection: list[str]) -> list[Entry]:
    out = subprocess.run(["ps", *selection, "-o", "pid=,pgid=,stat=,lstart="], capture_output=True, text=True, check=False).stdout
    rows = [line.split(None, 3) for line in out.splitlines() if line.strip()]
    return [Entry(int(pid), int(group), stat.startswith("Z"), start.strip()) for pid, group, stat, start in rows]


def _boot() -> str:
    path = PROC / "sys/kernel/random/boot_id"
    return path.read_text().strip()[:8] if path.exists() else ""


def look(pid: int) -> Entry | None:
    """The process of that pid, zombies included, or None."""
    if sys.platform == "linux":
        return _from_proc(pid)
    return next(iter(_from_ps(["-p", str(pid)])), None)


def mark_of(pid: int) -> str:
    """What tells this process from a later one with the same pid: the start time, counted from boot. "" where it is gone."""
    entry = look(pid)
    return f"{_boot()}:{entry.start}" if entry else ""


def alive(pid: int | None, mark: str) -> bool:
    """Whether that very process still runs; a zombie does not."""
    if not pid or not mark:
        return False
    entry = look(pid)
    return entry is not None and not entry.zombie and f"{_boot()}:{entry.start}" == mark


def members(group: int) -> list[int]:
    """Pids of the living processes of a group."""
    if sys.platform == "linux":
        found = (_from_proc(int(p.name)) for p in PROC.iterdir() if p.name.isdigit())
        return [e.pid for e in found if e is not None and e.group == group and not e.zombie]
    return [e.pid for e in _from_ps(["-ax"]) if e.group == group and not e.zombie]


def ours(pid: int | None, mark: str) -> bool:
    """Whether group `pid` is still the one that was started: its leader lives, or some member was handed the leader's mark.

    A group whose number fits and that shows no mark may be a stranger's: its pid may have been given away anew.
    """
    boot = mark.partition(":")[0]
    if not pid or not mark or boot != _boot():
        return False
    entry = look(pid)
    if entry is not None and f"{boot}:{entry.start}" != mark:
        return False
    return alive(pid, mark) or any(_was_handed(member, mark) for member in members(pid))


def _was_handed(pid: int, mark: str) -> bool:
    """Whether a process was started with this mark in its environment. Of others' processes that cannot be read, and they are not ours."""
    wanted = f"{GROUP_MARK}={mark}"
    if sys.platform == "linux":
        try:
            return wanted.encode() in (PROC / str(pid) / "environ").read_bytes().split(b"\0")
        except OSError:
            return False
    shown = subprocess.run(["ps", "eww", "-p", str(pid), "-o", "command="], capture_output=True, text=True, check=False).stdout
    return f"{wanted} " in f"{shown.strip()} "


def end_group(group: int) -> bool:
    """TERM to the whole group, KILL to what is left after 5 s. True once nobody is left; done within 10 s."""
    for sig, patience in ((signal.SIGTERM, TERM_WAIT_S), (signal.SIGKILL, KILL_WAIT_S)):
        try:
            os.killpg(group, sig)
        except ProcessLookupError:
            return True
        except PermissionError:  # somebody else's, whatever we took it for
            return False
        deadline = time.monotonic() + patience
        while members(group):
            if time.monotonic() > deadline:
                break
            time.sleep(0.05)
        else:
            return True
    return not members(group)


def lead_own_group() -> None:
    """Become the leader of a group of one's own, so that Stop can empty it, and mark all children that are started from now on.

    In a terminal's foreground the terminal comes along, so that Ctrl-C still arrives.
    """
    os.environ[GROUP_MARK] = mark_of(os.getpid())
    if os.getpgrp() == os.getpid():
        return
    before = os.getpgrp()
    try:
        os.setpgid(0, 0)
    except PermissionError:  # a session's leader leads its group already, under another number only in odd containers
        return
    try:
        terminal = os.open("/dev/tty", os.O_RDWR)
    except OSError:
        return
    try:
        if os.tcgetpgrp(terminal) == before:
            old = signal.signal(signal.SIGTTOU, signal.SIG_IGN)
            os.tcsetpgrp(terminal, os.getpgrp())
            signal.signal(signal.SIGTTOU, old)
    except OSError:
        return
    finally:
        os.close(terminal)
