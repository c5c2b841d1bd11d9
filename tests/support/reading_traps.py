"""A child whose PDF reader is a stand-in that goes wrong as the file says: run in place of the real child, with a second of a processor a file.

A file that makes a library loop would be one of a version that is mended soon after; what is tested is that no loop goes on, whoever makes it.
"""

from __future__ import annotations

import os
import signal
import sys
import time
import types
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
bare = sys.modules["retrieval"] = types.ModuleType("retrieval")  # as the real child is started: without indexes and what they import
bare.__path__ = [str(ROOT / "retrieval")]

from retrieval.reading import base, child  # noqa: E402
from retrieval.reading.base import Format, Read, formats, one  # noqa: E402


def read(data: bytes, _: str) -> Read:
    if data == b"spin":
        while True:
            pass
    if data == b"fill":
        return one("x" * len([bytes(2**20) for _ in range(10_000)]))
    if data == b"crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    if data == b"sleep":
        time.sleep(3_600)
    if data == b"write":
        Path(__file__).with_suffix(".written").write_text("x" * 100)
    if data == b"print":
        print("what a library says on the way")
    return one("x" * 101 if data == b"long" else data.decode())


formats._entries["pdf"] = Format((".pdf",), read)
base.CPU_S, base.MAX_TEXT = 1, 100
sys.exit(child.main())
