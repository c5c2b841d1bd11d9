"""What a chunker and a retriever must do. Each is one file and one registration; the contract tests run over both registries."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Protocol, Self

import numpy as np
from pydantic import Field

from core.records import Document, Passage, Retrieved
from core.registry import Registry
from core.specs import Spec
from models.base import Embedder


class ChunkerSpec(Spec):
    """Settings of a chunker; `kind` names it."""

    kind: str = Field(description="Which chunker.")


class Chunker(Protocol):
    """Cuts documents into passages."""

    Spec: ClassVar[type[ChunkerSpec]]

    def __init__(self, spec: Any) -> None: ...

    def chunk(self, document: Document, embedder: Embedder) -> list[Passage]:
        """Passages in reading order, none blank, each an exact cut: `passage.text == document.text[start:end]`.

        The embedder's own tokenizer counts, so that no passage is longer than what the embedder reads.
        """
        ...


class Hit(NamedTuple):
    """A row of an index and how well it fits: a cosine similarity, or another retriever's own score. Greater is better."""

    row: int
    score: float


class PassageIndex(Protocol):
    """Passages with their unit vectors. Row i of the vectors belongs to `passages[i]`."""

    passages: Sequence[Passage]
    embedder: Embedder

    def nearest(self, vectors: np.ndarray, k: int, allowed: np.ndarray | None = None) -> list[list[Hit]]:
        """For each query vector at most `k` rows by cosine similarity, best first; ties go to the earlier row.

        Args:
            vectors: shape (queries, dimension), float32, L2-normalised.
            allowed: shape (rows,), bool; only these may be found. None allows all.
        """
        ...

    def vectors(self, rows: Sequence[int]) -> np.ndarray:
        """Vectors of these rows, shape (len(rows), dimension), float32."""
        ...


class StoredIndex(PassageIndex, Protocol):
    """An index that is built into a folder and read back. Kinds of it are registered in `indexes`."""

    @classmethod
    def build(cls, folder: Path, documents: Sequence[Document], chunker_spec: ChunkerSpec, embedder: Embedder) -> Iterator[tuple[int, int]]:
        """Cut, embed and save into `folder`, yielding (passages done, passages in all). Writes no MANIFEST: that is the store's.

        Raises:
            DataError: the documents hold no text.
        """
        ...

    @classmethod
    def load(cls, folder: Path, embedder: Embedder) -> Self:
        """What `build` saved, ready to search.

        Raises:
            StoreError: it is damaged, or was made with another embedder.
        """
        ...

    def search(self, queries: Sequence[str], top_k: int) -> list[list[Retrieved]]:
        """For each query at most `top_k` passages, best first; ties go to the earlier passage.

        Fewer where there are fewer; never a phantom.
        """
        ...


class Probe(NamedTuple):
    """What is searched for.

    Attributes:
        words: the question, for retrievers that look for words.
        vector: its unit vector, shape (dimension,), float32; None where the retriever looks for words alone.
    """

    words: str
    vector: np.ndarray | None = None


class Retriever(Protocol):
    """Ranks the passages of an index for questions."""

    by_vector: ClassVar[bool]
    """Whether it needs the probes' vectors."""

    def __init__(self, index: PassageIndex) -> None: ...

    def rank(self, probes: Sequence[Probe], k: int, allowed: np.ndarray | None = None) -> list[list[Hit]]:
        """For each probe at most `k` rows, best first; ties go to the earlier row. What is asked beside a probe changes nothing.

        Args:
            allowed: shape (rows,), bool; only these may be found. None allows all.
        """
        ...


chunkers: Registry[type[Chunker]] = Registry("chunker")
indexes: Registry[type[StoredIndex]] = Registry("index")
retrievers: Registry[type[Retriever]] = Registry("retriever")
