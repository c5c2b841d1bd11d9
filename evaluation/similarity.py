"""Semantic similarity: do answer and reference mean roughly the same, whatever the words?

The cosine of two sentence embeddings (Reimers and Gurevych 2019), clipped to 0..1 because a negative cosine means no more than "unrelated".
It forgives paraphrase, which word overlap does not, and it also forgives wrong numbers, names and negation: "opens at 9" and "opens at 6"
are near. Read it beside token F1, not instead of it. Its scale is the embedder's own: 0.6 may be poor or good, only differences between
methods mean something.

Answers and references go through one call, both as passages, so that an embedder that prefixes queries treats both sides alike. An empty
answer is an answer that says nothing: it scores 0 by definition, not what the embedder makes of an empty text, and it is never unscored.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.records import Score, Scored, Unscored
from evaluation.base import Item, MetricInfo, Resources, metrics


@dataclass(frozen=True)
class SemanticSimilarity:
    """Cosine of embeddings through `Resources.embedder`."""

    info: MetricInfo

    def score(self, items: Sequence[Item], resources: Resources) -> list[Scored]:
        if resources.embedder is None:
            return [Unscored("there is no embedding model") for _ in items]
        texts = list(dict.fromkeys(text for item in items if _both(item) for text in (item.prediction, item.reference)))
        rows = {text: row for row, text in enumerate(texts)}
        vectors = resources.embedder().embed(texts, kind="passage").astype(np.float64) if texts else np.zeros((0, 1))
        return [self._one(item, vectors, rows) for item in items]

    def _one(self, item: Item, vectors: np.ndarray, rows: dict[str, int]) -> Scored:
        if not _both(item):
            return Score(float(item.prediction.strip() == item.reference.strip()))
        cosine = float(vectors[rows[item.prediction]] @ vectors[rows[item.reference]])
        if not np.isfinite(cosine):
            return Unscored("the embedding model gave a vector that is not a number")
        return Score(min(max(cosine, 0.0), 1.0))


def _both(item: Item) -> bool:
    return bool(item.prediction.strip() and item.reference.strip())


metrics.add(
    "semantic_similarity",
    SemanticSimilarity(
        MetricInfo(
            "semantic_similarity",
            "semantic similarity, cosine of sentence embeddings",
            unit="cosine",
            how="Cosine of the embeddings of answer and reference, clipped to 0..1 (Reimers and Gurevych 2019); an empty answer scores 0. "
            "Blind to wrong numbers and negation; only differences between methods mean something.",
            needs=("embedder",),
        )
    ),
)
