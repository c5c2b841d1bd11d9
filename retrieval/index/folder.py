"""The files of an index.

    index.json            what it was made with, and how many there are
    documents.jsonl       [id, hash, number of passages] of each document, in the order of its passages
    passages.jsonl        row i is passage i
    passages.offsets.npy  where each row begins, and where the last one ends, in bytes
    slots.npy             the row of each slot of the index, -1 for a removed one; absent where slot i is row i
    index.faiss           vectors by slot; and vectors.f32, whole vectors by slot, of IVF-PQ

The MANIFEST with sizes and hashes is the store's: it is written when all is there, and looked at before an index is used.
"""

from __future__ import annotations

import json
import mmap
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple, Self, overload

import numpy as np

from core.errors import StoreError
from core.files import MANIFEST, manifest_fault, write_json
from core.records import Passage
from retrieval.index.kinds import Built
from retrieval.index.vectors import SlotVectors

ABOUT, DOCUMENTS, PASSAGES, OFFSETS, SLOTS = "index.json", "documents.jsonl", "passages.jsonl", "passages.offsets.npy", "slots.npy"
HELD_UP_TO_BYTES = 16 * 2**20
"""Passages that are read at once; more stay in their file, and each is read when it is asked for."""


class About(NamedTuple):
    """`index.json`.

    Attributes:
        asked, kind: what was asked for ("auto"), and what was built.
        prefixes: what the embedder puts before a query and before a passage.
        passages, slots: how many passages, and places in FAISS with those of removed passages.
        trained_on: vectors that were there when lists and codes were learnt, else 0.
        started_from: fingerprint of the index that this one took passages from, else "".
    """

    version: str
    asked: str
    kind: Built
    embedder: str
    prefixes: list[str]
    dimension: int
    chunker: dict[str, Any]
    passages: int
    slots: int
    trained_on: int
    started_from: str
    settings: dict[str, int]


def write_about(folder: Path, about: About) -> None:
    write_json(folder / ABOUT, about._asdict())


def read_about(folder: Path) -> About:
    """Raises:
    OSError, ValueError, TypeError: it cannot be read.
    """
    return About(**json.loads((folder / ABOUT).read_text("utf-8")))


class PassageFile(Sequence[Passage]):
    """Passages in their file, each read when it is asked for: a million of them are no objects in memory."""

    def __init__(self, folder: Path) -> None:
        """Raises:
        OSError, ValueError: a file is missing, or the offsets do not fit the passages.
        """
        path = folder / PASSAGES
        self.offsets = np.load(folder / OFFSETS, mmap_mode="r", allow_pickle=False)
        size = path.stat().st_size
        if (
            self.offsets.ndim != 1
            or self.offsets.dtype != np.int64
            or len(self.offsets) < 2
            or (self.offsets[0], self.offsets[-1]) != (0, size)
        ):
            raise ValueError(f"{path.name} does not have the {size} bytes that {OFFSETS} tells of")
        with path.open("rb") as file:
            self._data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @overload
    def __getitem__(self, at: int) -> Passage: ...
    @overload
    def __getitem__(self, at: slice) -> list[Passage]: ...
    def __getitem__(self, at: int | slice) -> Passage | list[Passage]:
        if isinstance(at, slice):
            return [self[i] for i in range(*at.indices(len(self)))]
        row = at + len(self) if at < 0 else at
        if not 0 <= row < len(self):
            raise IndexError(at)
        return Passage(**json.loads(self.lines(row, row + 1)))

    def __iter__(self) -> Iterator[Passage]:
        return (self[i] for i in range(len(self)))

    def lines(self, first: int, after: int) -> bytes:
        """The rows [first, after) as they stand in the file."""
        return self._data[int(self.offsets[first]) : int(self.offsets[after])]


class PassageWriter:
    """Writes `passages.jsonl` row by row, and its offsets at the end."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = (folder / PASSAGES).open("wb")
        self._ends: list[np.ndarray] = [np.zeros(1, dtype=np.int64)]
        self._at = 0

    def write(self, passages: Sequence[Passage]) -> None:
        lines = [(json.dumps(asdict(p), ensure_ascii=False) + "\n").encode("utf-8", "surrogatepass") for p in passages]
        self.copy(b"".join(lines), np.cumsum([len(line) for line in lines], dtype=np.int64))

    def copy(self, lines: bytes, ends: np.ndarray) -> None:
        """Rows of another file, with where each ends from their beginning on."""
        self._file.write(lines)
        self._ends.append(ends + self._at)
        self._at += len(lines)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()
        if error[0] is None:
            np.save(self._folder / OFFSETS, np.concatenate(self._ends), allow_pickle=False)


def write_rows(path: Path, rows: Sequence[Sequence[Any]]) -> None:
    with path.open("w", encoding="utf-8", errors="surrogatepass") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def read_rows(path: Path) -> list[list[Any]]:
    with path.open(encoding="utf-8", errors="surrogatepass", newline="\n") as file:
        return [json.loads(line) for line in file]


class Opened(NamedTuple):
    """An index that was read back.

    Attributes:
        rows_of, slots_of: the row of each slot (-1: removed), and the slot of each row; both None where they are the same.
    """

    about: About
    passages: PassageFile
    vectors: SlotVectors
    rows_of: np.ndarray | None
    slots_of: np.ndarray | None

    def take(self, rows: np.ndarray) -> np.ndarray:
        """Vectors of these rows, shape (len(rows), dimension)."""
        return self.vectors.take(rows if self.slots_of is None else self.slots_of[rows])


def open_folder(folder: Path) -> Opened:
    """Read an index, and see that its parts are in step.

    Raises:
        StoreError: they are not, or one is damaged; the remedy says that it is built again.
    """
    fault = manifest_fault(folder, hashes=False) if (folder / MANIFEST).exists() else ""
    if fault:
        raise damaged(folder, fault)
    try:
        about = read_about(folder)
        passages = PassageFile(folder)
        vectors = SlotVectors.load(folder, about.kind, about.dimension, about.slots, about.passages)
        rows_of, slots_of = _places(folder, about)
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, AttributeError, MemoryError) as error:
        raise damaged(folder, f"it cannot be read ({type(error).__name__})") from error
    if about.passages != len(passages):
        raise damaged(folder, f"{about.passages} vectors and {len(passages)} passages are out of step")
    return Opened(about, passages, vectors, rows_of, slots_of)


def _places(folder: Path, about: About) -> tuple[np.ndarray | None, np.ndarray | None]:
    if not (folder / SLOTS).exists():
        if about.slots != about.passages:
            raise ValueError(f"{about.passages} passages in {about.slots} slots")
        return None, None
    rows_of = np.load(folder / SLOTS, allow_pickle=False)
    slots_of = np.full(about.passages, -1, dtype=np.int64)
    live = np.flatnonzero(rows_of >= 0)
    slots_of[rows_of[live]] = live
    if rows_of.shape != (about.slots,) or len(live) != about.passages or (slots_of < 0).any():
        raise ValueError("slots and passages are out of step")
    return rows_of, slots_of


def damaged(folder: Path, why: str) -> StoreError:
    remedy = "Delete that folder; the next run builds it again from the documents."
    return StoreError(f"The index {folder.name} cannot be used: {why}.", remedy)
