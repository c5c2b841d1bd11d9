"""Maximal marginal relevance (Carbonell and Goldstein 1998): the next passage is the one with the greatest

    lambda * relevance - (1 - lambda) * (cosine similarity to the nearest passage that is chosen already)

so that passages that repeat a chosen one give way to others. Relevance is the ranking's score, stretched to where the candidates' cosine
similarities to the question lie: a dense ranking keeps its cosines, as in the paper, and BM25, fused ranks and a cross-encoder keep their order
on the same scale, so that lambda means the same for all of them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from retrieval.base import Hit

DIGITS = 6


def diverse(hits: Sequence[Hit], vectors: np.ndarray, question: np.ndarray, k: int, weight: float) -> list[Hit]:
    """At most `k` of the hits in the order in which they are chosen, with their own scores; ties go to the better score, then the earlier row.

    Args:
        hits: candidates, best first.
        vectors: their passages' unit vectors, shape (len(hits), dimension).
        question: the question's unit vector, shape (dimension,).
        weight: lambda; 1 keeps the ranking.
    """
    if not hits or k < 1:
        return []
    relevance, alike = _relevance(hits, vectors @ question), np.round(vectors @ vectors.T, DIGITS)
    left, chosen = list(range(len(hits))), list[int]()
    while left and len(chosen) < k:
        repeated = alike[np.ix_(left, chosen)].max(axis=1) if chosen else np.zeros(len(left))
        worth = np.round(weight * relevance[left] - (1 - weight) * repeated, DIGITS)
        order = sorted(range(len(left)), key=lambda i: (-worth[i], -hits[left[i]].score, hits[left[i]].row))
        chosen.append(left.pop(order[0]))
    return [hits[i] for i in chosen]


def _relevance(hits: Sequence[Hit], cosines: np.ndarray) -> np.ndarray:
    scores, low, high = np.array([hit.score for hit in hits]), float(cosines.min()), float(cosines.max())
    width = float(scores.max() - scores.min())
    return np.full(len(hits), high) if width == 0 else low + (high - low) * (scores - scores.min()) / width
