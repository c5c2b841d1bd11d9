"""Laws of every registered chunker: exact cuts, nothing lost, nothing over the limit, whatever the text and the tokenizer."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.records import Document, Passage, Section
from models.base import Embedder, Prefixes
from models.fake import HashEmbedder
from retrieval.base import Chunker, chunkers
from retrieval.chunking import make_chunker

HASH = HashEmbedder()
PIECES = st.sampled_from(
    [
        "# Head",
        "## Sub",
        "word",
        "Größe",
        "大小。",
        "🙂",
        "👩‍👩‍👧",
        "e.g.",
        "12.25",
        "End.",
        '"Yes!"',
        "\n",
        "\n\n",
        " ",
        "\t",
        "```",
        "\u2028",
        "é́",
        "- a",
        "| b |",
    ]
)
TEXTS = st.lists(PIECES, max_size=120).map(" ".join) | st.text(max_size=300) | st.lists(PIECES, max_size=60).map("".join)
EVERY = pytest.mark.parametrize("kind", chunkers.names())
FEW = settings(max_examples=40, deadline=None)


class Bytes:
    """A tokenizer of bytes, as some models have: several tokens for one character. It reads only 24 of them."""

    id, dimension, max_tokens, prefixes = "fake/bytes", 64, 24, Prefixes()
    embed = HashEmbedder.embed

    def offsets(self, text: str) -> list[tuple[int, int]]:
        return [(i, i + 1) for i, character in enumerate(text) for _ in character.encode("utf-8", "surrogatepass")]


class MoreWhenCutOut(HashEmbedder):
    """A tokenizer that marks the beginning of a text with a token of its own, so that a passage has more tokens than its stretch of the whole."""

    def offsets(self, text: str) -> list[tuple[int, int]]:
        return [(0, 0), *super().offsets(text)]


def chunker(kind: str, **wanted: int) -> Chunker:
    spec = chunkers.get(kind).Spec
    return make_chunker(spec(kind=kind, **{name: value for name, value in wanted.items() if name in spec.model_fields}))


def cut(kind: str, text: str, embedder: Embedder = HASH, **wanted: int) -> list[Passage]:
    return chunker(kind, **wanted).chunk(Document("a/d.md", text), embedder)


def lawful(passages: list[Passage], text: str, embedder: Embedder, limit: int) -> None:
    assert all(p.text == text[p.start : p.end] and p.text.strip() == p.text != "" for p in passages)
    covered = {place for p in passages for place in range(p.start, p.end)}
    assert all(place in covered for place, character in enumerate(text) if not character.isspace())
    assert all(len(embedder.offsets(p.text)) <= limit for p in passages)
    assert [p.id for p in passages] == [f"a/d.md#{i}" for i in range(len(passages))]
    assert [p.start for p in passages] == sorted(p.start for p in passages)


def test_documents_are_cut_by_tokens_sentences_markdown_and_meaning() -> None:
    own = sorted(name for name in chunkers.names() if not name.startswith("benchmark_"))  # a benchmark brings one of its own
    assert own == ["markdown", "meaning", "sentences", "tokens"]


@EVERY
@FEW
@given(text=TEXTS, size=st.integers(8, 20), overlap=st.integers(0, 4))
def test_passages_are_exact_cuts_within_the_limit_and_nothing_is_lost(kind: str, text: str, size: int, overlap: int) -> None:
    passages = cut(kind, text, size=size, overlap=overlap)
    lawful(passages, text, HASH, size)
    assert passages == cut(kind, text, size=size, overlap=overlap), "the same twice"


@EVERY
@FEW
@given(text=TEXTS)
def test_what_the_embedder_reads_is_the_limit_where_it_is_less_than_the_size(kind: str, text: str) -> None:
    passages = cut(kind, text, Bytes(), size=128)
    lawful(passages, text, Bytes(), Bytes.max_tokens)
    assert bool(passages) == bool(text.strip())


@EVERY
@FEW
@given(text=TEXTS)
def test_a_passage_is_counted_on_its_own_as_the_embedder_will_read_it(kind: str, text: str) -> None:
    passages = cut(kind, text, MoreWhenCutOut(), size=9, overlap=2)
    lawful(passages, text, MoreWhenCutOut(), 9)
    assert bool(passages) == bool(text.strip())


HARD = {
    "one word": "word",
    "no spaces": "abcdefghij" * 1_000,
    "punctuation without spaces": "(.)" * 3_000,
    "CJK": "今日は良い天気です。散歩に行きましょう。" * 60,
    "emoji": "🙂👩‍👩‍👧🏳️‍🌈" * 200,
    "combining marks": "é́ ö̈ " * 300,
    "code fence": "Before.\n\n```python\n# not a heading\n" + "x = 1\n" * 200 + "```\n\nAfter.",
    "open fence": "```\n" + "a b c\n" * 100,
    "only headings": "\n\n".join(f"{'#' * (1 + i % 6)} Heading {i}" for i in range(80)),
    "a table": "| a | b |\n|---|---|\n" + "| one cell | two cells |\n" * 80,
    "line ends gone": "one two three\nfour five six\n\n" * 60,
}


@EVERY
@pytest.mark.parametrize("embedder", [HASH, Bytes()], ids=["words", "bytes"])
@pytest.mark.parametrize("name", HARD)
def test_hard_texts_are_cut_like_any_other(kind: str, name: str, embedder: Embedder) -> None:
    passages = cut(kind, HARD[name], embedder, size=32, overlap=8)
    lawful(passages, HARD[name], embedder, min(32, embedder.max_tokens))
    assert passages


@EVERY
@pytest.mark.parametrize("text", ["", " \n\t ", "\u2028\u00a0"])
def test_a_blank_document_has_no_passages(kind: str, text: str) -> None:
    assert cut(kind, text) == []


@EVERY
@FEW
@given(text=TEXTS, overlap=st.integers(0, 8))
def test_two_passages_share_at_most_as_many_tokens_as_asked(kind: str, text: str, overlap: int) -> None:
    for before, after in pairwise(cut(kind, text, size=16, overlap=overlap)):
        shared = text[after.start : before.end]
        assert len(HASH.offsets(shared)) <= overlap


@EVERY
def test_a_passage_says_on_which_page_and_under_which_heading_it_begins(kind: str) -> None:
    pages = ["Alpha " * 30 + "end.", "Beta " * 30 + "end."]
    text = "\n\n".join(pages)
    second = len(pages[0]) + 2
    sections = (Section(0, len(pages[0]), 1), Section(second, len(text), 2, "Beta"))
    passages = chunker(kind, size=12, overlap=0).chunk(Document("d.pdf", text, sections), HASH)
    assert {(p.page, p.heading) for p in passages if p.start < second} == {(1, "")}
    assert {(p.page, p.heading) for p in passages if p.start >= second} == {(2, "Beta")}


@EVERY
def test_places_without_a_page_or_heading_have_none(kind: str) -> None:
    text = "Before all. " * 20 + "\n\n" + "Inside it. " * 20
    start = text.index("Inside")
    passages = chunker(kind, size=12, overlap=0).chunk(Document("d.md", text, (Section(start, len(text), None, "In"),)), HASH)
    assert passages[0].heading == "" and passages[0].page is None
    assert passages[-1].heading == "In" and passages[-1].page is None


@EVERY
def test_every_field_of_the_spec_is_described(kind: str) -> None:
    fields: dict[str, Any] = chunkers.get(kind).Spec.model_fields
    assert all(field.description for field in fields.values())
