"""Passages along the structure of Markdown: sections by level of heading, then blocks, then list items and rows, and only then sentences.

The largest parts that fit are kept whole, and small neighbours of the same level are joined. On plain text, blank lines are the structure.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import Field

from models.base import Embedder
from retrieval.base import ChunkerSpec, chunkers
from retrieval.chunking.boundaries import Span
from retrieval.chunking.passages import Cutter, SizedSpec, stretches

GLANCE = 16
"""Characters for each token of the limit that are counted of a long piece, before all of it is."""
STRETCH = 30_000
"""Characters that are taken apart at once: text without a space or a line takes the square of its length."""


class MarkdownChunkerSpec(SizedSpec):
    """Passages of whole sections, blocks or list items, each at most `size` tokens."""

    kind: Literal["markdown"] = Field("markdown", description="Passages along headings, paragraphs, code blocks, lists and tables.")


class MarkdownChunker(Cutter):
    """See the module's docstring."""

    Spec: ClassVar[type[ChunkerSpec]] = MarkdownChunkerSpec

    def spans(self, text: str, embedder: Embedder, limit: int) -> Iterator[Span]:
        from semantic_text_splitter import MarkdownSplitter

        glance = GLANCE * limit

        def count(piece: str) -> int:
            """Tokens of a piece; of one that is far too long, only more than the limit."""
            beginning = len(embedder.offsets(piece[:glance]))
            return beginning if beginning > limit or len(piece) <= glance else len(embedder.offsets(piece))

        splitter = MarkdownSplitter.from_callback(count, limit, min(self.spec.overlap, limit // 2))
        for first, after in stretches(text, STRETCH):
            for start, piece in splitter.chunk_indices(text[first:after]):
                yield first + start, first + start + len(piece)


chunkers.add("markdown", MarkdownChunker)
