"""Ids, and which row lands in which split. Both depend on what a row says and on the seed, never on its place in the file."""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate

from core.dataset.leakage import asked, normalise
from core.records import Example

ORDER = ("test", "validation", "train")  # the test set is cut off first, so that other shares of train and validation leave it as it is


def identify(examples: Sequence[Example]) -> list[Example]:
    """Give each example its id: 16 hexadecimal digits of its content, and "-1", "-2"… for further rows with the same content.

    Rows that differ only in what the id leaves out (group, further columns) are numbered by that, so their order does not matter either.
    """
    same: dict[str, list[int]] = {}
    for place, example in enumerate(examples):
        content = json.dumps([example.instruction, example.input, example.reference])
        same.setdefault(hashlib.sha256(content.encode()).hexdigest()[:16], []).append(place)
    ids = [""] * len(examples)
    for digest, places in same.items():
        for ordinal, place in enumerate(sorted(places, key=lambda p: _rest(examples[p]))):
            ids[place] = f"{digest}-{ordinal}" if ordinal else digest
    return [replace(example, id=name) for example, name in zip(examples, ids, strict=True)]


def _rest(example: Example) -> str:
    return json.dumps([example.choices, example.group, sorted(example.columns.items())])


def units(examples: Sequence[Example], instruction: str, seed: int) -> list[list[Example]]:
    """Rows that must stay together, in the order that the seed gives: those of one group, else those with the same normalised question."""
    by_key: dict[str, list[Example]] = {}
    for example in examples:
        text = asked(example, instruction)
        key = f"group:{example.group}" if example.group else f"text:{normalise(text) or text}"
        by_key.setdefault(key, []).append(example)
    keys = sorted(by_key, key=lambda key: (hashlib.sha256(f"{seed}\0{key}".encode()).digest(), key))
    return [sorted(by_key[key], key=lambda example: example.id) for key in keys]


def in_order(examples: Sequence[Example], instruction: str, seed: int) -> list[Example]:
    """The order in which a split is kept; `limit` takes its first rows."""
    return [example for unit in units(examples, instruction, seed) for example in unit]


def cut(parts: Sequence[Sequence[Example]], shares: dict[str, float]) -> dict[str, list[Example]]:
    """Units to splits, by count of rows.

    Args:
        parts: units in the seed's order.
        shares: by split; they add up to 1. A split with a share gets at least one unit as long as there are enough units;
            where there are not, validation goes without first, then train.

    Returns:
        The rows of each split named in `shares`.
    """
    wanted = [name for name in ORDER if shares.get(name, 0) > 0]
    for name in ("validation", "train"):
        if len(wanted) > len(parts) and name in wanted and len(wanted) > 1:
            wanted.remove(name)
    before = [0, *accumulate(len(part) for part in parts)]
    splits: dict[str, list[Example]] = {name: [] for name in shares}
    start, target = 0, 0.0
    total_share = sum(shares[name] for name in wanted)
    for place, name in enumerate(wanted):
        target += before[-1] * shares[name] / total_share
        left = len(wanted) - place - 1
        end = _nearest(before, target, min(start + 1, len(parts)), len(parts) - left) if left else len(parts)
        splits[name] = [example for part in parts[start:end] for example in part]
        start = end
    return splits


def _nearest(before: Sequence[int], target: float, low: int, high: int) -> int:
    """The place between low and high (both included) where the rows so far come closest to the target; the earlier of two."""
    place = min(max(bisect_left(before, target), low), high)
    return place - 1 if place > low and target - before[place - 1] <= before[place] - target else place
