"""Whether more of something helps: what a learning curve says of its last step, in one clause."""

from __future__ import annotations

from typing import NamedTuple


class Point(NamedTuple):
    """The mean of a metric at `x` shots or training rows, with its 95 % interval; None where it could not be had."""

    x: int
    mean: float | None
    low: float | None
    high: float | None


class Step(NamedTuple):
    """The last doubling, say, of a curve: the difference of its two largest points, best direction positive, and whether it is real."""

    start: int
    end: int
    gain: float
    real: bool


def growth(step: Step, thing: str, method: str, metric: str) -> str:
    """What would change a verdict: more of a thing, or not.

    Args:
        thing: what the curve is over, in the plural ("training rows").
    """
    what = f"from {step.start:,} to {step.end:,} {thing} {method}"
    if not step.real:
        return f"{what} does not change {metric} by more than noise, so more {thing} may not help"
    if step.gain > 0:
        return f"{what} gains {_size(step.gain)} {metric}, so more {thing} may help"
    return f"{what} loses {_size(-step.gain)} {metric}, so fewer {thing} may be better"


def _size(value: float) -> str:
    digits = next((d for d in range(2, 6) if round(value, d) != 0), 6)
    return f"{value:.{digits}f}"
