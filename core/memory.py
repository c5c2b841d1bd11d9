"""The most main memory that this process has held since a moment that we choose. Linux only can begin anew; elsewhere it is since the start."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

CLEAR = Path("/proc/self/clear_refs")
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
