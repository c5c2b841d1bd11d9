"""Items that a report leaves out of its numbers, though all were answered: they stand in the report's `data.left_out`.

Whatever is worked out from scores or answers leaves them out, too, so re-scoring a report that was recomputed without some items does not
bring them back unseen.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from comparison.result import Splits

KEY = "left_out"
NOTE = "Recomputed without "

T = TypeVar("T")


def left_out(data: Mapping[str, Any]) -> frozenset[str]:
    """Ids of the items that the report with this `data` leaves out."""
    return frozenset((data.get(KEY) or {}).get("items", ()))


def kept(by_item: Mapping[str, T], out: frozenset[str]) -> Mapping[str, T]:
    """What is said of the other items."""
    return {item: value for item, value in by_item.items() if item not in out} if out else by_item


def kept_splits(splits: Splits, out: frozenset[str]) -> Splits:
    return replace(splits, test=tuple(e for e in splits.test if e.id not in out)) if out else splits


def leaving_out(report: Mapping[str, Any], items: Iterable[str], why: str) -> dict[str, Any]:
    """The report's data and notes for leaving these items out; with none, for all items again."""
    data = {key: value for key, value in report["data"].items() if key != KEY}
    notes: Sequence[str] = [note for note in report["notes"] if not note.startswith(NOTE)]
    out = sorted(set(items))
    if out:
        data |= {KEY: {"count": len(out), "why": why, "items": out}}
        total = data["counts"]["test"]
        notes = [*notes, f"{NOTE}{len(out)} of {total} test items: {why}. Costs are those of all answers."]
    return {**report, "data": data, "notes": list(notes)}
