"""Documents of one line each, an embedder that remembers what it embedded, and an index as the store makes it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from core.files import write_manifest
from core.records import Document
from models.fake import HashEmbedder
from retrieval.chunking import TokenChunkerSpec
from retrieval.index import FaissIndex, Kind, build_index, index_fingerprint, kinds

SPEC = TokenChunkerSpec(size=32, overlap=0)


def learn_from_few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lists and codes of an IVF-PQ index are learnt from 300 vectors: codes of 4 bits, since 256 of them cannot be."""
    monkeypatch.setattr(kinds, "IVF_LEAST", 300)
    monkeypatch.setattr(kinds, "CODE_BITS", 4)


class WordEmbedder(HashEmbedder):
    """A text is the sum of its words' random directions: dense vectors, from which lists and codes can be learnt as from real ones."""

    id = "fake/words-64"

    def embed(self, texts: Sequence[str], kind: str = "passage") -> np.ndarray:
        vectors = np.stack([sum((direction(word) for word in text.split()), direction("")) for text in texts])
        return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


@cache
def direction(word: str) -> np.ndarray:
    return np.random.default_rng([1, *word.encode()]).standard_normal(64)


class Counting(WordEmbedder):
    """Remembers each passage that it embedded."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def embed(self, texts: Sequence[str], kind: str = "passage") -> np.ndarray:
        if kind == "passage":
            self.texts += texts
        return super().embed(texts, kind)


def document(number: int, edition: int = 1) -> Document:
    return Document(
        f"{number:04}.md", f"Card {number} of shelf s{number % 7}x, drawer d{number * 3}y, folder f{number * 11}z, edition {edition}"
    )


def finished(
    store: Path, documents: Sequence[Document], kind: Kind = "flat", embedder: WordEmbedder | None = None, spec: TokenChunkerSpec = SPEC
) -> tuple[Path, FaissIndex]:
    """As the store makes it: in a folder with a MANIFEST."""
    embedder = embedder or WordEmbedder()
    folder = store / index_fingerprint(documents, spec, embedder.id, kind)
    if not folder.exists():
        list(build_index(folder, documents, spec, embedder, kind, store))
        write_manifest(folder, {})
    return folder, FaissIndex.load(folder, embedder)
