"""What a chunker and a retriever must do. Each is one file and one registration; the contract tests run over both registries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from core.records import Document, Passage, Retrieved
from core.registry import Registry
from core.specs import Spec
from models.base import Embedder


class ChunkerSpec(Spec):
    """Settings of a chunker; `kind` names it."""

    kind: str


class Chunker(Protocol):
    """Cuts documents into passages."""

    def chunk(self, document: Document, embedder: Embedder) -> list[Passage]:
        """Passages in reading order, none blank, each an exact cut: `passage.text == document.text[start:end]`.

        The embedder's own tokenizer counts, so that no passage is longer than what the embedder reads.
        """
        ...


class Retriever(Protocol):
    """Finds passages."""

    passages: Sequence[Passage]

    def search(self, queries: Sequence[str], top_k: int) -> list[list[Retrieved]]:
        """For each query at most `top_k` passages, best first; ties go to the earlier passage. Fewer where there are fewer; never a phantom."""
        ...


chunkers: Registry[type[Chunker]] = Registry("chunker")
retrievers: Registry[type[Retriever]] = Registry("retriever")
