"""Passages that end where the text turns to something else: where a sentence is least like the three before it.

The similarity of each sentence to those before it is smoothed (Savitzky and Golay 1964), and its deepest valleys are the cuts; chonkie does
this, with our embedder's vectors and tokens. Each sentence is embedded twice, alone and within its window, so that building an index takes
several times as long. Passages do not overlap.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate, pairwise
from typing import Any, ClassVar, Literal

from pydantic import Field

from models.base import Embedder
from retrieval.base import ChunkerSpec, chunkers
from retrieval.chunking.boundaries import Span
from retrieval.chunking.passages import Cutter, stretches

SENTENCE_ENDS = [". ", "! ", "? ", "\n", "。", "！", "？"]
LEAST_DEEP, LEAST_SENTENCES, STEEPEST = 0.5, 2, 0.5
"""The deeper half of the valleys are cuts, two sentences or more apart. A sharp valley is one, too: at chonkie's own 0.2 it would be missed."""


class MeaningChunkerSpec(ChunkerSpec):
    """Passages of sentences that belong together, at most `size` tokens."""

    kind: Literal["meaning"] = Field("meaning", description="Passages that end where the text turns to something else.")
    size: int = Field(128, ge=8, le=512, description="Longest passage, in the embedder's tokens; usual 128 to 512, at most what it reads.")


class MeaningChunker(Cutter):
    """See the module's docstring."""

    Spec: ClassVar[type[ChunkerSpec]] = MeaningChunkerSpec

    def spans(self, text: str, embedder: Embedder, limit: int) -> Iterator[Span]:
        from chonkie.chunker.semantic import SemanticChunker

        ours = _as_embeddings(embedder)
        splitter = SemanticChunker(
            ours, LEAST_DEEP, limit, min_sentences_per_chunk=LEAST_SENTENCES, delim=SENTENCE_ENDS, filter_tolerance=STEEPEST
        )
        for start, end in stretches(text):
            lengths = [len(piece.text) for piece in splitter.chunk(text[start:end])]
            cuts = {start, end, *(start + place for place in accumulate(lengths) if start + place < end)}
            yield from pairwise(sorted(cuts))


def _as_embeddings(embedder: Embedder) -> Any:
    """Our embedder, as chonkie wants one."""
    from chonkie.embeddings import BaseEmbeddings

    class Ours(BaseEmbeddings):  # type: ignore[misc,unused-ignore]
        def embed(self, text: str) -> Any:
            return embedder.embed([text])[0]

        def embed_batch(self, texts: list[str]) -> Any:
            return list(embedder.embed(texts))

        @property
        def dimension(self) -> int:
            return embedder.dimension

        def get_tokenizer(self) -> Any:
            return lambda text: len(embedder.offsets(text))

    return Ours()


chunkers.add("meaning", MeaningChunker)
