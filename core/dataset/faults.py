"""What makes a single row unusable, and the one place where a cell becomes text."""

from __future__ import annotations

import math
from typing import Any


class RowFault(ValueError):
    """Why a row cannot be used. Caught by the loader, which adds file and line."""


def as_text(value: Any, what: str) -> str:
    """A cell as text with LF line ends and without white space around it; nothing is "".

    Raises:
        RowFault: it is no text, not a finite number, or holds bytes that are not UTF-8.
    """
    if value is None:
        return ""
    if isinstance(value, (dict, list, tuple, bytes)):
        raise RowFault(f"{what} must be text; got a {type(value).__name__}")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and not math.isfinite(value):
        raise RowFault(f"{what} must be text; got {value} (NaN and Infinity are no answers)")
    text = str(value)
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise RowFault(f"{what} holds bytes that are not UTF-8, or half of a surrogate pair") from None
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()
