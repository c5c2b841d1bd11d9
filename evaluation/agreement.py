"""How far raters agree: Krippendorff's alpha, weighted kappa, Spearman's rank correlation. Pure, no I/O.

*Alpha* (Krippendorff 2011, "Computing Krippendorff's alpha-reliability") takes any number of raters, each of whom may have left units out: 1 is
full agreement, 0 what chance gives, below 0 less than that. He advises to rely on nothing below 0.667 and to ask for 0.8. *Weighted kappa*
(Cohen 1968) compares exactly two raters on ordered marks, a near miss counting less than a far one. *Spearman* asks only whether both put things
into the same order. Where a coefficient is not defined, its value is None with a reason: agreement on marks that never vary shows nothing.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from itertools import permutations
from typing import Literal, NamedTuple, TypeVar

Value = TypeVar("Value", bound=Hashable)
Level = Literal["nominal", "ordinal"]
Units = Mapping[Hashable, Mapping[Hashable, Value]]
"""{unit: {rater: value}}; a rater who left a unit out is absent from it."""

TOO_ALIKE = "all marks are alike, which shows no agreement beyond chance"


class Agreement(NamedTuple):
    """A coefficient, the number of units (or pairs of marks) that it rests on, and why there is none where `value` is None."""

    value: float | None
    n: int
    reason: str | None = None


def krippendorff_alpha(units: Units[Value], level: Level = "nominal", order: Sequence[Value] = ()) -> Agreement:
    """Alpha = 1 - observed / expected disagreement, from the coincidences of values within units.

    Units with fewer than two marks take no part, nor do their marks.

    Args:
        level: "nominal" (same or not) or "ordinal" (further apart in `order` is worse, by how many marks lie between).
        order: the values from lowest to highest; needed for "ordinal".

    Raises:
        ValueError: the level is ordinal and a value stands not in `order`.
    """
    paired = [list(marks.values()) for marks in units.values() if len(marks) > 1]
    totals = Counter(value for marks in paired for value in marks)
    if not paired:
        return Agreement(None, 0, "no item was marked by two raters")
    if level == "ordinal" and not set(totals) <= set(order):
        raise ValueError(f"ordinal values must stand in the order given; got {sorted(map(str, set(totals) - set(order)))}")
    distance = _apart if level == "nominal" else _ordinal_distance(totals, order)
    n = totals.total()
    coincidences: Counter[tuple[Value, Value]] = Counter()
    for marks in paired:
        for pair in permutations(marks, 2):
            coincidences[pair] += 1 / (len(marks) - 1)  # type: ignore[assignment]
    observed = math.fsum(count * distance(c, k) for (c, k), count in coincidences.items())
    expected = math.fsum(totals[c] * totals[k] * distance(c, k) for c, k in permutations(totals, 2))
    if expected == 0:
        return Agreement(None, len(paired), TOO_ALIKE)
    return Agreement(1 - (n - 1) * observed / expected, len(paired))


def _apart(a: Hashable, b: Hashable) -> float:
    return float(a != b)


def _ordinal_distance(totals: Counter[Value], order: Sequence[Value]) -> Callable[[Value, Value], float]:
    """Squared number of marks from the middle of one value's to the middle of the other's, in their order."""
    middle, before = {}, 0.0
    for value in order:
        middle[value] = before + totals[value] / 2
        before += totals[value]
    return lambda a, b: (middle[a] - middle[b]) ** 2


def weighted_kappa(
    a: Sequence[Value], b: Sequence[Value], order: Sequence[Value], weights: Literal["linear", "quadratic"] = "quadratic"
) -> Agreement:
    """Cohen's kappa of two raters, disagreements weighted by the distance (or its square) of the values' places in `order`.

    Args:
        a, b: the marks of the same things, in the same order.
        order: all values that could have been given, from lowest to highest.

    Raises:
        ValueError: lengths differ, or a mark stands not in `order`.
    """
    if len(a) != len(b):
        raise ValueError(f"two raters must have marked the same things; got {len(a)} and {len(b)} marks")
    place = {value: number for number, value in enumerate(order)}
    if unknown := {value for value in (*a, *b) if value not in place}:
        raise ValueError(f"marks must stand in the order given; got {sorted(map(str, unknown))}")
    if not a:
        return Agreement(None, 0, "nothing was marked by both")
    power = 1 if weights == "linear" else 2

    def mean_distance(pairs: Mapping[tuple[Value, Value], float]) -> float:
        return math.fsum(count * abs(place[x] - place[y]) ** power for (x, y), count in pairs.items())

    first, second = Counter(a), Counter(b)
    by_chance = mean_distance({(x, y): first[x] * second[y] / len(a) for x in first for y in second})
    if by_chance == 0:
        return Agreement(None, len(a), TOO_ALIKE)
    return Agreement(1 - mean_distance(Counter(zip(a, b, strict=True))) / by_chance, len(a))


def spearman(a: Sequence[float], b: Sequence[float]) -> Agreement:
    """Rank correlation of two lists of numbers, ties at their mean rank (Spearman 1904).

    Raises:
        ValueError: lengths differ.
    """
    if len(a) != len(b):
        raise ValueError(f"ranks must be of the same things; got {len(a)} and {len(b)} numbers")
    if len(a) < 3:
        return Agreement(None, len(a), "too few to rank")
    if len(set(a)) == 1 or len(set(b)) == 1:
        return Agreement(None, len(a), TOO_ALIKE)
    from scipy.stats import spearmanr

    return Agreement(float(spearmanr(a, b).statistic), len(a))
