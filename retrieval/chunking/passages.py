"""What all chunkers share: spans of a text to passages that are trimmed, within the limit, and know their page and heading."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any, ClassVar

from pydantic import Field, ValidationInfo, field_validator

from core.records import Document, Passage, Section
from models.base import Embedder
from retrieval.base import ChunkerSpec
from retrieval.chunking.boundaries import Span, grades, windows

AT_ONCE = 100_000
"""Characters of a document that a library is given at once, so that a very long one takes neither all memory nor the square of its time."""


class SizedSpec(ChunkerSpec):
    """Settings of a chunker that fills passages up to a size and may repeat the end of the one before."""

    size: int = Field(128, ge=8, le=512, description="Longest passage, in the embedder's tokens; usual 64 to 256, at most what it reads.")
    overlap: int = Field(16, ge=0, le=256, description="Tokens repeated from the passage before, at most half of size; usual 0 to 32.")

    @field_validator("overlap")
    @classmethod
    def _at_most_half(cls, overlap: int, info: ValidationInfo) -> int:
        size = info.data.get("size", 512)
        if overlap > size // 2:
            raise ValueError(f"should be at most half of size ({size // 2})")
        return overlap


class Cutter(ABC):
    """A chunker that only has to say where passages may begin and end; all else is the same for every one."""

    Spec: ClassVar[type[ChunkerSpec]]

    def __init__(self, spec: Any) -> None:
        self.spec = spec

    def chunk(self, document: Document, embedder: Embedder) -> list[Passage]:
        limit = min(self.spec.size, embedder.max_tokens)
        text = document.text
        spans = self.spans(text, embedder, limit) if text.strip() else ()
        cuts = sorted({cut for span in spans for cut in fitting(text, span, embedder, limit)})
        places = whereabouts(document.sections, [start for start, _ in cuts])
        return [
            Passage(f"{document.id}#{number}", document.id, text[start:end], start, end, page, heading)
            for number, ((start, end), (page, heading)) in enumerate(zip(cuts, places, strict=True))
        ]

    @abstractmethod
    def spans(self, text: str, embedder: Embedder, limit: int) -> Iterable[Span]:
        """Stretches of a text that is not blank, in order, which leave out white space alone. One that is over the limit is cut again.

        Args:
            limit: most tokens of a passage.
        """


def own_tokens(text: str, embedder: Embedder) -> list[Span]:
    """Where the embedder's tokens stand, those aside that stand for no character."""
    return [span for span in embedder.offsets(text) if span[1] > span[0]]


def fitting(text: str, span: Span, embedder: Embedder, limit: int) -> Iterator[Span]:
    """The span without white space at its ends, in as many pieces as the limit asks for; nothing where it is blank.

    A piece is counted on its own, as the embedder will read it: some tokenizers give a text more tokens when it is cut out.
    """
    start, end = span
    end = start + len(text[start:end].rstrip())
    start += len(text[start:end]) - len(text[start:end].lstrip())
    if start >= end:
        return
    counted = len(embedder.offsets(text[start:end]))
    if counted <= limit or end - start == 1:
        yield start, end
        return
    cuts = [start, *_cuts(text, (start, end), embedder, -(-counted // limit)), end]
    for piece in pairwise(cuts):
        yield from fitting(text, piece, embedder, limit)


def _cuts(text: str, span: Span, embedder: Embedder, parts: int) -> list[int]:
    """Places strictly within the span, at least one, that make about that many parts of like length."""
    start, end = span
    tokens = own_tokens(text[start:end], embedder)
    ranges = windows(grades(text[start:end], tokens), max(1, -(-len(tokens) // parts)), 0)
    places = {start + tokens[first][0] for first, _ in ranges if first}
    return sorted(place for place in places if start < place < end) or [(start + end) // 2]


def stretches(text: str, most: int = AT_ONCE) -> Iterator[Span]:
    """The text in stretches of at most that many characters, each but the last ending after a blank line, a line or a word where it has one."""
    start = 0
    while len(text) - start > most:
        tried = (text.rfind(mark, start + 1, start + most) for mark in ("\n\n", "\n", " "))
        cut = next((place for place in tried if place > 0), start + most)
        yield start, cut
        start = cut
    yield start, len(text)


def whereabouts(sections: Sequence[Section], starts: Iterable[int]) -> Iterator[tuple[int | None, str]]:
    """For each place, in order, the page it is on and the heading it stands under; None and "" where the document states none."""
    page: Section | None = None
    heading: Section | None = None
    ordered = sorted(sections, key=lambda section: section.start)
    reached = 0
    for place in starts:
        while reached < len(ordered) and ordered[reached].start <= place:
            section = ordered[reached]
            page = section if section.page is not None else page
            heading = section if section.heading else heading
            reached += 1
        yield page.page if page and place < page.end else None, heading.heading if heading and place < heading.end else ""
