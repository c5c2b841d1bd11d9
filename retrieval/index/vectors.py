"""Unit vectors in FAISS, each in a slot: slots are numbered as vectors come and never move. The only file that imports faiss."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import retrieval.index.kinds as kinds
from core.errors import StoreError
from retrieval.index.kinds import Built

INDEX, WHOLE = "index.faiss", "vectors.f32"
MAPPED_FROM_BYTES = 256 * 2**20
"""A larger file is mapped into memory instead of read: what is not asked for is not loaded, and processes share it."""

ONE_THREAD_UP_TO = 20_000
"""HNSW graphs that grow on several threads differ a little each time; up to this many vectors one thread builds the same graph again."""

_TYPES = {"flat": "IndexFlatIP", "hnsw": "IndexHNSWFlat", "ivfpq": "IndexIVFPQ"}


class Scored(NamedTuple):
    """Cosine similarities and slots, each of shape (queries, k), best first; slot -1 where there is no further."""

    scores: np.ndarray
    slots: np.ndarray


class SlotVectors:
    """An index of one kind.

    Attributes:
        slots: how many were ever given out; those of removed vectors count.
        whole: of IVF-PQ, whose codes are not the vectors themselves: the vectors by slot, shape (slots, dimension); None while it is built.
    """

    def __init__(self, kind: Built, index: Any, slots: int, whole: np.ndarray | None = None) -> None:
        self.kind, self.slots, self.whole = kind, slots, whole
        self._index = index

    @classmethod
    def new(cls, kind: Built, dimension: int, count: int) -> SlotVectors:
        """An empty one for about `count` vectors."""
        faiss = _faiss()
        if kind == "flat":
            index = faiss.IndexFlatIP(dimension)
        elif kind == "hnsw":
            index = faiss.IndexHNSWFlat(dimension, kinds.HNSW_LINKS, faiss.METRIC_INNER_PRODUCT)
            index.hnsw.efConstruction = kinds.HNSW_BUILD
        else:
            recipe = f"IVF{kinds.lists(count)},PQ{kinds.parts(dimension)}x{kinds.CODE_BITS}"
            index = faiss.index_factory(dimension, recipe, faiss.METRIC_INNER_PRODUCT)
            index.cp.min_points_per_centroid = 1  # say nothing: how many there are at least is decided in kinds.py
            index.pq.cp.min_points_per_centroid = 1
        return cls(kind, index, 0)

    @classmethod
    def load(
        cls, folder: Path, kind: Built, dimension: int, slots: int, passages: int | None = None, *, to_change: bool = False
    ) -> SlotVectors:
        """What `save` wrote.

        Args:
            passages: how many of the slots are not removed; None for all.
            to_change: read it into memory, since one that is mapped cannot grow.

        Raises:
            ValueError, RuntimeError, OSError: it is damaged, or of another kind, dimension or number of slots.
        """
        table = kinds.table_bytes(slots, dimension) if kind == "ivfpq" else 0
        index = _read(folder / INDEX, mapped=not to_change and kind != "ivfpq", table=table)
        if type(index).__name__ != _TYPES[kind] or index.d != dimension:
            raise ValueError(
                f"{type(index).__name__} of {index.d} numbers is not the {kind} index of {dimension} numbers that it should be"
            )
        stored = slots if passages is None or kind != "ivfpq" else passages
        if index.ntotal != stored:
            raise ValueError(f"{index.ntotal} vectors, not {stored}")
        whole = _mapped(folder / WHOLE, slots, dimension) if kind == "ivfpq" else None
        return cls(kind, index, slots, whole)

    @property
    def trained(self) -> bool:
        return bool(self._index.is_trained)

    def train(self, sample: np.ndarray) -> None:
        """Learn lists and codes from some of the vectors."""
        self._index.train(np.ascontiguousarray(sample, dtype=np.float32))

    def add(self, vectors: np.ndarray) -> None:
        """Put vectors, shape (count, dimension), into the next slots."""
        if self.kind == "ivfpq":
            self._index.add_with_ids(vectors, np.arange(self.slots, self.slots + len(vectors)))
        else:
            alone = self.kind == "hnsw" and self.slots + len(vectors) <= ONE_THREAD_UP_TO
            with threads(1 if alone else None):
                self._index.add(vectors)
        self.slots += len(vectors)

    def remove(self, slots: np.ndarray) -> None:
        """Take vectors out where the kind can; a graph cannot, and searches must pass them over (`open_slots`)."""
        if self.kind == "ivfpq" and len(slots):
            self._index.remove_ids(np.ascontiguousarray(slots, dtype=np.int64))

    def save(self, folder: Path) -> None:
        """Write the index; the whole vectors of IVF-PQ are there already."""
        faiss = _faiss()
        path = folder / INDEX
        try:
            faiss.write_index(self._index, str(path))
        except RuntimeError as error:
            remedy = "See that the disk has room and can be written, and run again; nothing half-written is used."
            raise StoreError(f"The index {path.name} cannot be written.", remedy) from error
        with path.open("rb") as file:
            os.fsync(file.fileno())

    def search(self, vectors: np.ndarray, k: int, open_slots: np.ndarray | None = None) -> Scored:
        """The `k` nearest of each query, exactly for flat, else nearly so.

        Args:
            open_slots: shape (slots,), bool; only these are found. None for all.
        """
        k = min(k, self.slots)
        asked = k if self.kind != "ivfpq" else min(max(kinds.RESCORED * k, 100), self.slots)
        scores, slots = self._index.search(vectors, asked, params=self._parameters(asked, open_slots))
        return Scored(scores, slots) if self.whole is None else self._rescored(vectors, slots, k)

    def take(self, slots: Sequence[int] | np.ndarray) -> np.ndarray:
        """The vectors in these slots, shape (len(slots), dimension), float32."""
        wanted = np.ascontiguousarray(slots, dtype=np.int64)
        if not len(wanted):
            return np.zeros((0, self._index.d), dtype=np.float32)
        return np.asarray(self._index.reconstruct_batch(wanted) if self.whole is None else self.whole[wanted])

    def _parameters(self, k: int, open_slots: np.ndarray | None) -> Any:
        faiss = _faiss()
        chosen = {} if open_slots is None else {"sel": faiss.IDSelectorBitmap(np.packbits(open_slots, bitorder="little"))}
        if self.kind == "hnsw":
            return faiss.SearchParametersHNSW(efSearch=max(kinds.HNSW_SEARCH, 2 * k), **chosen)
        if self.kind == "ivfpq":
            return faiss.SearchParametersIVF(nprobe=kinds.IVF_PROBES, **chosen)
        return faiss.SearchParameters(**chosen) if chosen else None

    def _rescored(self, vectors: np.ndarray, slots: np.ndarray, k: int) -> Scored:
        """The best `k` of the candidates by their whole vectors."""
        scores = np.full(slots.shape, -np.inf, dtype=np.float32)
        for i, row in enumerate(slots):
            there = row >= 0
            scores[i, there] = self.take(row[there]) @ vectors[i]
        best = np.lexsort((slots, -scores), axis=1)[:, :k]
        return Scored(np.take_along_axis(scores, best, axis=1), np.take_along_axis(slots, best, axis=1))


def _faiss() -> Any:
    import faiss

    return faiss


@contextmanager
def threads(count: int | None) -> Iterator[None]:
    """So many threads for FAISS; None leaves them. One query takes one: starting more costs more than the search on a busy machine."""
    faiss = _faiss()
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(count or before)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)


def limit_threads(count: int) -> None:
    """Use at most so many threads in this process from now on."""
    _faiss().omp_set_num_threads(count)


def _read(path: Path, mapped: bool, table: int = 0) -> Any:
    """No vector of a file can be longer than the file: what claims to be is refused before memory is asked for.

    Args:
        table: bytes that FAISS may work out beside what it reads.
    """
    faiss = _faiss()
    size = path.stat().st_size
    before = faiss.get_deserialization_vector_byte_limit()
    faiss.set_deserialization_vector_byte_limit(max(size, table, 2**16))
    try:
        return faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC if mapped and size >= MAPPED_FROM_BYTES else 0)
    finally:
        faiss.set_deserialization_vector_byte_limit(before)


def _mapped(path: Path, slots: int, dimension: int) -> np.ndarray:
    if path.stat().st_size != 4 * slots * dimension:
        raise ValueError(f"{path.name} does not hold {slots} vectors of {dimension} numbers")
    return np.memmap(path, dtype=np.float32, mode="r", shape=(slots, dimension))
