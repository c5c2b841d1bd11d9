"""Dense retrieval: the passages whose vectors are nearest to the question's (Karpukhin et al. 2020, arXiv:2004.04906).

It finds what is said in other words. Names, numbers and rare words it may miss: they hardly move a vector.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from retrieval.base import Hit, PassageIndex, Probe, retrievers


class Dense:
    """See the module's docstring. Scores are cosine similarities."""

    by_vector: ClassVar[bool] = True

    def __init__(self, index: PassageIndex) -> None:
        self.index = index

    def rank(self, probes: Sequence[Probe], k: int, allowed: np.ndarray | None = None) -> list[list[Hit]]:
        vectors = [probe.vector for probe in probes if probe.vector is not None]
        if not vectors or min(k, len(self.index.passages)) < 1:
            return [[] for _ in probes]
        return self.index.nearest(np.stack(vectors), k, allowed)


retrievers.add("dense", Dense)
