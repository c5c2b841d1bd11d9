"""The preview of what a document is cut into: lengths, places, overlaps; what documents say is text and never markup."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from core.errors import DataError
from core.records import Document, Passage, Section
from models.fake import HashEmbedder
from retrieval.chunking import SentenceChunkerSpec, TokenChunkerSpec
from ui.context import Context
from ui.handlers import cutting, retrieval
from ui.task import Task

TEXT = "One two three four. Five six seven eight. Nine ten eleven."


def passage(number: int, start: int, end: int, **more: Any) -> Passage:
    return Passage(f"d#{number}", "d", TEXT[start:end], start, end, **more)


def test_pieces_are_the_document_and_overlaps_are_held_twice() -> None:
    second = TEXT.index("Five")
    made = cutting.pieces(Document("d", TEXT), [passage(0, 0, 41), passage(1, second, len(TEXT))], [9, 8])
    assert "".join(piece.text for piece in made) == TEXT
    assert [(piece.held, [b.number for b in piece.begins]) for piece in made] == [(1, [1]), (2, [2]), (1, [])]
    assert [piece.odd for piece in made] == [True, False, False]


def test_white_space_between_passages_belongs_to_none() -> None:
    made = cutting.pieces(Document("d", TEXT), [passage(0, 0, 19), passage(1, 20, 41)], [4, 4])
    assert [piece.held for piece in made] == [1, 0, 1]


def test_lengths_are_counted_in_ranges_up_to_the_limit() -> None:
    found = cutting.bins([1, 8, 9, 64, 64], 64)
    assert [(b.label, b.passages) for b in found] == [
        ("1 to 8", 2), ("9 to 16", 1), ("17 to 24", 0), ("25 to 32", 0), ("33 to 40", 0), ("41 to 48", 0), ("49 to 56", 0), ("57 to 64", 2),
    ]  # fmt: skip
    assert found[0].width == 100 and found[1].width == 50
    assert sum(b.passages for b in cutting.bins(list(range(1, 11)), 10)) == 10


def test_the_preview_states_number_lengths_overlap_page_and_heading() -> None:
    sections = (Section(0, len(TEXT), 3, "Counting & more"),)
    html = cutting.preview(Document("d.pdf", TEXT, sections), SentenceChunkerSpec(size=10, overlap=5), HashEmbedder())
    assert "2 passages" in html and "9 to 10 tokens, median 9.5" in html
    assert "begin with the end of the one before, 5 tokens at most" in html
    assert "page 3 · under “Counting &amp; more”" in html and "fake/hash-64" in html


def test_a_document_is_text_and_never_markup() -> None:
    evil = '<img src=x onerror="alert(1)"> <script>alert(2)</script>'
    sections = (Section(0, len(evil), None, evil),)
    html = cutting.preview(Document(evil, evil, sections), TokenChunkerSpec(size=64, overlap=0), HashEmbedder())
    assert "<img" not in html and "<script" not in html and "&lt;img" in html


def test_of_a_long_document_the_first_passages_are_shown_and_the_rest_is_counted() -> None:
    text = "word " * 2_000
    html = cutting.preview(Document("d", text), TokenChunkerSpec(size=8, overlap=0), HashEmbedder())
    assert html.count("bk-cutno") == cutting.LISTED and "And 190 more." in html


def test_of_one_huge_passage_only_a_part_is_shown() -> None:
    html = cutting.preview(Document("d", "x" * 200_000), TokenChunkerSpec(), HashEmbedder())
    assert len(html) < 70_000 and "The rest of this passage is not shown." in html


def test_a_blank_document_says_so() -> None:
    assert "no text to cut" in cutting.preview(Document("d", " \n"), TokenChunkerSpec(), HashEmbedder())


def test_a_found_passage_is_shown_between_what_stands_around_it() -> None:
    before, after = cutting.around(passage(0, 20, 41), [Document("d", TEXT)])
    assert before + TEXT[20:41] + after == TEXT
    assert cutting.around(passage(0, 20, 41), [Document("d", TEXT.upper())]) == ("", ""), "the document has changed"


def test_every_chunker_can_be_previewed_without_an_index(ctx: Context, task: Task) -> None:
    for chunker in ("tokens", "sentences", "markdown", "meaning"):
        shown = list(retrieval.passages(ctx, task, "tannery.md", {"chunker": chunker, "chunk_size": 32, "chunk_overlap": 4}))[-1]
        assert "<img" not in shown and "In the document" in shown and "tannery" in shown
    assert not ctx.store.artefacts.exists() or not list(ctx.store.artefacts.iterdir())
    with pytest.raises(DataError, match="no document 'gone"):
        list(retrieval.passages(ctx, task, "gone.md", {}))
    with pytest.raises(DataError, match="no documents"):
        list(retrieval.passages(ctx, replace(task, knowledge={}), "tannery.md", {}))


def test_search_shows_the_place_in_the_document_and_names_the_kind_of_score(ctx: Context, task: Task) -> None:
    asked = "Where is the anvil of the tannery?"
    dense = list(retrieval.search(ctx, task, asked, {"top_k": 1, "chunk_size": 16, "chunk_overlap": 0}))[-1].found
    assert "similarity" in dense and "In its document" in dense
    by_words = list(retrieval.search(ctx, task, asked, {"top_k": 1, "retriever": "bm25"}))[-1].found
    assert "score" in by_words and "similarity" not in by_words
