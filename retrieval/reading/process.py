"""A child that reads files, seen from the process that needs their text: started when first asked, replaced where a file was its end."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

from retrieval.reading import base
from retrieval.reading.base import Unreadable

ROOT = Path(__file__).resolve().parents[2]
START = """import sys, types
sys.path.insert(0, "")
bare = sys.modules["retrieval"] = types.ModuleType("retrieval")
bare.__path__ = ["retrieval"]
from retrieval.reading import child
sys.exit(child.main())
"""
"""The child needs nothing of the folder above it, whose indexes import numpy, pydantic and faiss: so it starts three times as fast."""
COMMAND = (sys.executable, "-c", START)
MAX_ANSWER = 12 * base.MAX_TEXT
"""Bytes: no answer within the limits on text is longer."""
MAX_LOST = 10
"""Files of one load that may cost a child its life; then no more are tried, so that a folder of traps ends."""
CHUNK = 1 << 20
LEAST_S = 0.1
"""Seconds of a processor by which a child has moved since it was looked at last."""

Told = dict[str, Any]


class ReadingChild:
    """Reads files one by one. Use it with `with`; the child ends with the block.

    Attributes:
        lost: how many files a child did not survive.
    """

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None
        self.lost = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def ask(self, request: Told) -> tuple[list[Told], Told]:
        """The lines of an answer, and the last one.

        Raises:
            Unreadable: the file is refused, or the child did not survive it.
        """
        if self.lost >= MAX_LOST:
            raise Unreadable(f"not tried, since {MAX_LOST} files before it had to be given up")
        try:
            *lines, last = self._answer(request)
        except Unreadable:
            self.lost += 1
            self._end()
            raise
        if last.get("renew"):
            self._end()
        if reason := last.get("refused"):
            raise Unreadable(str(reason))
        return lines, last

    def _answer(self, request: Told) -> Iterator[Told]:
        """Raises: Unreadable, where no whole answer comes."""
        child = self._child = self._child or _started()
        assert child.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            child.stdin.write(json.dumps(request).encode() + b"\n")
            child.stdin.flush()
        for line in _lines(child):
            found: Told = json.loads(line)
            yield found
            if found.get("done"):
                return
        raise Unreadable(_ending(child.wait()))

    def _end(self) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        child.kill()
        child.wait()
        for stream in (child.stdin, child.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()


def _started() -> subprocess.Popen[bytes]:
    one_thread = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}
    child = subprocess.Popen(
        COMMAND, cwd=ROOT, env={**os.environ, **one_thread}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert child.stdout is not None
    with contextlib.suppress(OSError, AttributeError):  # where a system has no wide pipes, both take turns more often
        fcntl.fcntl(child.stdout, fcntl.F_SETPIPE_SZ, CHUNK)
    return child


def _lines(child: subprocess.Popen[bytes]) -> Iterator[bytes]:
    """What the child says, line by line, until it ends.

    Raises:
        Unreadable: it stands still, takes too long or says too much.
    """
    assert child.stdout is not None
    handle, end = child.stdout.fileno(), time.monotonic() + base.WALL_S
    rest, said, worked = bytearray(), 0, 0.0
    with selectors.DefaultSelector() as ready:
        ready.register(handle, selectors.EVENT_READ)
        while True:
            while not ready.select(base.STILL_S):
                before, worked = worked, processor_s(child.pid)
                if worked - before < LEAST_S:
                    raise Unreadable(f"its reader stood still for {base.STILL_S} s")
                if time.monotonic() > end:
                    raise Unreadable(f"still being read after {base.WALL_S} s")
            chunk = os.read(handle, CHUNK)
            if not chunk:
                return
            said += len(chunk)
            if said > MAX_ANSWER:
                raise Unreadable(f"holds more than {base.MAX_TEXT // 1_000_000} million characters of text; cut it into smaller files")
            *whole, last = chunk.split(b"\n")
            for part in whole:
                yield bytes(rest + part)
                rest.clear()
            rest += last


def processor_s(process: int) -> float:
    """Seconds of a processor that a process has used; 0.0 where the system does not tell, so that only a short wait is granted there."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        return 0.0


def _ending(code: int) -> str:
    """Why a child ended before its answer did."""
    if code == -signal.SIGXCPU:
        return f"not read within {base.CPU_S} s of a processor"
    if code == -signal.SIGKILL:
        return "the system ended its reader, as it does where memory runs out"
    return f"its reader crashed or ran out of its {base.MEMORY >> 20} MiB (it ended with {code})"
