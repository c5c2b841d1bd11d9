"""Several rankings to one by reciprocal rank fusion (Cormack, Clarke and Büttcher 2009): a row's score is the sum of 1 / (60 + rank) over
the rankings that hold it, ranks counted from 1. Scores of different kinds never meet, so nothing has to be weighed.

Hybrid retrieval fuses dense and BM25. It is seldom the best of the three on one kind of question, and seldom far from the best on any.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from retrieval.base import Hit, PassageIndex, Probe, retrievers
from retrieval.search.dense import Dense
from retrieval.search.lexical import Bm25

K = 60
"""The paper's constant: the first few ranks count nearly alike."""


def fused(rankings: Sequence[Sequence[Hit]]) -> list[Hit]:
    """All rows of the rankings, best first; ties go to the earlier row."""
    parts: dict[int, list[float]] = {}
    for ranking in rankings:
        for rank, hit in enumerate(ranking, start=1):
            parts.setdefault(hit.row, []).append(1 / (K + rank))
    return sorted((Hit(row, math.fsum(shares)) for row, shares in parts.items()), key=lambda hit: (-hit.score, hit.row))


class Hybrid:
    """See the module's docstring. Of each ranking the first `k` are fused."""

    by_vector: ClassVar[bool] = True

    def __init__(self, index: PassageIndex) -> None:
        self.parts = (Dense(index), Bm25(index))

    def rank(self, probes: Sequence[Probe], k: int, allowed: np.ndarray | None = None) -> list[list[Hit]]:
        rankings = [part.rank(probes, k, allowed) for part in self.parts]
        return [fused(of_one)[: max(k, 0)] for of_one in zip(*rankings, strict=True)]


retrievers.add("hybrid", Hybrid)
