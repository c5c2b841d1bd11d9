"""What an earlier index has already: a changed folder of documents costs what changed.

A changed folder has another fingerprint, so it gets an index of its own; it begins with the newest index of the same chunker and embedder.
Passages of an unchanged document are copied with their vectors. A graph or lists are taken over, too: new passages go into new slots, removed
ones leave an empty slot behind. With too many empty slots, or lists learnt from too few vectors, they are built anew from the known vectors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple
from pathlib import Path
from typing import NamedTuple

import numpy as np

from core.errors import StoreError
from core.files import MANIFEST, manifest_fault
from core.fingerprint import fingerprint
from core.records import Document
from retrieval.index.folder import ABOUT, DOCUMENTS, About, Opened, open_folder, read_about, read_rows
from retrieval.index.kinds import Built

MOST_EMPTY = 0.2
"""Share of empty slots from which a graph is built anew: a search walks over them."""
MOST_GROWN = 2.0
"""Times as many vectors as lists and codes were learnt from, before they are learnt again."""


def document_key(document: Document) -> str:
    """Hash of all that a document's passages depend on beside chunker and embedder."""
    return fingerprint([document.id, document.text, [astuple(s) for s in document.sections], [list(pair) for pair in document.about]])


class Rows(NamedTuple):
    """Passages of one document: rows [first, after)."""

    first: int
    after: int


class Earlier(NamedTuple):
    """An index to begin with; `documents` by their key."""

    folder: Path
    opened: Opened
    documents: dict[str, Rows]


def newest(store: Path, wanted: About, but: Path | None = None) -> Earlier | None:
    """The newest whole index in the store of the same version, chunker and embedder, those of the same kind first.

    Args:
        wanted: what is going to be built.
        but: where it is built, which is no earlier index.
    """
    found: list[tuple[bool, float, Path]] = []
    for manifest in store.glob(f"[!.]*/{MANIFEST}"):
        folder = manifest.parent
        if folder != but and (folder / ABOUT).is_file() and (about := _about(folder)) is not None and _alike(about, wanted):
            found.append((about.asked == wanted.asked, manifest.stat().st_mtime, folder))
    for _, _, folder in sorted(found, reverse=True):
        if not manifest_fault(folder) and (earlier := _read(folder)) is not None:
            return earlier
    return None


def _alike(about: About, wanted: About) -> bool:
    def made(one: About) -> list[object]:
        return [one.version, one.embedder, one.prefixes, one.dimension, one.chunker]

    return made(about) == made(wanted)


def _about(folder: Path) -> About | None:
    try:
        return read_about(folder)
    except (OSError, ValueError, TypeError):
        return None


def _read(folder: Path) -> Earlier | None:
    """None where it is damaged: nothing is taken from it then."""
    documents: dict[str, Rows] = {}
    first = 0
    try:
        opened = open_folder(folder)
        for _, key, count in read_rows(folder / DOCUMENTS):
            documents[str(key)] = Rows(first, first + int(count))
            first += int(count)
    except (StoreError, OSError, ValueError, TypeError):
        return None
    return Earlier(folder, opened, documents) if first == opened.about.passages else None


class Taken(NamedTuple):
    """A graph or lists that are taken over.

    Attributes:
        rows_of: the new row of each earlier slot, -1 for those to leave empty.
        emptied: slots that held a passage until now.
        new: rows that need a slot, in order.
    """

    rows_of: np.ndarray
    emptied: np.ndarray
    new: np.ndarray


def taken_over(earlier: Earlier | None, kind: Built, sources: np.ndarray) -> Taken | None:
    """How an earlier index goes on; None where a new one is as good or better.

    A flat index is always written anew, in the order of the passages, since copying its vectors is all that it takes.

    Args:
        sources: for each new row its row in the earlier index, or -1.
    """
    if earlier is None or kind == "flat" or earlier.opened.about.kind != kind:
        return None
    about, before = earlier.opened.about, earlier.opened.rows_of
    slots_of = np.arange(about.passages) if earlier.opened.slots_of is None else earlier.opened.slots_of
    rows_of = np.full(about.slots, -1, dtype=np.int64)
    kept = np.flatnonzero(sources >= 0)
    rows_of[slots_of[sources[kept]]] = kept
    was = np.ones(about.slots, dtype=bool) if before is None else before >= 0
    new = np.flatnonzero(sources < 0)
    slots = about.slots + len(new)
    if slots - len(sources) > MOST_EMPTY * slots or (kind == "ivfpq" and len(sources) > MOST_GROWN * about.trained_on):
        return None
    return Taken(rows_of, np.flatnonzero(was & (rows_of < 0)), new)


def order(documents: Sequence[Document]) -> list[Document]:
    """By id: the same documents give the same index, in whatever order they were added."""
    return sorted(documents, key=lambda document: document.id)
