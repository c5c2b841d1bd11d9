"""CSV and TSV to raw rows. Quotes are read strictly: one that is never closed is a bad row and not a silently swallowed file.

MMLU's own files have no header: a first row of six cells that ends with a letter from A to D is a question already.
"""

from __future__ import annotations

import csv
import io
from typing import Any

import core.dataset.limits as limits
from core.dataset.rows import BadRow, RawRow, Rows, checked_lines
from core.errors import DataError

MMLU = ("question", "A", "B", "C", "D", "answer")
MMLU_ANSWERS = ("A", "B", "C", "D")


def guess_delimiter(text: str) -> str:
    """Comma, semicolon or tab: whichever the header holds most of, a comma where none."""
    header = next(io.StringIO(text, newline=""), "")
    return max(",;\t", key=header.count)


def delimited(text: str, delimiter: str, shown: str) -> Rows:
    csv.field_size_limit(limits.MAX_LINE_BYTES)
    reader = csv.reader(checked_lines(text, shown), delimiter=delimiter, strict=True)
    header, first = _header(reader, shown)
    empty = first is None
    if first is not None:
        yield RawRow(1, first)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            empty = False
            yield BadRow(shown, line, _table_fault(error, line, reader.line_num))
            continue
        if not cells:
            continue
        empty = False
        if len(cells) == len(header):
            yield RawRow(line, dict(zip(header, cells, strict=True)))
        else:
            yield BadRow(shown, line, f"has {len(cells)} cells; the header has {len(header)}")
    if empty:
        raise DataError(f"{shown} has a header but no rows.", "Add rows below the header.")


def _header(reader: Any, shown: str) -> tuple[list[str], dict[str, str] | None]:
    """The names of the columns, and the first row where the file has no header."""
    try:
        cells: list[str] = next((row for row in reader if row), [])
    except csv.Error as error:
        raise DataError(f"The header of {shown} cannot be read: {error}.", "Check its quotes.") from error
    limits.check_columns(shown, len(cells))
    if len(cells) == len(MMLU) and cells[-1].strip() in MMLU_ANSWERS and " " in cells[0].strip():
        return list(MMLU), dict(zip(MMLU, cells, strict=True))
    header = [cell.strip() or f"column {number}" for number, cell in enumerate(cells, 1)]
    for name in header:
        if header.count(name) > 1:
            raise DataError(f"The header of {shown} has the column '{name}' twice.", "Give each column a name of its own.")
    return header, None


def _table_fault(error: csv.Error, first: int, last: int) -> str:
    if "unexpected end" in str(error):
        return f"a quote is opened and never closed, which swallows the lines {first} to {last}"
    if "field larger" in str(error):
        return f"a cell is longer than {limits.MAX_LINE_BYTES:,} characters"
    return f"is not valid: {error}"
