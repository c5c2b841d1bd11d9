"""Answer relevancy: does the answer speak of what was asked?

The cosine of the embeddings of question and answer, clipped to 0..1. It looks at no reference, so it works without one, and for the same
reason it does not know whether the answer is right: "It opens at 9" and "It opens at 3" are equally relevant. Repeating the question is the
surest way to a high value.

RAGAS (Es et al. 2023) gives this name to another number: a language model writes questions that the answer would answer, and their
similarity to the real one is averaged. That needs a capable model and several calls for each answer; ours needs one embedding and is
coarser. The two cannot be compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.records import Score, Scored, Unscored
from evaluation.base import Item, MetricInfo, Resources, metrics


@dataclass(frozen=True)
class AnswerRelevancy:
    """Cosine of question and answer through `Resources.embedder`. The instruction, which all items share, is left out of the question."""

    info: MetricInfo

    def score(self, items: Sequence[Item], resources: Resources) -> list[Scored]:
        if resources.embedder is None:
            return [Unscored("there is no embedding model") for _ in items]
        asked = _vectors(resources, [item.input or item.question for item in items], "query")
        said = _vectors(resources, [item.prediction for item in items], "passage")
        return [self._one(item, asked, said) for item in items]

    def _one(self, item: Item, asked: dict[str, np.ndarray], said: dict[str, np.ndarray]) -> Scored:
        question = item.input or item.question
        if not question.strip():
            return Unscored("the item has no question")
        if not item.prediction.strip():
            return Score(0.0)
        cosine = float(asked[question] @ said[item.prediction])
        if not np.isfinite(cosine):
            return Unscored("the embedding model gave a vector that is not a number")
        return Score(min(max(cosine, 0.0), 1.0))


def _vectors(resources: Resources, texts: Sequence[str], kind: str) -> dict[str, np.ndarray]:
    distinct = list(dict.fromkeys(text for text in texts if text.strip()))
    if not distinct or resources.embedder is None:
        return {}
    return dict(zip(distinct, resources.embedder().embed(distinct, kind=kind).astype(np.float64), strict=True))


metrics.add(
    "answer_relevancy",
    AnswerRelevancy(
        MetricInfo(
            "answer_relevancy",
            "answer relevancy, cosine of question and answer embeddings",
            unit="cosine",
            how="Cosine of the embeddings of question and answer, clipped to 0..1; an empty answer scores 0. No reference is read: it says "
            "whether the answer is about the question, not whether it is right. Simpler than RAGAS's metric of that name (Es et al. 2023), "
            "which has a model write questions from the answer, and not comparable with it.",
            needs=("embedder",),
            in_verdict=False,
            note="shown, decides nothing",
        )
    ),
)
