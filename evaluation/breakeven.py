"""From how many requests on one method is cheaper than another, given what each costs once (preparing) and for each request.

The cost of N requests is fixed + N x each, a straight line; two lines cross at N = (fixed_a - fixed_b) / (each_b - each_a). What a method costs
for each request is what its test answers cost on average, so the figure holds for requests like those.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

State = Literal["from", "always", "until", "never", "equal"]


class Line(NamedTuple):
    """What a method costs: `fixed` once and `each` for every request, in one unit."""

    method: str
    fixed: float
    each: float

    def at(self, requests: float) -> float:
        return self.fixed + requests * self.each


class BreakEven(NamedTuple):
    """When `method` is cheaper than `other`: "from" or "until" a number of requests, "always", "never", or they are "equal"."""

    method: str
    other: str
    state: State
    requests: int | None


def break_even(one: Line, other: Line) -> BreakEven:
    """When `one` is cheaper than `other`, for 1, 2, 3… requests."""
    more_once, less_each = one.fixed - other.fixed, other.each - one.each
    if more_once == 0 and less_each == 0:
        return BreakEven(one.method, other.method, "equal", None)
    if more_once <= 0 and less_each >= 0:
        return BreakEven(one.method, other.method, "always", None)
    if more_once >= 0 and less_each <= 0:
        return BreakEven(one.method, other.method, "never", None)
    crossing = more_once / less_each
    if less_each > 0:
        return _from(one, other, math.floor(crossing) + 1)
    last = math.ceil(crossing) - 1
    return BreakEven(one.method, other.method, "until", last) if last >= 1 else BreakEven(one.method, other.method, "never", None)


def _from(one: Line, other: Line, requests: int) -> BreakEven:
    return BreakEven(one.method, other.method, "always", None) if requests <= 1 else BreakEven(one.method, other.method, "from", requests)


def break_evens(lines: Sequence[Line]) -> list[BreakEven]:
    """Each pair once, asked of the one that costs more to prepare; the dearest to prepare come first."""
    order = sorted(range(len(lines)), key=lambda place: (-lines[place].fixed, place))
    return [break_even(lines[a], lines[b]) for i, a in enumerate(order) for b in order[i + 1 :]]
