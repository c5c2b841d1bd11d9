"""Scores by parts of the test set: where is a method weak?

A facet cuts the items into slices: by the input's length (thirds), by label, by group, or by any column of the data. A column of numbers
with many values is cut into thirds too. Each slice says how many items it has; with fewer than five it gives no interval, since none would
mean anything. Slices are looked at after the fact and many at once, so a difference between two of them is a hint to follow, not a finding.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from core.records import Example, Score, Scored
from evaluation.statistics import mean_interval
from evaluation.text import words

LENGTH, LABEL, GROUP, COLUMN = "Input length", "Label", "Group", "Column "
SMALL = 5
MOST = 20
REST = "other values"
THIRDS = 3


class Cell(NamedTuple):
    """One method in one slice; no interval below five items, no mean below one."""

    mean: float | None
    low: float | None
    high: float | None
    n: int


class Slice(NamedTuple):
    """A part of the items. `small` where it has fewer than five."""

    name: str
    n: int
    small: bool
    cells: Mapping[str, Cell]


def facets(examples: Sequence[Example], labels: Sequence[str] = ()) -> dict[str, dict[str, str]]:
    """How the items can be cut: facet to example id to slice. A facet that would leave all in one slice is absent."""
    found = {LENGTH: _thirds({e.id: float(len(words(e.question))) for e in examples}, "words")}
    if labels:
        found[LABEL] = {e.id: e.reference for e in examples}
    found[GROUP] = {e.id: e.group for e in examples if e.group}
    for column in dict.fromkeys(name for example in examples for name in example.columns):
        found[COLUMN + column] = _by_value({e.id: e.columns[column] for e in examples if e.columns.get(column, "").strip()})
    return {facet: _at_most(slices) for facet, slices in found.items() if len(set(slices.values())) > 1}


def _by_value(values: Mapping[str, str]) -> dict[str, str]:
    numbers = {key: number for key, value in values.items() if (number := _number(value)) is not None}
    if len(numbers) == len(values) and len(set(numbers.values())) > 2 * THIRDS:
        return _thirds(numbers, "")
    return {key: " ".join(value.split())[:80] for key, value in values.items()}


def _number(value: str) -> float | None:
    try:
        number = float(value)
    except ValueError:
        return None
    return number if abs(number) < float("inf") else None


def _thirds(values: Mapping[str, float], unit: str) -> dict[str, str]:
    """Three parts of about the same size, named by their bounds; equal values are never parted."""
    order = sorted(values.values())
    if not order:
        return {}
    upper = sorted({order[min(len(order) - 1, round(len(order) * part / THIRDS) - 1)] for part in range(1, THIRDS + 1)} | {order[-1]})
    names: list[str] = []
    low = order[0]
    for high in upper:
        inside = [value for value in order if low <= value <= high and (not names or value > upper[len(names) - 1])]
        names.append(
            f"{min(inside):g} to {max(inside):g} {unit}".strip() if min(inside) < max(inside) else f"{max(inside):g} {unit}".strip()
        )
    return {key: names[next(place for place, high in enumerate(upper) if value <= high)] for key, value in values.items()}


def _at_most(slices: dict[str, str]) -> dict[str, str]:
    counts = Counter(slices.values())
    if len(counts) <= MOST:
        return slices
    kept = {name for name, _ in counts.most_common(MOST - 1)}
    return {key: name if name in kept else REST for key, name in slices.items()}


def sliced(
    facet: Mapping[str, str],
    scores: Mapping[str, Mapping[str, Scored]],
    *,
    low: float = 0.0,
    high: float = 1.0,
    groups: Mapping[str, str] | None = None,
    seed: int = 0,
) -> list[Slice]:
    """The slices of a facet with each method's mean over the items that every method has a score for.

    Args:
        facet: example id to slice, as `facets` gives it.
        scores: {method: {example id: score}} of one metric whose range is `low` to `high`.
        groups: example id to group; items that share one count as one observation (`evaluation.clusters`).
    """
    numbers = {method: {i: s.value for i, s in of_one.items() if isinstance(s, Score)} for method, of_one in scores.items()}
    scored = [set(found) for found in numbers.values() if found]
    shared = set.intersection(*scored) if scored else set()
    parts: dict[str, list[str]] = {}
    for example_id, name in facet.items():
        parts.setdefault(name, []).append(example_id)
    found = []
    for name, ids in parts.items():
        inside = sorted(set(ids) & shared)
        together = [groups.get(i, "") for i in inside] if groups else None
        cells = {
            method: _cell([of_one[i] for i in inside if i in of_one], (low, high) == (0.0, 1.0), together, seed)
            for method, of_one in numbers.items()
        }
        found.append(Slice(name, len(inside), len(inside) < SMALL, cells))
    return sorted(found, key=lambda part: (part.name == REST, _order(part.name)))


def _order(name: str) -> tuple[float, str]:
    number = _number(name.split(" ")[0])
    return (float("inf") if number is None else number, name.casefold())


def _cell(values: Sequence[float], share: bool, groups: Sequence[str] | None, seed: int) -> Cell:
    if not values:
        return Cell(None, None, None, 0)
    if len(values) < SMALL:
        return Cell(sum(values) / len(values), None, None, len(values))
    interval = mean_interval(values, seed=seed, share=share, groups=groups)
    return Cell(interval.mean, interval.low, interval.high, interval.n)
