"""Which passages may be found: those of documents whose name fits a pattern and whose `about` holds what is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

import numpy as np

from core.records import Document, Passage

NAME = "document"
"""The key that stands for a document's name, with `*` and `?` as in file names; all others are compared to the letter."""

Where = Mapping[str, str | tuple[str, ...]]
"""Each key with what is allowed, one text or several; a document must pass all keys."""


def passes(document: Document, where: Where) -> bool:
    """Whether a document may be searched."""
    about = dict(document.about)
    return all(_fits(about, document.id, key, wanted) for key, wanted in where.items())


def _fits(about: Mapping[str, str], name: str, key: str, wanted: str | tuple[str, ...]) -> bool:
    options = (wanted,) if isinstance(wanted, str) else wanted
    if key == NAME:
        return any(fnmatchcase(name, pattern) for pattern in options)
    return about.get(key) in options if key in about else False


def allowed_rows(passages: Sequence[Passage], documents: Sequence[Document], where: Where) -> np.ndarray | None:
    """Shape (len(passages),), bool; None where nothing is filtered. A passage of a document that is not known may not be found."""
    if not where:
        return None
    names = {document.id for document in documents if passes(document, where)}
    return np.array([passage.document in names for passage in passages], dtype=bool)


def unknown_keys(documents: Sequence[Document], where: Where) -> tuple[list[str], list[str]]:
    """Keys that no document states, and those that some do."""
    known = sorted({key for document in documents for key, _ in document.about} | {NAME})
    return [key for key in where if key not in known], known
