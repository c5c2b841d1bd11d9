"""Documents to an index in a folder: cut, embed what is not known yet, and put the vectors into FAISS.

Passages go through files, and vectors through windows of some thousand, so that a million of either is never in memory as objects.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np

import retrieval.index.kinds as kinds
from core.errors import DataError
from core.files import disk_errors
from core.fingerprint import fingerprint
from core.records import Document
from models.base import Embedder
from retrieval.base import Chunker, ChunkerSpec
from retrieval.chunking import make_chunker
from retrieval.index.cache import EmbeddingCache
from retrieval.index.changes import Earlier, Taken, document_key, newest, order, taken_over
from retrieval.index.embedding import PassageVectors
from retrieval.index.folder import DOCUMENTS, SLOTS, About, PassageFile, PassageWriter, write_about, write_rows
from retrieval.index.kinds import Kind
from retrieval.index.vectors import WHOLE, SlotVectors

VERSION = "2"
"""Bumped by hand when the same documents and settings give another index."""

WINDOW = 4_096
"""Vectors that are in memory at once."""
TELL_EVERY_S = 0.5


class Step(NamedTuple):
    """How far it is, in `unit`s."""

    stage: str
    done: int
    total: int
    unit: str


def index_fingerprint(documents: Sequence[Document], chunker_spec: ChunkerSpec, embedder_id: str, kind: Kind = "auto") -> str:
    """The key of an index; known without loading the embedder. The order of the documents is not part of it."""
    keys = [document_key(document) for document in order(documents)]
    kind = kinds.settled(kind, sum(len(document.text) for document in documents))
    return fingerprint(
        {"index": VERSION, "documents": keys, "chunker": chunker_spec.model_dump(mode="json"), "embedder": embedder_id, "kind": kind}
    )


def build_index(
    folder: Path,
    documents: Sequence[Document],
    chunker_spec: ChunkerSpec,
    embedder: Embedder,
    kind: Kind = "auto",
    store: Path | None = None,
) -> Iterator[Step]:
    """Build into `folder`, telling how far it is. Writes no MANIFEST: that is the store's.

    Args:
        store: where finished indexes and the embedding cache lie; None builds all anew and keeps no embeddings.

    Raises:
        DataError: the documents hold no text.
        ModelError: the embedder's vectors are not of length 1.
        StoreError: the disk is full.
    """
    folder.mkdir(parents=True, exist_ok=True)
    kinds.choose(kind, 0, embedder.dimension)  # an unknown one is refused before any work
    made_with = (embedder.id, list(embedder.prefixes), embedder.dimension, chunker_spec.model_dump(mode="json"))
    about = About(VERSION, kind, "flat", *made_with, passages=0, slots=0, trained_on=0, started_from="", settings={})
    earlier = newest(store, about, but=folder) if store else None
    with disk_errors(folder):
        sources = yield from _cut(folder, order(documents), make_chunker(chunker_spec), embedder, earlier)
        if not len(sources):
            raise DataError(f"An index needs at least one passage; {len(documents)} documents gave none.", "Add documents that hold text.")
        cache = EmbeddingCache(store, embedder) if store else None
        about = about._replace(
            kind=kinds.choose(kind, len(sources), embedder.dimension),
            passages=len(sources),
            started_from=earlier.folder.name if earlier and (sources >= 0).any() else "",
        )
        yield from _fill(folder, PassageVectors(PassageFile(folder), sources, embedder, earlier, cache), about, earlier)


def _cut(
    folder: Path, documents: Sequence[Document], chunker: Chunker, embedder: Embedder, earlier: Earlier | None
) -> Generator[Step, None, np.ndarray]:
    """Write passages and documents; returns for each passage its row in the earlier index, or -1."""
    sources: list[np.ndarray] = []
    counted: list[tuple[str, str, int]] = []
    told = time.monotonic()
    with PassageWriter(folder) as writer:
        for number, document in enumerate(documents):
            key = document_key(document)
            rows = earlier.documents.pop(key, None) if earlier else None
            if earlier and rows:
                before, after = rows
                offsets = earlier.opened.passages.offsets
                writer.copy(earlier.opened.passages.lines(before, after), offsets[before + 1 : after + 1] - offsets[before])
                sources.append(np.arange(before, after))
            else:
                passages = chunker.chunk(document, embedder)
                writer.write(passages)
                sources.append(np.full(len(passages), -1, dtype=np.int64))
            counted.append((document.id, key, len(sources[-1])))
            if time.monotonic() - told > TELL_EVERY_S:
                told = time.monotonic()
                yield Step("cutting documents", number + 1, len(documents), "documents")
    write_rows(folder / DOCUMENTS, counted)
    return np.concatenate(sources) if sources else np.zeros(0, dtype=np.int64)


def _fill(folder: Path, source: PassageVectors, about: About, earlier: Earlier | None) -> Iterator[Step]:
    """Vectors into FAISS, and all of it to disk."""
    taken = taken_over(earlier, about.kind, source.sources)
    rows = np.arange(about.passages) if taken is None else taken.new
    index = _begin(folder, about, earlier, taken)
    yield Step("preparing index", about.passages - len(rows), about.passages, "passages")
    with _Whole(folder, about, earlier, taken) as whole:
        for start in range(0, len(rows), WINDOW):
            window = rows[start : start + WINDOW]
            vectors = np.empty((len(window), about.dimension), dtype=np.float32)
            for done in source.fill(window, vectors):
                yield Step("preparing index", about.passages - len(rows) + start + done, about.passages, "passages")
            whole.append(vectors)
            if index.trained:
                index.add(vectors)
    if not index.trained:
        yield from _learn(folder, index, about)
    index.save(folder)
    (folder / SLOTS).unlink(missing_ok=True)
    if taken is not None:
        np.save(folder / SLOTS, np.concatenate([taken.rows_of, taken.new]), allow_pickle=False)
    trained_on = 0 if about.kind != "ivfpq" else earlier.opened.about.trained_on if earlier and taken else about.passages
    settings = kinds.settings(about.kind, trained_on or about.passages, about.dimension)
    write_about(folder, about._replace(slots=index.slots, trained_on=trained_on, settings=settings))


def _begin(folder: Path, about: About, earlier: Earlier | None, taken: Taken | None) -> SlotVectors:
    if earlier is None or taken is None:
        return SlotVectors.new(about.kind, about.dimension, about.passages)
    before = earlier.opened.about
    index = SlotVectors.load(earlier.folder, about.kind, about.dimension, before.slots, before.passages, to_change=True)
    index.remove(taken.emptied)
    return index


def _learn(folder: Path, index: SlotVectors, about: About) -> Iterator[Step]:
    """Learn lists and codes from an even sample of the vectors, then put all in."""
    vectors = np.memmap(folder / WHOLE, dtype=np.float32, mode="r", shape=(about.passages, about.dimension))
    sample = min(about.passages, max(kinds.TRAIN_PER_LIST * kinds.lists(about.passages), 20_000))
    yield Step("learning the index's lists", 0, sample, "passages")
    index.train(vectors[np.linspace(0, about.passages - 1, sample).astype(np.int64)])
    for start in range(0, about.passages, WINDOW):
        index.add(np.ascontiguousarray(vectors[start : start + WINDOW]))
        yield Step("filling the index's lists", index.slots, about.passages, "passages")


class _Whole:
    """`vectors.f32` of an IVF-PQ index; of the other kinds nothing, since they hold the vectors themselves."""

    def __init__(self, folder: Path, about: About, earlier: Earlier | None, taken: Taken | None) -> None:
        path = folder / WHOLE
        path.unlink(missing_ok=True)
        if about.kind == "ivfpq" and earlier and taken:
            shutil.copyfile(earlier.folder / WHOLE, path)
        self._file = path.open("ab") if about.kind == "ivfpq" else None

    def append(self, vectors: np.ndarray) -> None:
        if self._file:
            self._file.write(vectors.tobytes())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self._file:
            self._file.close()
