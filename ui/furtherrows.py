"""A row that stands in the table beside the automatic scores: what people said, what a fine-tune forgot."""

from __future__ import annotations

from typing import NamedTuple


class Measured(NamedTuple):
    """A number with its interval and the interval's bar in percent; the first fields of a table's cell."""

    text: str
    interval: str = ""
    left: float = 0.0
    width: float = 0.0


class FurtherRow(NamedTuple):
    """A row with one cell for each method of the report; `hint` explains its label."""

    label: str
    hint: str
    cells: list[Measured]
