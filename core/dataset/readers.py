"""Files to raw rows, each with the line where it began. What cannot be read is a `BadRow`, never a gap.

Nothing here knows what the columns mean. A file is refused as a whole (DataError) where it is compressed, over a limit,
or so broken that rows cannot be told apart; one broken row is reported and the others go on.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.dataset import limits
from core.errors import DataError

KINDS = (".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".parquet")
COMPRESSED = {
    b"\x1f\x8b": "gzip",
    b"PK\x03\x04": "zip",
    b"PK\x05\x06": "zip",
    b"BZh": "bzip2",
    b"\xfd7zXZ\x00": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
}
BYTE_ORDER_MARKS = {  # UTF-32 first: its little-endian mark begins like that of UTF-16
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}


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


def read_table(path: Path, shown: str) -> Table:
    """The whole file.

    Args:
        shown: the file's name as the person gave it, for messages.

    Raises:
        DataError: there is no such file, or it cannot be read at all.
    """
    return gather(shown, read_rows(path, shown))


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


def read_rows(path: Path, shown: str) -> Rows:
    """Rows one by one, within the limits.

    Raises:
        DataError: as `read_table`.
    """
    kind = _check_file(path, shown)
    count = 0
    for row in _rows_of(path, kind, shown):
        count += 1
        limits.check_rows(shown, count)
        if isinstance(row, RawRow):
            limits.check_columns(f"Line {row.line} of {shown}", len(row.values))
        yield row
    if not count:
        raise DataError(f"{shown} has no rows.", "Give a file with at least one row for training and one for the test.")


def _check_file(path: Path, shown: str) -> str:
    """The file's kind, after everything that can be refused without reading it."""
    try:
        if path.is_dir():
            raise DataError(f"'{shown}' is a folder; it must be a file.", "Name the file in it.")
        if not path.is_file():
            raise DataError(f"There is no file '{shown}'.", "Check the spelling; a path in a plan starts from the folder of the plan.")
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(8)
    except OSError as error:
        raise DataError(f"'{shown}' cannot be opened: {error.strerror}.", "Check its name and permissions.") from error
    if not size:
        raise DataError(f"{shown} is empty.", "Give a file with rows.")
    if size > limits.MAX_FILE_BYTES:
        raise limits.too_much(shown, "bytes", size, limits.MAX_FILE_BYTES, "Keep a part of the rows in a file of its own.")
    for magic, name in COMPRESSED.items():
        if head.startswith(magic):
            raise DataError(f"{shown} is compressed ({name}); it must be a plain file.", "Unpack it first (a spreadsheet: save it as CSV).")
    kind = path.suffix.lower()
    if kind not in KINDS:
        raise DataError(f"{shown} must end in one of {', '.join(KINDS)}; got '{kind}'.", "Rename or convert it.")
    return kind


def _rows_of(path: Path, kind: str, shown: str) -> Rows:
    if kind == ".parquet":
        from core.dataset.parquet import parquet_rows

        return parquet_rows(path, shown)
    text = decode(path.read_bytes(), shown)
    if kind in (".csv", ".tsv"):
        return _delimited(text, "\t" if kind == ".tsv" else _delimiter(text), shown)
    from core.dataset import json_rows

    return json_rows.lines(text, shown) if kind != ".json" else json_rows.document(text, shown)


def decode(data: bytes, shown: str) -> str:
    """Bytes to text by their byte order mark, UTF-8 without one.

    A byte that is not UTF-8 is kept as a lone surrogate, so that only its row is bad later.

    Raises:
        DataError: UTF-16 or UTF-32 that is cut or mixed up.
    """
    for mark, encoding in BYTE_ORDER_MARKS.items():
        if data.startswith(mark):
            errors = "surrogateescape" if encoding == "utf-8" else "strict"
            try:
                return data[len(mark) :].decode(encoding, errors)
            except UnicodeDecodeError as error:
                raise DataError(f"{shown} begins like {encoding} but is not: {error.reason}.", "Save it as UTF-8.") from error
    return data.decode("utf-8", "surrogateescape")


def checked_lines(text: str, shown: str) -> Iterator[str]:
    """Physical lines with their ends; they end in LF, CRLF or CR, mixed as they like, and nowhere else."""
    for number, line in enumerate(io.StringIO(text, newline=""), 1):
        limits.check_line(f"Line {number} of {shown}", line)
        yield line


def _delimiter(text: str) -> str:
    """Comma, semicolon or tab: whichever the header holds most of, a comma where none."""
    header = next(io.StringIO(text, newline=""), "")
    return max(",;\t", key=header.count)


def _delimited(text: str, delimiter: str, shown: str) -> Rows:
    csv.field_size_limit(limits.MAX_LINE_BYTES)
    reader = csv.reader(checked_lines(text, shown), delimiter=delimiter, strict=True)
    header = _header(reader, shown)
    empty = True
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


def _header(reader: Any, shown: str) -> list[str]:
    try:
        cells: list[str] = next((row for row in reader if row), [])
    except csv.Error as error:
        raise DataError(f"The header of {shown} cannot be read: {error}.", "Check its quotes.") from error
    limits.check_columns(shown, len(cells))
    header = [cell.strip() or f"column {number}" for number, cell in enumerate(cells, 1)]
    for name in header:
        if header.count(name) > 1:
            raise DataError(f"The header of {shown} has the column '{name}' twice.", "Give each column a name of its own.")
    return header


def _table_fault(error: csv.Error, first: int, last: int) -> str:
    if "unexpected end" in str(error):
        return f"a quote is opened and never closed, which swallows the lines {first} to {last}"
    if "field larger" in str(error):
        return f"a cell is longer than {limits.MAX_LINE_BYTES:,} characters"
    return f"is not valid: {error}"
