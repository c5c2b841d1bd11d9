"""Passages of whole sentences, as many as fit; the overlap is whole sentences, too. Only a sentence over the limit is cut.

Headings, list items and table rows count as sentences. A heading goes with what follows it, and the overlap never reaches back over one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import ClassVar, Literal, NamedTuple

from pydantic import Field

from models.base import Embedder
from retrieval.base import ChunkerSpec, chunkers
from retrieval.chunking.boundaries import Grade, Span, grades
from retrieval.chunking.passages import Cutter, SizedSpec, own_tokens

_ITEM = re.compile(r"(?:[-*+•|>]|\d{1,3}[.)])(?:[ \t]|\|)")
_NO_END = re.compile(r"\b(?:[A-Za-z]|e\.g|i\.e|cf|vs|Dr|Mr|Mrs|Ms|Prof|St|No|Nr|Fig|approx|bzw|usw|ca|z\.B|d\.h)\.\Z")


class SentenceChunkerSpec(SizedSpec):
    """Passages of whole sentences, together at most `size` tokens."""

    kind: Literal["sentences"] = Field("sentences", description="Passages of whole sentences, list items and headings.")


class Sentence(NamedTuple):
    """Tokens [first, after) of a text."""

    first: int
    after: int
    heading: bool


class SentenceChunker(Cutter):
    """See the module's docstring."""

    Spec: ClassVar[type[ChunkerSpec]] = SentenceChunkerSpec

    def spans(self, text: str, embedder: Embedder, limit: int) -> Iterator[Span]:
        tokens = own_tokens(text, embedder)
        sentences = list(_sentences(text, tokens))
        for first, after in packed(sentences, limit, min(self.spec.overlap, limit // 2)):
            start = tokens[sentences[first].first][0] if first else 0
            yield start, tokens[sentences[after].first][0] if after < len(sentences) else len(text)


def packed(sentences: Sequence[Sentence], limit: int, overlap: int) -> Iterator[tuple[int, int]]:
    """Ranges [first, after) of sentences that cover all of them, each ending later than the one before.

    A range has at most `limit` tokens, or is one sentence that has more.
    """
    first = after = 0
    while after < len(sentences) or not after:
        after = first + 1
        while after < len(sentences) and sentences[after].after - sentences[first].first <= limit:
            after += 1
        while first < after - 1 < len(sentences) - 1 and sentences[after - 1].heading:
            after -= 1
        yield first, min(after, len(sentences))
        if after < len(sentences):
            first = _next_start(sentences, first, after, limit, overlap)


def _next_start(sentences: Sequence[Sentence], first: int, after: int, limit: int, overlap: int) -> int:
    start = after
    while (
        start - 1 > first
        and not sentences[start].heading
        and sentences[after].first - sentences[start - 1].first <= overlap
        and sentences[after].after - sentences[start - 1].first <= limit
    ):
        start -= 1
    return start


def _sentences(text: str, tokens: Sequence[Span]) -> Iterator[Sentence]:
    boundaries = grades(text, tokens)
    starts = [place for place in range(len(tokens)) if not place or _begins(text, boundaries[place], tokens[place - 1], tokens[place])]
    for first, after in zip(starts, [*starts[1:], len(tokens)], strict=True):
        yield Sentence(first, after, boundaries[first] is Grade.HEADING and first > 0)


def _begins(text: str, grade: Grade, before: Span, after: Span) -> bool:
    """Whether a sentence begins with the later of two tokens."""
    if grade is Grade.SENTENCE:
        follows = text[after[0]]
        return not (follows.islower() or _NO_END.search(text[max(0, before[1] - 8) : before[1]]))
    return grade > Grade.SENTENCE or (grade is Grade.LINE and bool(_ITEM.match(text, after[0])))


chunkers.add("sentences", SentenceChunker)
