from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from evaluation.base import Resources, metrics
from models.fake import HashEmbedder


class Spy(HashEmbedder):
    def __init__(self) -> None:
        self.calls: list[tuple[list[str], str]] = []

    def embed(self, texts: Sequence[str], kind: str = "passage") -> np.ndarray:
        self.calls.append((list(texts), kind))
        return super().embed(texts, kind)


class Fixed(HashEmbedder):
    """Two directions with a known angle."""

    def embed(self, texts: Sequence[str], kind: str = "passage") -> np.ndarray:
        vectors = {"east": (1.0, 0.0), "north-east": (0.6, 0.8), "west": (-1.0, 0.0), "broken": (np.nan, 0.0)}
        return np.array([vectors[text] for text in texts], dtype=np.float32)


EXPECTED = [("east", 1.0), ("north-east", 0.6), ("west", 0.0), ("broken", None), ("", 0.0), (" ", 0.0)]


@pytest.mark.parametrize(("answer", "expected"), EXPECTED)
def test_similarity_is_the_clipped_cosine_and_an_empty_answer_scores_0(answer: str, expected: Any, item: Any, value: Any) -> None:
    got = value(metrics.get("semantic_similarity").score([item(answer, "east")], Resources(embedder=Fixed))[0])
    assert got is None if expected is None else got == pytest.approx(expected)


def test_answers_and_references_are_embedded_in_one_call_as_passages(item: Any) -> None:
    spy = Spy()
    rows = [item("red fish", "blue fish"), item("", "blue fish"), item("red fish", "old boat")]
    metrics.get("semantic_similarity").score(rows, Resources(embedder=lambda: spy))
    assert spy.calls == [(["red fish", "blue fish", "old boat"], "passage")]


def test_without_an_embedder_there_is_a_reason(item: Any, value: Any) -> None:
    assert value(metrics.get("semantic_similarity").score([item("a", "a")], Resources())[0]) is None
