"""JSON lines that are only ever appended to, so that a kill can tear nothing but the tail; and their gzipped final form.

A record counts once its line is whole. Groups of lines that belong together end with a marker line, and the reader says up to
which byte the last marker reaches, so that whoever goes on writing can cut the rest.
"""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from core.files import disk_errors, write_whole

Row = dict[str, Any]


class Line(NamedTuple):
    """One whole line: its record, and the offset in bytes just behind it."""

    record: Row
    end: int


def to_bytes(rows: Iterable[Row]) -> bytes:
    """One compact line for each row; the same rows give the same bytes."""
    return b"".join(
        json.dumps(row, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode("utf-8", "surrogatepass") + b"\n" for row in rows
    )


def append(path: Path, rows: Iterable[Row], *, sync: bool = True) -> None:
    """Add rows at the end; with `sync` they survive a power cut once this returns.

    Raises:
        StoreError: the disk is full. Lines that were torn by it are ignored by readers and cut by `cut`.
    """
    with disk_errors(path), path.open("ab") as file:
        file.write(to_bytes(rows))
        file.flush()
        if sync:
            os.fsync(file.fileno())


def read(path: Path) -> Iterator[Line]:
    """The whole lines in order. A torn or unreadable line ends the reading: nothing behind it can be trusted."""
    end = 0
    with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
        for raw in file:
            end += len(raw)
            if not raw.endswith(b"\n"):
                return
            try:
                record = json.loads(raw.decode("utf-8", "surrogatepass"))
            except ValueError:
                return
            if not isinstance(record, dict):
                return
            yield Line(record, end)


def cut(path: Path, end: int) -> None:
    """Drop everything behind byte `end`."""
    if path.stat().st_size > end:
        with path.open("r+b") as file:
            file.truncate(end)
            os.fsync(file.fileno())


def heal(path: Path) -> list[Row]:
    """The whole rows of a file that may have a torn tail, which is cut. Empty where there is no file."""
    if not path.exists():
        return []
    lines = list(read(path))
    cut(path, lines[-1].end if lines else 0)
    return [line.record for line in lines]


def pack(path: Path, rows: Iterable[Row]) -> None:
    """Write rows as a whole gzip file; the same rows give the same bytes (no clock in the header)."""
    write_whole(path, gzip.compress(to_bytes(rows), compresslevel=6, mtime=0))
