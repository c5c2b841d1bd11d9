"""A flat FAISS index: exact search by cosine similarity. The only file that imports faiss.

A folder holds `index.faiss` (the vectors), `passages.jsonl` (row i is vector i) and `index.json` (what both were made with).
Exact search is right to about 100,000 passages; it has no settings that could be wrong.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import DataError, ModelError, StoreError
from core.files import write_json, write_whole
from core.fingerprint import fingerprint
from core.records import Document, Passage, Retrieved
from models.base import Embedder
from retrieval.base import ChunkerSpec, Hit, indexes
from retrieval.chunking import make_chunker

VERSION = "1"
"""Bumped by hand when the same documents and settings give another index."""

EMBED_BATCH = 64
SCORE_DIGITS = 5
"""Scores are rounded, since the last bits of a product depend on how many queries are asked at once; ties are then real ties."""


def index_fingerprint(documents: Sequence[Document], chunker_spec: ChunkerSpec, embedder_id: str) -> str:
    """The key of an index; known without loading the embedder."""
    texts = [[d.id, hashlib.sha256(d.text.encode("utf-8", "surrogatepass")).hexdigest()] for d in documents]
    return fingerprint({"index": VERSION, "documents": texts, "chunker": chunker_spec.model_dump(), "embedder": embedder_id})


class FlatIndex:
    """Passages and their vectors. Made by `build`, read back by `load`."""

    def __init__(self, passages: Sequence[Passage], index: Any, embedder: Embedder) -> None:
        self.passages = passages
        self.embedder = embedder
        self._index = index

    @classmethod
    def build(cls, folder: Path, documents: Sequence[Document], chunker_spec: ChunkerSpec, embedder: Embedder) -> Iterator[tuple[int, int]]:
        import faiss

        chunker = make_chunker(chunker_spec)
        passages = [passage for document in documents for passage in chunker.chunk(document, embedder)]
        if not passages:
            raise DataError(f"An index needs at least one passage; {len(documents)} documents gave none.", "Add documents that hold text.")
        index = faiss.IndexFlatIP(embedder.dimension)
        yield 0, len(passages)
        for start in range(0, len(passages), EMBED_BATCH):
            index.add(unit_vectors(embedder, [p.text for p in passages[start : start + EMBED_BATCH]], "passage"))
            yield index.ntotal, len(passages)
        lines = "".join(json.dumps(asdict(p), ensure_ascii=False) + "\n" for p in passages)
        write_whole(folder / "passages.jsonl", lines)
        write_whole(folder / "index.faiss", faiss.serialize_index(index).tobytes())
        about = {"version": VERSION, "embedder": embedder.id, "dimension": embedder.dimension}
        write_json(folder / "index.json", {**about, "chunker": chunker_spec.model_dump(), "count": len(passages)})

    @classmethod
    def load(cls, folder: Path, embedder: Embedder) -> FlatIndex:
        try:
            about = json.loads((folder / "index.json").read_text("utf-8"))
            made_with = str(about["embedder"]), int(about["dimension"])
            rows = (folder / "passages.jsonl").read_text("utf-8").split("\n")
            passages = [Passage(**json.loads(row)) for row in rows if row]
            index = _read_index(folder / "index.faiss")
        except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
            raise _damaged(folder, f"it cannot be read ({type(error).__name__})") from error
        if made_with != (embedder.id, embedder.dimension):
            raise StoreError(
                f"The index must have been made with {embedder.id} ({embedder.dimension} dimensions); got {made_with[0]} ({made_with[1]}).",
                "Build the index again with this embedder, or set model.embedder to the one it was made with.",
            )
        if not (about.get("count") == len(passages) == index.ntotal) or index.d != embedder.dimension:
            raise _damaged(folder, f"{index.ntotal} vectors of {index.d} numbers and {len(passages)} passages are out of step")
        return cls(passages, index, embedder)

    def search(self, queries: Sequence[str], top_k: int) -> list[list[Retrieved]]:
        if not queries or min(top_k, len(self.passages)) < 1:
            return [[] for _ in queries]
        found = self.nearest(unit_vectors(self.embedder, queries, "query"), top_k)
        return [[Retrieved(self.passages[hit.row], hit.score, rank) for rank, hit in enumerate(hits)] for hits in found]

    def vectors(self, rows: Sequence[int]) -> np.ndarray:
        return np.stack([self._index.reconstruct(int(row)) for row in rows]) if rows else np.zeros((0, self.embedder.dimension), np.float32)

    def nearest(self, vectors: np.ndarray, k: int, allowed: np.ndarray | None = None) -> list[list[Hit]]:
        if allowed is not None:
            return [self._allowed_best(vector, k, allowed) for vector in vectors]
        k = min(k, len(self.passages))
        with _threads_for(len(vectors)):
            scores, rows = self._search(vectors, min(k + 8, len(self.passages)))
            return [self._best(vectors[i : i + 1], scores[i], rows[i], k) for i in range(len(vectors))]

    def _allowed_best(self, vector: np.ndarray, k: int, allowed: np.ndarray) -> list[Hit]:
        """By a whole pass, since few rows may be allowed."""
        rows = np.flatnonzero(allowed)
        scores = np.round((self.vectors(list(rows)) @ vector).astype(np.float64), SCORE_DIGITS)
        return [Hit(int(rows[i]), float(scores[i])) for i in np.lexsort((rows, -scores))[:k]]

    def _best(self, vector: np.ndarray, scores: np.ndarray, rows: np.ndarray, k: int) -> list[Hit]:
        """The first `k`. FAISS breaks ties as it likes, so as long as the cut runs through a tie, more rows are fetched."""
        while len(rows) < len(self.passages) and scores[-1] >= scores[k - 1]:
            found = self._search(vector, min(2 * len(rows), len(self.passages)))
            scores, rows = found[0][0], found[1][0]
        order = np.lexsort((rows, -scores))[:k]
        return [Hit(int(rows[i]), float(scores[i])) for i in order]

    def _search(self, vectors: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Rounded scores and row numbers, each of shape (len(vectors), k), best first.

        `k` must be at most the number of rows: beyond, FAISS answers row -1.
        """
        scores, rows = self._index.search(vectors, k)
        return np.round(scores.astype(np.float64), SCORE_DIGITS), rows


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


def _read_index(path: Path) -> Any:
    import faiss

    index = faiss.deserialize_index(np.frombuffer(path.read_bytes(), dtype=np.uint8))
    if type(index) is not faiss.IndexFlatIP:
        raise ValueError(f"{type(index).__name__} is not an IndexFlatIP")
    return index


@contextmanager
def _threads_for(queries: int) -> Iterator[None]:
    """One thread for one query: starting more costs more than the search on a busy machine."""
    import faiss

    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1 if queries == 1 else before)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)


def _damaged(folder: Path, why: str) -> StoreError:
    remedy = "Delete that folder; the next run builds it again from the documents."
    return StoreError(f"The index {folder.name} cannot be used: {why}.", remedy)


indexes.add("flat", FlatIndex)
