"""A small index that is searched by a whole pass, without FAISS: what retrievers may rely on is the protocol alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from core.records import Passage
from models.fake import HashEmbedder
from retrieval.base import Hit


class ListedIndex:
    """See the module's docstring."""

    def __init__(self, texts: Sequence[str], embedder: Any) -> None:
        self.passages = [Passage(f"{i}.md#0", f"{i}.md", text, 0, len(text)) for i, text in enumerate(texts)]
        self.embedder = embedder
        self._vectors = embedder.embed(list(texts), "passage") if texts else np.zeros((0, embedder.dimension), np.float32)

    def nearest(self, vectors: np.ndarray, k: int, allowed: np.ndarray | None = None) -> list[list[Hit]]:
        rows = np.arange(len(self.passages)) if allowed is None else np.flatnonzero(allowed)
        found = []
        for vector in vectors:
            scores = np.round((self._vectors[rows] @ vector).astype(np.float64), 5)
            found.append([Hit(int(rows[i]), float(scores[i])) for i in np.lexsort((rows, -scores))[:k]])
        return found

    def vectors(self, rows: Sequence[int]) -> np.ndarray:
        return self._vectors[list(rows)]


@pytest.fixture
def listed() -> Callable[..., ListedIndex]:
    """An index of these texts, each a document of its own: `0.md`, `1.md` and so on."""

    def make(texts: Sequence[str], embedder: Any = None) -> ListedIndex:
        return ListedIndex(texts, embedder or HashEmbedder())

    return make
