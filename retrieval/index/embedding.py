"""Vectors of passages: from an earlier index, from the cache, and only then from the embedder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from core.errors import ModelError
from models.base import Embedder
from retrieval.index.cache import EmbeddingCache, digest
from retrieval.index.changes import Earlier
from retrieval.index.folder import PassageFile

EMBED_BATCH = 64
"""Texts that the embedder is given at once: of about the same length, so that little is padded, and few, so that progress is told often."""


def unit_vectors(embedder: Embedder, texts: Sequence[str], kind: str) -> np.ndarray:
    """The embedder's vectors, checked: on longer ones the inner product would rank by length instead of by direction.

    Returns:
        Shape (len(texts), dimension), float32.

    Raises:
        ModelError: a vector's length is not 1.
    """
    vectors = np.ascontiguousarray(embedder.embed(list(texts), kind), dtype=np.float32)
    norms = np.linalg.norm(vectors, axis=1)
    wrong = norms[~(np.abs(norms - 1) < 1e-3)]
    if len(wrong):
        remedy = "Use an embedder that normalises its output."
        raise ModelError(f"The vectors of {embedder.id} must have length 1; got {wrong[0]:.3g}.", remedy)
    return vectors


class PassageVectors:
    """Vectors of the passages of an index that is being built.

    Args:
        sources: for each passage its row in the earlier index, or -1.
    """

    def __init__(
        self, passages: PassageFile, sources: np.ndarray, embedder: Embedder, earlier: Earlier | None, cache: EmbeddingCache | None
    ) -> None:
        self.sources = sources
        self._passages, self._embedder, self._earlier, self._cache = passages, embedder, earlier, cache

    def fill(self, rows: np.ndarray, out: np.ndarray) -> Iterator[int]:
        """Write the vectors of `rows` into `out`, shape (len(rows), dimension); tells how many are there."""
        places = np.flatnonzero(self.sources[rows] < 0)
        if self._earlier is not None:
            known = np.flatnonzero(self.sources[rows] >= 0)
            out[known] = self._earlier.opened.take(self.sources[rows[known]])
        by_text: dict[bytes, list[int]] = {}
        texts: dict[bytes, str] = {}
        for place in places:
            text = self._passages[int(rows[place])].text
            key = digest(text)
            by_text.setdefault(key, []).append(int(place))
            texts[key] = text
        for key, vector in (self._cache.known(list(texts)) if self._cache else {}).items():
            out[by_text.pop(key)] = vector
            del texts[key]
        there = len(rows) - sum(map(len, by_text.values()))
        for batch in _batches(texts):
            vectors = unit_vectors(self._embedder, [texts[key] for key in batch], "passage")
            if self._cache:
                self._cache.keep(batch, vectors)
            for key, vector in zip(batch, vectors, strict=True):
                out[by_text[key]] = vector
                there += len(by_text[key])
            yield there
        if not texts:
            yield there


def _batches(texts: dict[bytes, str]) -> list[list[bytes]]:
    keys = sorted(texts, key=lambda key: len(texts[key]))
    return [keys[start : start + EMBED_BATCH] for start in range(0, len(keys), EMBED_BATCH)]
