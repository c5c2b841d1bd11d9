from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from evaluation.base import Resources, metrics
from models.fake import HashEmbedder

RELEVANCY = metrics.get("answer_relevancy")


class Fixed(HashEmbedder):
    """Directions with known angles; a question is turned by nothing, and asked for as a query."""

    def __init__(self) -> None:
        self.calls: list[tuple[list[str], str]] = []

    def embed(self, texts: Sequence[str], kind: str = "passage") -> np.ndarray:
        self.calls.append((list(texts), kind))
        vectors = {"when?": (1.0, 0.0), "at nine": (0.8, 0.6), "no idea": (-0.6, 0.8), "broken": (np.nan, 0.0)}
        return np.array([vectors[text] for text in texts], dtype=np.float32)


@pytest.mark.parametrize(
    ("answer", "expected"), [("at nine", 0.8), ("when?", 1.0), ("no idea", 0.0), ("", 0.0), (" ", 0.0), ("broken", None)]
)
def test_relevancy_is_the_clipped_cosine_of_question_and_answer(answer: str, expected: Any, item: Any, value: Any) -> None:
    got = value(RELEVANCY.score([item(answer, "whatever", input="when?")], Resources(embedder=Fixed))[0])
    assert got is None if expected is None else got == pytest.approx(expected)


def test_the_instruction_is_left_out_of_the_question_and_each_text_is_embedded_once(item: Any) -> None:
    fixed = Fixed()
    rows = [item("at nine", input="when?", question="Answer in a few words.\nwhen?"), item("at nine", question="when?")]
    RELEVANCY.score(rows, Resources(embedder=lambda: fixed))
    assert fixed.calls == [(["when?"], "query"), (["at nine"], "passage")]


def test_it_says_what_it_is_not() -> None:
    info = RELEVANCY.info
    assert "RAGAS" in info.how and "not comparable" in info.how and not info.in_verdict
