"""The process that reads files. It is told a file a line on its input and answers in lines of JSON.

A reader is other people's code at work on other people's bytes, so it may loop, fill the memory or crash; then this process ends and
`process` starts another for the next file. Limits are set anew for each file, on top of what the libraries hold, and nothing can be written.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import astuple
from pathlib import Path, PurePosixPath
from typing import Any

import retrieval.reading  # noqa: F401  (registers the formats)
from retrieval.reading import base
from retrieval.reading.archive import member_bytes, members, open_archive
from retrieval.reading.base import Piece, Read, Unreadable

STATM = Path("/proc/self/statm")
RENEW_ABOVE = 256 * 2**20
"""Bytes that may stay behind after a file; with more, a fresh process reads the next one."""

Told = dict[str, Any]


@contextmanager
def limits() -> Iterator[None]:
    """No more than CPU_S seconds and MEMORY bytes from here on, and no file written; where a system has no such limits, only the parent's patience."""
    try:
        import resource
    except ImportError:
        yield
        return
    used = resource.getrusage(resource.RUSAGE_SELF)
    _limit(resource.RLIMIT_CPU, int(used.ru_utime + used.ru_stime) + 1 + base.CPU_S)
    _limit(resource.RLIMIT_FSIZE, 0)
    if held := held_bytes():
        _limit(resource.RLIMIT_AS, held + base.MEMORY)
    try:
        yield
    finally:
        for what in (resource.RLIMIT_CPU, resource.RLIMIT_FSIZE, resource.RLIMIT_AS):
            _limit(what, resource.RLIM_INFINITY)


def _limit(what: int, most: int) -> None:
    """Set the soft limit; a hard one that is there already stays above it."""
    import resource

    hard = resource.getrlimit(what)[1]
    if hard != resource.RLIM_INFINITY:
        most = hard if most == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(what, (most, hard))


def held_bytes() -> int:
    """Address space of this process; 0 where the system does not tell."""
    try:
        return int(STATM.read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return 0


class Reading:
    """Answers one request after the other; keeps the archive that was opened last, and counts the bytes that files left behind."""

    def __init__(self) -> None:
        self.left_behind = 0
        self._archive: tuple[str, zipfile.ZipFile] | None = None

    def lines(self, told: Told) -> Iterator[Told]:
        """What to say of one request: its documents or members, then a line with `done`."""
        try:
            if told.get("list"):
                with limits():
                    found = members(self._opened(told["path"]))
                yield from ({"member": list(member)} for member in found)
                yield {"done": True}
                return
            read, part = self._read(told)
            yield from (_line(piece) for piece in read.pieces)
            yield {"done": True, "notes": list(read.notes), "parts": read.parts, "part": part}
        except Unreadable as reason:
            yield {"done": True, "refused": str(reason)}
        except MemoryError:
            yield {"done": True, "refused": f"needs more than {base.MEMORY >> 20} MiB of memory to be read", "renew": True}
        except Exception as error:
            said = " ".join(str(error).split())[:120]
            yield {"done": True, "refused": f"damaged, or not of the kind that its ending says ({type(error).__name__}: {said})"}

    def _opened(self, path: str) -> zipfile.ZipFile:
        if self._archive is None or self._archive[0] != path:
            self._archive = path, open_archive(_bytes(path))
        return self._archive[1]

    def _read(self, told: Told) -> tuple[Read, str]:
        found = base.of_suffix(PurePosixPath(told["name"]).suffix)
        if found is None:
            raise Unreadable(f"not one of {', '.join(base.suffixes())}")
        for module in found[1].needs:
            importlib.import_module(module)
        before = held_bytes()
        with limits():
            inside = told.get("place") is not None
            data = member_bytes(self._opened(told["path"]), told["place"]) if inside else _bytes(told["path"])
            if not data.strip():
                raise Unreadable("empty")
            read = found[1].read(data, told.get("text_column") or "")
            base.check_length(sum(len(piece.text) for piece in read.pieces))
        self.left_behind += max(0, held_bytes() - before)
        if not any(piece.text.strip() for piece in read.pieces):
            raise Unreadable("empty: no text in it")
        return read, found[1].part


def _bytes(path: str) -> bytes:
    """Raises: Unreadable."""
    try:
        with Path(path).open("rb") as file:
            data = file.read(base.MAX_FILE_BYTES + 1)
    except OSError as error:
        raise Unreadable(f"cannot be read ({error.strerror})") from None
    if len(data) > base.MAX_FILE_BYTES:
        raise Unreadable(f"larger than {base.MAX_FILE_BYTES // 1_000_000} MB")
    return data


def _line(piece: Piece) -> Told:
    return {"text": piece.text, "sections": [astuple(s) for s in piece.sections], "about": piece.about, "part": piece.part}


def main() -> int:
    """Answer until the parent is gone. What libraries print goes nowhere: the parent reads this process's first output."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8", errors="replace", newline="\n")
    os.dup2(2, 1)
    reading = Reading()
    for request in sys.stdin:
        for line in reading.lines(json.loads(request)):
            if line.get("done"):
                line.setdefault("renew", reading.left_behind > RENEW_ABOVE)
            answers.write(json.dumps(line, ensure_ascii=False) + "\n")
        answers.flush()
    return 0
