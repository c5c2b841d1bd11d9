"""What a document is cut into: how many passages, how long they are, and where each begins and ends, shown in the document itself."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from statistics import median
from typing import NamedTuple

from core.records import Document, Passage
from models.base import Embedder
from retrieval.base import ChunkerSpec
from retrieval.chunking import make_chunker
from ui.markup import render

LISTED = 60
MOST_TEXT = 60_000
"""Characters of a document that are shown at once."""
BINS = 8
AROUND = 300
"""Characters of the document on either side of a passage that was found."""


class Begin(NamedTuple):
    """The line that stands where a passage begins."""

    number: int
    label: str


class Piece(NamedTuple):
    """A stretch of the document that the same passages hold.

    Attributes:
        begins: passages that begin here.
        held: how many passages hold it: 0 for white space between two, 2 or more for an overlap.
        odd: whether the passage that it belongs to has an odd number, so that neighbours look different.
    """

    begins: list[Begin]
    text: str
    held: int
    odd: bool


class Range(NamedTuple):
    """How many passages have that many tokens. `width` is in percent of the fullest bin."""

    label: str
    passages: int
    width: int


def preview(document: Document, spec: ChunkerSpec, embedder: Embedder) -> str:
    """The passages of one document with their lengths, and the document with its passages marked. Nothing is stored."""
    passages = make_chunker(spec).chunk(document, embedder)
    if not passages:
        return render("empty", text="This document holds no text to cut.")
    lengths = [len(embedder.offsets(passage.text)) for passage in passages]
    limit = min(int(getattr(spec, "size", embedder.max_tokens)), embedder.max_tokens)
    listed = _listed(passages)
    return render(
        "cutting",
        facts=_facts(passages, lengths, embedder),
        bins=bins(lengths, limit),
        embedder=embedder.id,
        limit=limit,
        pieces=pieces(document, listed, lengths),
        more=len(passages) - len(listed),
        cut_off=listed[-1].end - listed[0].start > MOST_TEXT,
    )


def _listed(passages: Sequence[Passage]) -> Sequence[Passage]:
    inside = sum(passage.end - passages[0].start <= MOST_TEXT for passage in passages)
    return passages[: max(1, min(inside, LISTED))]


def _facts(passages: Sequence[Passage], lengths: Sequence[int], embedder: Embedder) -> list[str]:
    twice = [p.text[: before.end - p.start] for before, p in pairwise(passages) if before.end > p.start]
    pages = [passage.page for passage in passages if passage.page is not None]
    facts = ["1 passage" if len(passages) == 1 else f"{len(passages):,} passages"]
    facts.append(f"{min(lengths)} to {max(lengths)} tokens, median {median(lengths):g}")
    if twice:
        facts.append(
            f"{len(twice):,} begin with the end of the one before, {max(len(embedder.offsets(text)) for text in twice)} tokens at most"
        )
    if pages:
        facts.append(f"pages {min(pages)} to {max(pages)}")
    return facts


def bins(lengths: Sequence[int], limit: int) -> list[Range]:
    """How many passages are how long, in ranges of equal width up to the limit."""
    width = max(1, -(-limit // BINS))
    firsts = list(range(1, limit + 1, width))
    counts = [sum(first <= length < first + width or (not length and first == 1) for length in lengths) for first in firsts]
    fullest = max(*counts, 1)
    ends = [min(first + width - 1, limit) for first in firsts]
    labels = [str(end) if first == end else f"{first} to {end}" for first, end in zip(firsts, ends, strict=True)]
    return [Range(label, count, round(100 * count / fullest)) for label, count in zip(labels, counts, strict=True)]


def pieces(document: Document, passages: Sequence[Passage], lengths: Sequence[int]) -> list[Piece]:
    """The document from its first to its last listed passage, in stretches that the same passages hold."""
    numbers = {passage.id: number for number, passage in enumerate(passages, 1)}
    last = min(max(passage.end for passage in passages), passages[0].start + MOST_TEXT)
    places = sorted({place for p in passages for place in (p.start, p.end) if place <= last} | {last})
    made: list[Piece] = []
    for start, end in pairwise(places):
        holding = [p for p in passages if p.start <= start < p.end]
        begins = [Begin(numbers[p.id], _where(p, lengths[numbers[p.id] - 1])) for p in holding if p.start == start]
        odd = bool(holding) and numbers[holding[-1].id] % 2 == 1
        made.append(Piece(begins, document.text[start:end], len(holding), odd))
    return made


def _where(passage: Passage, tokens: int) -> str:
    return " · ".join([f"{tokens} tokens", *marks(passage)])


def marks(passage: Passage) -> list[str]:
    """Page and heading of a passage, where it has them."""
    page = [f"page {passage.page}"] if passage.page is not None else []
    return [*page, f"under “{passage.heading}”"] if passage.heading else page


def around(passage: Passage, documents: Sequence[Document]) -> tuple[str, str]:
    """What stands before and after a passage in its document; two empty texts where the document is gone or has changed."""
    document = next((d for d in documents if d.id == passage.document), None)
    if document is None or document.text[passage.start : passage.end] != passage.text:
        return "", ""
    before = document.text[max(0, passage.start - AROUND) : passage.start]
    after = document.text[passage.end : passage.end + AROUND]
    return ("… " if passage.start > AROUND else "") + before, after + (" …" if passage.end + AROUND < len(document.text) else "")
