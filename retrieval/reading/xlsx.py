"""Workbooks by openpyxl, which markitdown brings: each sheet as a Markdown table under its name, which is its section.

markitdown's own converter goes through pandas, which reads the texts "NA", "None" and "null" as missing, prints missing cells as NaN and
rounds numbers to six digits. A passage should say what the cell says.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime, time
from typing import Any

from retrieval.reading.base import MAX_TEXT, Format, Read, Unreadable, check_length, formats, joined, one
from retrieval.reading.office import opened


def read(data: bytes, _: str) -> Read:
    from openpyxl import load_workbook

    book = load_workbook(opened(data, "xl/workbook.xml"), read_only=True, data_only=True, keep_links=False)
    sheets = [(str(sheet.title), _table(sheet.iter_rows(values_only=True))) for sheet in book.worksheets]
    text, sections = joined([(f"## {name}\n\n{table}", None, name) for name, table in sheets if table])
    if not text:
        raise Unreadable("empty: no cell of it holds a value")
    return one(text, sections, parts=len(sheets))


def _table(rows: Iterable[tuple[Any, ...]]) -> str:
    """Rows with a value as lines `| a | b |`, the first one as the head. Empty rows, and empty cells behind a row's last value, are left out."""
    lines: list[str] = []
    for cells in _filled(rows):
        lines.append(f"| {' | '.join(cells)} |")
        if len(lines) == 1:
            lines.append("|" + " --- |" * len(cells))
    return "\n".join(lines)


def _filled(rows: Iterable[tuple[Any, ...]]) -> Iterator[list[str]]:
    length = 0
    for row in rows:
        cells = [_shown(cell) for cell in row]
        while cells and not cells[-1]:
            cells.pop()
        if cells:
            length += sum(len(cell) + 3 for cell in cells)
            check_length(length)
            yield cells


def _shown(cell: Any) -> str:
    """A value as a person would write it in one line."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, datetime):
        return cell.date().isoformat() if cell.time() == time() else cell.isoformat(" ")
    if isinstance(cell, (date, time)):
        return cell.isoformat()
    if isinstance(cell, float):
        return format(cell, ".15g")
    return " ".join(str(cell)[:MAX_TEXT].split())


formats.add("xlsx", Format((".xlsx",), read, needs=("openpyxl",), part="sheet"))
