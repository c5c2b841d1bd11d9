"""Re-ranking: a cross-encoder reads question and passage together and scores how well they fit (Nogueira and Cho 2019, arXiv:1901.04085).

It is far slower than an index, so it reads the candidates alone, and can only order what the retriever found.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from retrieval.base import Hit

DIGITS = 5
"""Scores are rounded to so many digits: the last bits of a product depend on what is read beside a passage."""


class PairScorer(Protocol):
    """What reads pairs."""

    def scores(self, question: str, texts: Sequence[str]) -> np.ndarray:
        """How well each text answers the question, shape (len(texts),); greater is better."""
        ...


def reranked(scorer: PairScorer, question: str, hits: Sequence[Hit], texts: Sequence[str]) -> list[Hit]:
    """The hits with the scorer's scores, best first; ties go to the earlier row.

    Args:
        texts: the hits' passages, in their order.
    """
    if not hits:
        return []
    scores = np.round(np.asarray(scorer.scores(question, texts), dtype=np.float64), DIGITS)
    return sorted((Hit(hit.row, float(score)) for hit, score in zip(hits, scores, strict=True)), key=lambda hit: (-hit.score, hit.row))
