"""Rows of other tasks among the training rows, each file with its share (multi-task mixtures with set rates; Raffel et al. 2020,
arXiv:1910.10683, section 3.5).

The task's own rows all stay. A file with weight 0.3 gives as many rows as make 30 % of all; which ones is a function of the seed and of the
rows' ids. A file with fewer rows gives some of them several times, so that the share is what was asked for.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from adapters.base import Setting
from adapters.preparation import MixSpec
from core.dataset import RowsOfFile
from core.records import Example


class Drawn(NamedTuple):
    """The rows that one file gives, and what the report says of them.

    Attributes:
        instruction: of all of the file's rows, or "" where they have their own.
    """

    examples: tuple[Example, ...]
    instruction: str
    entry: dict[str, Any]


def counts(weights: Sequence[float], own: int) -> list[int]:
    """How many rows each file gives beside `own` rows of the task; at least one each."""
    rest = 1 - sum(weights)
    return [max(1, round(weight / rest * own)) for weight in weights]


def draw(mix: Sequence[MixSpec], setting: Setting, own: int, seed: int) -> list[Drawn]:
    """Rows of each file. Their ids begin with the file's place in the mix, so that they never meet those of the task."""
    wanted = counts([entry.weight for entry in mix], own)
    drawn = []
    for place, (entry, count) in enumerate(zip(mix, wanted, strict=True), 1):
        rows: RowsOfFile = setting.mixes[entry.key]
        chosen = _first(rows.examples, count, f"{seed}/{place}", f"mix{place}")
        told = {e.instruction for e in rows.examples}
        about = {"file": rows.file, "weight": entry.weight, "rows": len(rows.examples), "drawn": count, "taken_out": rows.taken_out}
        drawn.append(Drawn(tuple(chosen), next(iter(told)) if len(told) == 1 else "", about))
    return drawn


def _first(examples: Sequence[Example], count: int, salt: str, prefix: str) -> list[Example]:
    """The first `count` in a seeded order, from the beginning again where there are fewer."""
    order = sorted(examples, key=lambda e: (hashlib.sha256(f"{salt}/{e.id}".encode()).digest(), e.id))
    whole, rest = divmod(count, len(order))
    times = [(e, n) for n in range(whole) for e in order] + [(e, whole) for e in order[:rest]]
    return [replace(e, id=f"{prefix}:{e.id}" + (f"~{n + 1}" if n else "")) for e, n in times]
