"""CSV, TSV and JSONL with a column of texts: each row is a document of its own, and its other columns are what filters ask for.

A row goes by the line where it begins ("line-12"), so that a bad row before it changes no name. It is no part of a file's name: an
id like `file.csv#12` could be that of a file, `file.csv/line-12` cannot.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from core.errors import DataError
from retrieval.reading.base import Format, Piece, Read, Unreadable, check_length, formats

TEXT_COLUMNS = ("text", "content", "passage", "document", "body")
LONGEST_VALUE = 1_000
NAMED_ROWS = 5
NAMED_COLUMNS = 10


def _reader(suffix: str) -> Callable[[bytes, str], Read]:
    def read(data: bytes, text_column: str) -> Read:
        try:
            pieces, bad = _pieces(_rows(data, suffix), text_column)
        except DataError as error:
            raise Unreadable(f"cannot be read: {error.message}") from error
        if not pieces:
            raise Unreadable(f"no row can be read; {'; '.join(bad[:NAMED_ROWS])}" if bad else "empty")
        return Read(pieces, _notes(bad), len(pieces) + len(bad))

    return read


def _pieces(rows: Iterable[Any], text_column: str) -> tuple[list[Piece], list[str]]:
    """The good rows, and what is wrong with each bad one.

    Raises:
        Unreadable: there is no such column, or more text than a file may give.
        DataError: more rows or columns than are taken.
    """
    from core.dataset import limits
    from core.dataset.rows import RawRow

    pieces: list[Piece] = []
    bad: list[str] = []
    column, length = "", 0
    for row in rows:
        limits.check_rows("It", len(pieces) + len(bad) + 1)
        if not isinstance(row, RawRow):
            bad.append(f"line {row.line} {row.reason}")
            continue
        limits.check_columns(f"Line {row.line}", len(row.values))
        column = column or _column(row.values, text_column)
        text = _shown(row.values.get(column))
        if fault := _fault(text, column):
            bad.append(f"line {row.line} {fault}")
            continue
        about = _about(row.values, column)
        length += len(text) + sum(len(name) + len(value) for name, value in about)
        check_length(length)
        pieces.append(Piece(text.replace("\r\n", "\n").replace("\r", "\n"), (), about, f"line-{row.line}"))
    return pieces, bad


def _fault(text: str, column: str) -> str:
    if not text.strip():
        return f"has no text in '{column}'"
    if "\0" in text:
        return "holds NUL characters"
    return "" if _whole(text) == text else "is not UTF-8"


def _rows(data: bytes, suffix: str) -> Iterable[Any]:
    """Raises: DataError, where rows cannot be told apart. The files of examples are read by the same code."""
    from core.dataset.json_rows import lines
    from core.dataset.readers import decode
    from core.dataset.tabular import delimited, guess_delimiter

    if not data:
        return ()
    text = decode(data, "it")
    if suffix == ".jsonl":
        return lines(text, "it")
    return delimited(text, "\t" if suffix == ".tsv" else guess_delimiter(text), "it")


def _column(values: dict[str, Any], named: str) -> str:
    """The column that holds the text: the one that was named, or the first of the usual names.

    Raises:
        Unreadable: a first row has none.
    """
    usual = {name.strip().lower(): name for name in values}
    found = named if named else next((usual[name] for name in TEXT_COLUMNS if name in usual), TEXT_COLUMNS[0])
    if found not in values:
        has = ", ".join(_whole(str(name))[:40] for name in list(values)[:NAMED_COLUMNS])
        raise Unreadable(f"has no column '{found}'; it has {has}. Name the one with the text: knowledge.text_column")
    return found


def _about(values: dict[str, Any], column: str) -> tuple[tuple[str, str], ...]:
    pairs = ((_whole(str(name)), _whole(_shown(value))[:LONGEST_VALUE]) for name, value in values.items() if name != column)
    return tuple((name, value) for name, value in pairs if value.strip())


def _shown(value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, ensure_ascii=False)


def _whole(text: str) -> str:
    """The text with a question mark for each byte that was not UTF-8."""
    return text.encode("utf-8", "replace").decode()


def _notes(bad: list[str]) -> tuple[str, ...]:
    if not bad:
        return ()
    more = f"; and {len(bad) - NAMED_ROWS} more" if len(bad) > NAMED_ROWS else ""
    return (f"{len(bad)} row{'s were' if len(bad) > 1 else ' was'} not read: {'; '.join(bad[:NAMED_ROWS])}{more}",)


formats.add("csv", Format((".csv",), _reader(".csv"), needs=("core.dataset",), part="row"))
formats.add("tsv", Format((".tsv",), _reader(".tsv"), needs=("core.dataset",), part="row"))
formats.add("jsonl", Format((".jsonl", ".ndjson"), _reader(".jsonl"), needs=("core.dataset",), part="row"))
