"""Files to raw rows, each with the line where it began. What cannot be read is a `BadRow`, never a gap.

Nothing here knows what the columns mean. A file is refused as a whole (DataError) where it is compressed, over a limit,
or so broken that rows cannot be told apart; one broken row is reported and the others go on.
"""

from __future__ import annotations

import codecs
from pathlib import Path

import core.dataset.limits as limits
from core.dataset.json_rows import document, lines
from core.dataset.parquet import parquet_rows
from core.dataset.rows import RawRow, Rows, Table, gather
from core.dataset.tabular import delimited, guess_delimiter
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


def read_table(path: Path, shown: str) -> Table:
    """The whole file.

    Args:
        shown: the file's name as the person gave it, for messages.

    Raises:
        DataError: there is no such file, or it cannot be read at all.
    """
    return gather(shown, read_rows(path, shown))


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
        return parquet_rows(path, shown)
    text = decode(path.read_bytes(), shown)
    if kind in (".csv", ".tsv"):
        return delimited(text, "\t" if kind == ".tsv" else guess_delimiter(text), shown)
    return document(text, shown) if kind == ".json" else lines(text, shown)


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
