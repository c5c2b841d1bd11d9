"""What readers give: raw rows, each with the line where it began, and bad rows with the reason."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import core.dataset.limits as limits


@dataclass(frozen=True)
class BadRow:
    """A row that was left out, and why. `line` counts from 1; in Parquet and on the hub it is the row's number."""

    file: str
    line: int
    reason: str


@dataclass(frozen=True)
class RawRow:
    """A row as it stands in the file."""

    line: int
    values: dict[str, Any]


Rows = Iterator[RawRow | BadRow]


@dataclass(frozen=True)
class Table:
    """A file's rows in order. `columns` holds every column that some row has, in order of appearance."""

    file: str
    columns: tuple[str, ...]
    rows: tuple[RawRow, ...]
    bad: tuple[BadRow, ...]


def gather(shown: str, rows: Iterable[RawRow | BadRow]) -> Table:
    """Rows to a table; good and bad ones are told apart here."""
    good: list[RawRow] = []
    bad: list[BadRow] = []
    columns: dict[str, None] = {}
    for row in rows:
        if isinstance(row, BadRow):
            bad.append(row)
        else:
            good.append(row)
            columns.update(dict.fromkeys(row.values))
    return Table(shown, tuple(columns), tuple(good), tuple(bad))


def checked_lines(text: str, shown: str) -> Iterator[str]:
    """Physical lines with their ends; they end in LF, CRLF or CR, mixed as they like, and nowhere else."""
    for number, line in enumerate(io.StringIO(text, newline=""), 1):
        limits.check_line(f"Line {number} of {shown}", line)
        yield line
