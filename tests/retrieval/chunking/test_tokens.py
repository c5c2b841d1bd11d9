"""Where the token chunker cuts."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import PlanError
from core.records import Document
from core.specs import read_spec
from models.base import Embedder
from models.fake import HashEmbedder
from retrieval.base import Chunker, ChunkerSpec
from retrieval.chunking import Grade, TokenChunkerSpec, make_chunker, windows

EMBEDDER = HashEmbedder()
PIECES = st.sampled_from(
    ["# Head", "## Sub", "word", "Größe", "大小。", "🙂", "e.g.", "12.25", "End.", '"Yes!"', "\n", "\n\n", " ", "\t", "```", "\u2028", "é́"]
)
TEXTS = st.lists(PIECES, max_size=120).map(" ".join) | st.text(max_size=300) | st.lists(PIECES, max_size=60).map("".join)


def small(size: int = 12, overlap: int = 3) -> Chunker:
    return make_chunker(TokenChunkerSpec(size=size, overlap=overlap))


@given(text=TEXTS, size=st.integers(8, 20), overlap=st.integers(0, 4))
def test_no_character_but_white_space_is_lost_and_no_passage_is_too_long(text: str, size: int, overlap: int) -> None:
    passages = small(size, overlap).chunk(Document("d.md", text), EMBEDDER)
    covered = {place for p in passages for place in range(p.start, p.end)}
    assert all(place in covered for place, character in enumerate(text) if not character.isspace())
    assert all(len(EMBEDDER.offsets(p.text)) <= size for p in passages)


@given(st.lists(st.sampled_from(Grade), max_size=200), st.integers(8, 40), st.data())
def test_windows_advance_cover_all_tokens_and_overlap_at_most_as_asked(boundaries: list[Grade], size: int, data: st.DataObject) -> None:
    overlap = data.draw(st.integers(0, size // 2))
    found = windows(boundaries, size, overlap)
    assert found[0][0] == 0
    assert found[-1][1] == len(boundaries)
    assert all(after - first <= size for first, after in found)
    for (first, after), (next_first, next_after) in pairwise(found):
        assert first < next_first <= after < next_after
        assert after - next_first <= overlap


class TokensOfOneCharacter:
    """An embedder whose tokenizer gives several tokens for one character, as byte-level ones do, and reads only ten."""

    id, dimension, max_tokens = "fake/bytes", 64, 10
    embed = HashEmbedder.embed

    def offsets(self, text: str) -> list[tuple[int, int]]:
        return [(i, i + 1) for i, character in enumerate(text) for _ in character.encode()]


@given(text=st.text(max_size=80))
def test_a_character_of_several_tokens_is_never_cut_or_doubled(text: str) -> None:
    embedder: Embedder = TokensOfOneCharacter()
    passages = make_chunker(TokenChunkerSpec(size=64, overlap=0)).chunk(Document("d", text), embedder)
    assert "".join("".join(p.text.split()) for p in passages) == "".join(text.split())
    assert all(len(embedder.offsets(p.text)) <= embedder.max_tokens for p in passages)


def test_a_short_document_is_one_whole_passage() -> None:
    assert [p.text for p in small().chunk(Document("d.md", "  # Title\n\nA few words.\n"), EMBEDDER)] == ["# Title\n\nA few words."]


def test_a_blank_document_has_no_passages() -> None:
    assert small().chunk(Document("d", " \n\t "), EMBEDDER) == []


def test_small_sections_stay_whole_and_begin_with_their_heading() -> None:
    text = "# One\n\nfirst words here stand.\n\n# Two\n\nsecond words here stand too.\n\n# Three\n\nthird one."
    assert [p.text for p in small(12, 4).chunk(Document("d.md", text), EMBEDDER)] == [
        "# One\n\nfirst words here stand.",
        "# Two\n\nsecond words here stand too.",
        "# Three\n\nthird one.",
    ]


def test_underlined_headings_count_and_marks_inside_code_do_not() -> None:
    text = "Title\n=====\n\none two three four.\n\nOther\n-----\n\nfive six.\n\n```\n# not a heading\n```\n"
    chunked = make_chunker(TokenChunkerSpec(size=20, overlap=0)).chunk(Document("d.rst", text), EMBEDDER)
    assert chunked[1].text.startswith("Other\n-----")
    assert not any(p.text.startswith("# not") for p in chunked)


def test_a_long_text_is_cut_at_sentences_and_the_overlap_is_a_whole_sentence() -> None:
    text = "One two three four. Costs 12.25 now. Five six seven. Eight nine ten eleven."
    first, second, *_ = small(14, 7).chunk(Document("d", text), EMBEDDER)
    assert first.text.endswith(".")
    assert "12.25" in first.text
    assert second.text.startswith("Costs 12.25 now. Five")


def test_the_number_of_a_list_item_does_not_stay_behind_alone() -> None:
    text = "Rules\n1. one two three four five six\n2. seven eight nine ten eleven"
    assert [p.text for p in small(12, 0).chunk(Document("d", text), EMBEDDER)][1].startswith("2. seven")


def test_paragraphs_win_over_sentences_near_the_limit() -> None:
    text = "a b c d e f g.\n\nh i. j k l m n o p q"
    assert small(12, 0).chunk(Document("d", text), EMBEDDER)[0].text == "a b c d e f g."


def test_an_overlap_over_half_the_size_is_refused_in_plain_words() -> None:
    with pytest.raises(PlanError, match=r"overlap must be at most half of size \(10\); got 11\."):
        read_spec(TokenChunkerSpec, {"kind": "tokens", "size": 20, "overlap": 11})


def test_an_unknown_chunker_names_the_known_ones() -> None:
    with pytest.raises(PlanError, match=r"There is no chunker 'token'.*Did you mean 'tokens'"):
        make_chunker(ChunkerSpec(kind="token"))
