"""The most main memory that this process has held since a moment that we choose. Linux only can begin anew; elsewhere it is since the start."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

CLEAR = Path("/proc/self/clear_refs")
OOM_SCORE = Path("/proc/self/oom_score_adj")
MEMINFO = Path("/proc/meminfo")
CGROUP = Path("/sys/fs/cgroup")
STATUS = Path("/proc/self/status")
RESET_PEAK = "5"
"""What `clear_refs` understands as "set the peak to what is resident now" (proc(5))."""


def reset_peak() -> bool:
    """Begin anew; False where the system cannot, so that `peak_mb` goes on from the start of the process."""
    try:
        CLEAR.write_text(RESET_PEAK)
    except OSError:
        return False
    return True


def peak_mb() -> float:
    """Peak of resident memory since `reset_peak`, or since the start of the process where that is not to be had; in MB of 2**20 bytes."""
    try:
        found = next(line for line in STATUS.read_text().splitlines() if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return round(most / (2**20 if sys.platform == "darwin" else 2**10), 1)
    return round(int(found.split()[1]) / 2**10, 1)


def go_first() -> None:
    """Where memory runs out, let the system end this process rather than the one that waits for it."""
    try:
        OOM_SCORE.write_text("500")
    except OSError:
        return


def free_mb() -> float | None:
    """Main memory that a further process could take, in MB of 2**20 bytes; None where the system does not tell (it is asked on Linux only)."""
    try:
        lines = dict(line.split(":", 1) for line in MEMINFO.read_text().splitlines() if ":" in line)
        free = int(lines["MemAvailable"].split()[0]) / 2**10
    except (OSError, KeyError, ValueError):
        return None
    limit = _free_in_cgroup()
    return round(free if limit is None else min(free, limit), 1)


def _free_in_cgroup() -> float | None:
    """What a container's limit leaves; memory that only caches files counts as free."""
    try:
        most, now = (int((CGROUP / name).read_text()) for name in ("memory.max", "memory.current"))
        stat = dict(line.split() for line in (CGROUP / "memory.stat").read_text().splitlines())
    except (OSError, ValueError):
        return None
    return (most - now + int(stat.get("inactive_file", 0))) / 2**20
