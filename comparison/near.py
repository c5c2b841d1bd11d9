"""Near duplicates of test items, worked out with the plan's embedder: where there is none, or too much text, it is said why there are no numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from comparison.vectors import Vectors
from core.dataset import Near, near_pairs, paragraphs, sentences
from core.errors import ModelError
from core.records import Document, Passage

MOST_TEXTS = 20_000
"""More would take minutes on two cores before the run begins."""

Texts = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Nearness:
    """Attributes:
    at_least: cosine similarity from which two texts are near duplicates.
    """

    vectors: Vectors
    at_least: float

    def rows(self, test: Texts, others: Texts) -> list[Near]:
        """Near pairs of test items and other rows, both as (id, text).

        Raises:
            ModelError: there is no such embedder, or there are too many texts.
        """
        _limit(len(test) + len(others))
        sides = [[text for _, text in side] for side in (test, others)]
        return near_pairs([i for i, _ in test], self.vectors.of(sides[0]), [i for i, _ in others], self.vectors.of(sides[1]), self.at_least)

    def passages(self, test: Texts, documents: Sequence[Document]) -> list[tuple[Near, Passage]]:
        """Near pairs of test items and paragraphs, whole or by one of their sentences, the nearest first.

        Raises:
            ModelError: as in `rows`.
        """
        pieces = {piece.id: piece for document in documents for piece in paragraphs(document)}
        found = self.rows(test, _texts(pieces.values()))
        return [(near, pieces[near.other]) for near in found]

    def unknown(self, test: Texts, others: Texts, documents: Sequence[Document]) -> int:
        """How many texts have to be embedded; 0 where all vectors are there, so that no model will be loaded."""
        pieces = _texts(piece for document in documents for piece in paragraphs(document))
        return sum(len(side) for side in (test, others, pieces) if not self.vectors.known([text for _, text in side]))


def _texts(pieces: Iterable[Passage]) -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for piece in pieces:
        rows.append((piece.id, piece.text))
        parts = sentences(piece.text)
        rows += [(piece.id, part) for part in parts] if len(parts) > 1 else []
    return rows


def _limit(count: int) -> None:
    if count > MOST_TEXTS:
        raise ModelError(
            f"Near duplicates are looked for among at most {MOST_TEXTS:,} texts; there are {count:,}.",
            "Set data.limit, or rely on the other three kinds.",
        )
