"""How much data is taken in: enough for a comparison on a laptop, little enough that a hostile file cannot fill the memory."""

from __future__ import annotations

from core.errors import DataError

MAX_FILE_BYTES = 50_000_000
MAX_ROWS = 100_000
MAX_TEXT_BYTES = 200_000_000
MAX_COLUMNS = 1_000
MAX_LINE_BYTES = 1_000_000
MAX_DEPTH = 32


def too_much(where: str, what: str, found: int, most: int, remedy: str) -> DataError:
    """The refusal of something that is over a limit, with the value that was found.

    Args:
        what: unit of both numbers ("bytes", "rows").
    """
    return DataError(f"{where} has {found:,} {what}; at most {most:,} are taken.", remedy)


def check_rows(where: str, found: int) -> None:
    """Raises: DataError, once there are more rows than are taken."""
    if found > MAX_ROWS:
        raise too_much(where, "rows or more", found, MAX_ROWS, "Keep a part of the rows in a file of its own.")


def check_columns(where: str, found: int) -> None:
    """Raises: DataError, where there are more columns than are taken."""
    if found > MAX_COLUMNS:
        raise too_much(where, "columns", found, MAX_COLUMNS, "Keep the columns that the task needs.")


def check_line(where: str, text: str) -> None:
    """Raises: DataError, where one line or item is longer than is taken. Counted in bytes of UTF-8."""
    if 4 * len(text) > MAX_LINE_BYTES:
        found = len(text.encode("utf-8", "surrogatepass"))
        if found > MAX_LINE_BYTES:
            raise too_much(where, "bytes", found, MAX_LINE_BYTES, "Cut the text into shorter rows, or leave this row out.")


def check_text(where: str, found: int) -> None:
    """Raises: DataError, once the decoded text is larger than is taken."""
    if found > MAX_TEXT_BYTES:
        raise too_much(where, "bytes of text once unpacked", found, MAX_TEXT_BYTES, "Keep fewer rows, or shorter ones.")
