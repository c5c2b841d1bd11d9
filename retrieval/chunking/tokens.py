"""Passages of a number of tokens, cut where a reader would pause: at a heading, a paragraph, a sentence, a line, a word."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import Field

from models.base import Embedder
from retrieval.base import ChunkerSpec, chunkers
from retrieval.chunking.boundaries import Span, grades, windows
from retrieval.chunking.passages import Cutter, SizedSpec, own_tokens


class TokenChunkerSpec(SizedSpec):
    """Passages of at most `size` tokens."""

    kind: Literal["tokens"] = Field("tokens", description="Passages of a number of tokens, cut at headings, paragraphs and sentences.")


class TokenChunker(Cutter):
    """See the module's docstring."""

    Spec: ClassVar[type[ChunkerSpec]] = TokenChunkerSpec

    def spans(self, text: str, embedder: Embedder, limit: int) -> Iterator[Span]:
        tokens = own_tokens(text, embedder)
        for first, after in windows(grades(text, tokens), limit, min(self.spec.overlap, limit // 2)):
            yield tokens[first][0] if first else 0, tokens[after][0] if after < len(tokens) else len(text)


chunkers.add("tokens", TokenChunker)
