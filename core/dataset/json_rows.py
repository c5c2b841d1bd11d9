"""JSON and JSONL to raw rows. Each object is decoded on its own, so that a fault has a line and its neighbours survive."""

from __future__ import annotations

import json
import re
from collections.abc import Generator
from typing import Any, NoReturn

import core.dataset.limits as limits
from core.dataset.rows import BadRow, RawRow, Rows, checked_lines
from core.errors import DataError

SPACE = re.compile(r"[ \t\r\n]*")
SHAPES = 'It must be a list of objects, or {"data": [ ... ]}; one object a line is a .jsonl file.'
LISTS = ("data", "examples")
"""Under what name an object may hold the rows; "examples" is BIG-bench's."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1) if len(names) <= limits.MAX_COLUMNS else "of some name"
        raise ValueError(f"has the key '{twice}' twice")
    return found


DECODER = json.JSONDecoder(object_pairs_hook=_unique)


def too_deep(value: Any) -> bool:
    """Whether lists and objects stand in each other deeper than `limits.MAX_DEPTH`."""
    level = [value]
    for _ in range(limits.MAX_DEPTH + 1):
        inside = (outer.values() if isinstance(outer, dict) else outer for outer in level if isinstance(outer, (dict, list)))
        level = [inner for values in inside for inner in values]
        if not level:
            return False
    return True


def lines(text: str, shown: str) -> Rows:
    """One object a line; blank lines are passed over."""
    for number, line in enumerate(checked_lines(text, shown), 1):
        if line.strip():
            yield _line(line.strip(), number, shown)


def _line(line: str, number: int, shown: str) -> RawRow | BadRow:
    try:
        value = DECODER.decode(line)
    except RecursionError:
        return BadRow(shown, number, f"is nested deeper than {limits.MAX_DEPTH} levels")
    except ValueError as error:
        return BadRow(shown, number, _worded(error))
    return _row(value, number, shown)


def _row(value: Any, number: int, shown: str) -> RawRow | BadRow:
    if not isinstance(value, dict):
        return BadRow(shown, number, f"must be an object with named values; got a {type(value).__name__}")
    if too_deep(value):
        return BadRow(shown, number, f"is nested deeper than {limits.MAX_DEPTH} levels")
    return RawRow(number, value)


def _worded(error: ValueError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"is not valid JSON: {error.msg} at character {error.colno}"
    return str(error) if str(error).startswith("has the key") else f"is not valid JSON: {error}"


def document(text: str, shown: str) -> Rows:
    """A list of objects, `{"data": [...]}` or `{"examples": [...]}`, or lines that carry the wrong ending.

    Raises:
        DataError: it is none of these, or breaks off.
    """
    start = _skip(text, 0)
    if text[start : start + 1] == "[":
        return _list(text, start, shown)
    if text[start : start + 1] == "{":
        first, _, rest = text[start:].partition("\n")
        whole = rest.strip() and first.rstrip().endswith("}") and isinstance(_line(first.strip(), 1, shown), RawRow)
        return lines(text, shown) if whole else _wrapped(text, start, shown)
    raise DataError(f"{shown} holds no list of rows.", SHAPES)


def _skip(text: str, position: int) -> int:
    found = SPACE.match(text, position)
    return found.end() if found else position


def _list(text: str, start: int, shown: str) -> Rows:
    end = yield from _items(text, start, shown)
    if text[_skip(text, end) :]:
        _broken(text, end, shown, "something follows the end of the list")


def _items(text: str, start: int, shown: str) -> Generator[RawRow | BadRow, None, int]:
    """Rows of the list that begins at `start`; returns the position after it."""
    position, line, counted = _skip(text, start + 1), 1, 0
    if text[position : position + 1] == "]":
        return position + 1
    while True:
        line += text.count("\n", counted, position)
        counted = position
        value, end = _value(text, position, shown)
        limits.check_line(f"The item at line {line} of {shown}", text[position:end])
        yield BadRow(shown, line, str(value)) if isinstance(value, ValueError) else _row(value, line, shown)
        position = _skip(text, end)
        mark = text[position : position + 1]
        if mark == "]":
            return position + 1
        if mark != ",":
            _broken(text, position, shown, "a comma or ] is missing")
        position = _skip(text, position + 1)


def _value(text: str, position: int, shown: str) -> tuple[Any, int]:
    """One value and where it ends. A doubled key is given back as the value, since its end is still known."""
    try:
        return DECODER.raw_decode(text, position)
    except RecursionError:
        _broken(text, position, shown, f"a row is nested deeper than {limits.MAX_DEPTH} levels")
    except json.JSONDecodeError as error:
        _broken(text, error.pos, shown, error.msg)
    except ValueError as error:
        return error, json.JSONDecoder().raw_decode(text, position)[1]


def _wrapped(text: str, start: int, shown: str) -> Rows:
    position, found = start, False
    while text[position : position + 1] in ("{", ","):
        key, position = _value(text, _skip(text, position + 1), shown)
        position = _skip(text, position)
        if text[position : position + 1] != ":" or not isinstance(key, str):
            _broken(text, position, shown, "a name and a colon must stand here")
        position = _skip(text, position + 1)
        if key in LISTS and text[position : position + 1] == "[":
            found = True
            position = yield from _items(text, position, shown)
        else:
            _, position = _value(text, position, shown)
        position = _skip(text, position)
    if text[position : position + 1] != "}" or text[_skip(text, position + 1) :]:
        _broken(text, position, shown, "the object does not end here as it should")
    if not found:
        raise DataError(f"{shown} holds no list of rows.", SHAPES)


def _broken(text: str, position: int, shown: str, what: str) -> NoReturn:
    line = 1 + text.count("\n", 0, position)
    raise DataError(f"{shown} is not valid JSON at line {line}: {what}.", "Mend that place, or write one object a line as .jsonl.")
