"""An index that was read back, and the nearest passages in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar, NamedTuple, Self

import numpy as np

from core.errors import StoreError
from core.records import Document, Passage, Retrieved
from models.base import Embedder
from retrieval.base import ChunkerSpec, Hit, indexes
from retrieval.index.building import build_index
from retrieval.index.embedding import unit_vectors
from retrieval.index.folder import HELD_UP_TO_BYTES, About, Opened, damaged, open_folder
from retrieval.index.kinds import Kind
from retrieval.index.vectors import threads

SCORE_DIGITS = 5
"""Scores are rounded, since the last bits of a product depend on how many queries are asked at once; ties are then real ties."""
BEYOND = 8
"""Further hits that are looked at, so that ties at the end of the list are seen."""
COMPARED_UP_TO = 20_000
"""Rows among which all are compared, where only some may be found: the way through a graph or lists would pass too few of them."""
ROWS_AT_ONCE = 65_536


class _Found(NamedTuple):
    """Rounded scores and rows of one query, best first as FAISS sees it."""

    scores: np.ndarray
    rows: np.ndarray


class FaissIndex:
    """A `PassageIndex` of any kind. Made by `build_index`, read back by `load`."""

    asked: ClassVar[Kind] = "auto"

    def __init__(self, opened: Opened, passages: Sequence[Passage], embedder: Embedder) -> None:
        self.passages = passages
        self.embedder = embedder
        self._opened = opened

    @classmethod
    def build(cls, folder: Path, documents: Sequence[Document], chunker_spec: ChunkerSpec, embedder: Embedder) -> Iterator[tuple[int, int]]:
        """`build_index` without a store, told in passages."""
        for step in build_index(folder, documents, chunker_spec, embedder, cls.asked):
            if step.unit == "passages":
                yield step.done, step.total

    @classmethod
    def load(cls, folder: Path, embedder: Embedder) -> Self:
        """Read an index.

        Raises:
            StoreError: it is damaged, or was made with another embedder or other prefixes.
        """
        opened = open_folder(folder)
        _check_embedder(opened.about, embedder)
        try:
            held = opened.passages.offsets[-1] <= HELD_UP_TO_BYTES
            passages: Sequence[Passage] = tuple(opened.passages) if held else opened.passages
        except (ValueError, TypeError) as error:
            raise damaged(folder, f"its passages cannot be read ({type(error).__name__})") from error
        return cls(opened, passages, embedder)

    @property
    def about(self) -> About:
        """What it was made with."""
        return self._opened.about

    def search(self, queries: Sequence[str], top_k: int) -> list[list[Retrieved]]:
        """For each query at most `top_k` passages, best first; ties go to the earlier passage."""
        if not queries or min(top_k, len(self.passages)) < 1:
            return [[] for _ in queries]
        found = self.nearest(unit_vectors(self.embedder, queries, "query"), top_k)
        return [[Retrieved(self.passages[hit.row], hit.score, rank) for rank, hit in enumerate(hits)] for hits in found]

    def vectors(self, rows: Sequence[int]) -> np.ndarray:
        return self._opened.take(np.asarray(rows, dtype=np.int64))

    def nearest(self, vectors: np.ndarray, k: int, allowed: np.ndarray | None = None) -> list[list[Hit]]:
        """See `PassageIndex`. HNSW and IVF-PQ may miss a near passage, but never give one twice, a removed one, or fewer than there are."""
        vectors = np.ascontiguousarray(vectors, dtype=np.float32)
        there = len(self.passages) if allowed is None else int(np.count_nonzero(allowed))
        k = min(k, there)
        if k < 1 or not len(vectors):
            return [[] for _ in vectors]
        if allowed is not None and there <= COMPARED_UP_TO:
            return [self._compared(vector, k, np.flatnonzero(allowed)) for vector in vectors]
        open_slots = self._open_slots(allowed)
        with threads(1 if len(vectors) == 1 else None):
            found = self._search(vectors, min(k + BEYOND, there), open_slots)
            return [self._best(vector, one, k, there, open_slots) for vector, one in zip(vectors, found, strict=True)]

    def _open_slots(self, allowed: np.ndarray | None) -> np.ndarray | None:
        """Which slots may be found, shape (slots,), bool; None for all."""
        rows_of = self._opened.rows_of
        if rows_of is None:
            return allowed
        if allowed is not None:
            return np.asarray((rows_of >= 0) & np.asarray(allowed)[rows_of])
        return None if len(rows_of) == len(self.passages) else np.asarray(rows_of >= 0)

    def _search(self, vectors: np.ndarray, k: int, open_slots: np.ndarray | None) -> list[_Found]:
        """FAISS answers slot -1 where it finds no further; Python would read that as the last passage."""
        scores, slots = self._opened.vectors.search(vectors, k, open_slots)
        rows_of = self._opened.rows_of
        rows = slots if rows_of is None else np.where(slots < 0, -1, rows_of[slots])
        rounded = np.round(scores.astype(np.float64), SCORE_DIGITS)
        return [_Found(score[row >= 0], row[row >= 0]) for score, row in zip(rounded, rows, strict=True)]

    def _best(self, vector: np.ndarray, found: _Found, k: int, there: int, open_slots: np.ndarray | None) -> list[Hit]:
        """The first `k`. FAISS breaks ties as it likes, so as long as the cut runs through a tie, more rows are fetched."""
        asked = min(k + BEYOND, there)
        while len(found.rows) >= asked < there and found.scores[-1] >= found.scores[k - 1]:
            asked = min(2 * asked, there)
            found = self._search(vector[None], asked, open_slots)[0]
        if len(found.rows) < min(asked, there) and (len(found.rows) < k or found.scores[-1] >= found.scores[k - 1]):
            rows = np.arange(len(self.passages)) if open_slots is None else self._rows(open_slots)
            return self._compared(vector, k, rows)
        return _hits(found, k)

    def _rows(self, open_slots: np.ndarray) -> np.ndarray:
        slots, rows_of = np.flatnonzero(open_slots), self._opened.rows_of
        return np.sort(slots if rows_of is None else rows_of[slots])

    def _compared(self, vector: np.ndarray, k: int, rows: np.ndarray) -> list[Hit]:
        """The first `k` of these rows by comparing all."""
        parts = [self._opened.take(rows[start : start + ROWS_AT_ONCE]) @ vector for start in range(0, len(rows), ROWS_AT_ONCE)]
        return _hits(_Found(np.round(np.concatenate(parts).astype(np.float64), SCORE_DIGITS), rows), k)


class FlatIndex(FaissIndex):
    """Every vector is compared."""

    asked = "flat"


class HnswIndex(FaissIndex):
    """A graph of neighbours is walked."""

    asked = "hnsw"


class IvfPqIndex(FaissIndex):
    """Lists of codes are read, and the best compared by their whole vectors."""

    asked = "ivfpq"


def _hits(found: _Found, k: int) -> list[Hit]:
    order = np.lexsort((found.rows, -found.scores))[:k]
    return [Hit(int(found.rows[i]), float(found.scores[i])) for i in order]


def _check_embedder(about: About, embedder: Embedder) -> None:
    if (about.embedder, about.dimension) != (embedder.id, embedder.dimension):
        raise StoreError(
            f"The index must have been made with {embedder.id} ({embedder.dimension} dimensions); got {about.embedder} ({about.dimension}).",
            "Build the index again with this embedder, or set model.embedder to the one it was made with.",
        )
    if about.prefixes != list(embedder.prefixes):
        raise StoreError(
            f"The index must have been made with the prefixes {list(embedder.prefixes)} for queries and passages; got {about.prefixes}.",
            "Build the index again with this embedder: its prefixes have changed.",
        )


indexes.add("auto", FaissIndex)
indexes.add("flat", FlatIndex)
indexes.add("hnsw", HnswIndex)
indexes.add("ivfpq", IvfPqIndex)
