"""Documents in pieces that a leak can be found in and cut out of: paragraphs, kept with the heading or the question before them.

These are not the passages of an index, whose size each method sets for itself: what is cut here is gone from every index.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from core.records import Document, Passage, Section

SHORT_WORDS = 13
LONGEST = 800
"""Characters; a longer paragraph is cut between sentences, so that an embedder reads all of it."""

_PARAGRAPH = re.compile(r"\S.*?(?=\n[ \t]*\n|\Z)", re.DOTALL)
_SENTENCE_END = re.compile(r"(?<=[.!?…])[\"'”’»)]*\s+|(?<=[。！？])|\n+")

Span = tuple[int, int]


def paragraphs(document: Document) -> list[Passage]:
    """The document in order, without gaps but for white space. What leads on (a heading, a question, a short line) stays with what follows."""
    spans = [piece for match in _PARAGRAPH.finditer(document.text) for piece in _pieces(document.text, match.span())]
    joined: list[Span] = []
    open_ended = False
    for start, end in spans:
        if open_ended and end - joined[-1][0] <= LONGEST:
            joined[-1] = joined[-1][0], end
        else:
            joined.append((start, end))
        open_ended = _leads_on(document.text[start:end])
    return [Passage(f"{document.id}#{n}", document.id, document.text[a:b], a, b) for n, (a, b) in enumerate(joined)]


def sentences(text: str) -> list[str]:
    """The sentences and lines of a text; one that has no second one is given back whole."""
    return [text[start:end] for start, end in _sentence_spans(text)] or [text]


def without(document: Document, spans: Iterable[Span]) -> Document | None:
    """The document without these stretches; None where nothing is left. Its sections move with their text."""
    kept: list[Span] = []
    place = 0
    for start, end in [*sorted(spans), (len(document.text), len(document.text))]:
        part = document.text[place : max(place, start)]
        if part.strip():
            begins = place + len(part) - len(part.lstrip("\n"))
            kept.append((begins, place + len(part.rstrip())))
        place = max(place, end)
    if not kept:
        return None
    text = "\n\n".join(document.text[start:end] for start, end in kept)
    return replace(document, text=text, sections=tuple(_moved(document.sections, kept)))


def _moved(sections: Iterable[Section], kept: Sequence[Span]) -> Iterator[Section]:
    """Where the sections stand once only the kept stretches are left, with a blank line between them; those with nothing left are gone."""
    places: list[int] = []
    for number in range(len(kept)):
        places.append(places[-1] + kept[number - 1][1] - kept[number - 1][0] + 2 if number else 0)
    for section in sections:
        inside = [
            (at + max(section.start, start) - start, at + min(section.end, end) - start)
            for at, (start, end) in zip(places, kept, strict=True)
            if section.start < end and section.end > start
        ]
        if inside:
            yield replace(section, start=inside[0][0], end=inside[-1][1])


def cleaned(documents: Sequence[Document], spans: Mapping[str, Sequence[Span]]) -> tuple[Document, ...]:
    """The documents without these stretches, by document; those with nothing left are gone."""
    found = (without(document, spans[document.id]) if document.id in spans else document for document in documents)
    return tuple(document for document in found if document is not None)


def _leads_on(text: str) -> bool:
    return text.startswith("#") or text.rstrip().endswith(("?", ":", "？", "：")) or (len(text.split()) < SHORT_WORDS and len(text) < 100)


def _pieces(text: str, span: Span) -> Iterator[Span]:
    """A paragraph, cut between sentences where it is too long."""
    start, end = span[0], span[0] + len(text[slice(*span)].rstrip())
    first = start
    last = start
    for begins, ends in _sentence_spans(text[start:end]) if end - start > LONGEST else ():
        if start + ends - first > LONGEST and last > first:
            yield first, last
            first = start + begins
        last = start + ends
    yield first, end


def _sentence_spans(text: str) -> list[Span]:
    cuts = [match.span() for match in _SENTENCE_END.finditer(text)]
    starts, ends = [0, *(b for _, b in cuts)], [*(a for a, _ in cuts), len(text)]
    return [(a, b) for a, b in zip(starts, ends, strict=True) if text[a:b].strip()]
