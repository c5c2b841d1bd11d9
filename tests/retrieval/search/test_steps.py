"""The steps behind a retriever: words, threshold, cross-encoder, diversity, filters, rewritten questions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.records import Document, Passage
from models.fake import HashEmbedder
from retrieval.base import Hit
from retrieval.search.diversity import diverse
from retrieval.search.filters import allowed_rows, passes, unknown_keys
from retrieval.search.lexical import tokens
from retrieval.search.pipeline import Query, Search, Steps
from retrieval.search.reranking import reranked

MakeIndex = Callable[..., Any]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Error E-4711, `snake_case`!", ["error", "e", "4711", "snake_case"]),
        ("Straße STRASSE", ["strasse", "strasse"]),
        ("ﬁle x²", ["file", "x2"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("東京大学 A", ["東京", "京大", "大学", "a"]),
        ("水", ["水"]),
        ("caf\u00e9 cafe\u0301", ["café", "café"]),
        ("", []),
        (" \n…!?", []),
    ],
)
def test_words_are_unicode_words_without_case_and_pairs_of_characters_where_there_are_no_spaces(text: str, expected: list[str]) -> None:
    assert tokens(text) == expected


@given(st.text())
def test_words_are_the_same_each_time_and_hold_no_spaces(text: str) -> None:
    assert tokens(text) == tokens(text)
    assert all(word and not any(letter.isspace() for letter in word) for word in tokens(text))


def unit(*rows: Sequence[float]) -> np.ndarray:
    vectors = np.array(rows, dtype=np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_diversity_leaves_a_planted_duplicate_out() -> None:
    """By hand, lambda 0.5, cosines 0.8, 0.8, 0.6: after row 0 its duplicate has 0.5 * 0.8 - 0.5 * 1 = -0.1, the other 0.5 * 0.6 - 0.5 * 0 = 0.3."""
    hits, vectors, question = [Hit(0, 0.8), Hit(4, 0.8), Hit(2, 0.6)], unit([1, 0], [1, 0], [0, 1]), unit([0.8, 0.6])[0]
    assert [hit.row for hit in diverse(hits, vectors, question, 2, 0.5)] == [0, 2]
    assert [hit.row for hit in diverse(hits, vectors, question, 3, 0.5)] == [0, 2, 4]
    assert [hit.row for hit in diverse([Hit(0, 31.0), Hit(4, 30.0), Hit(2, 1.0)], vectors, question, 2, 0.5)] == [0, 2], "any kind of score"


def test_lambda_of_one_keeps_the_ranking_and_ties_go_to_the_earlier_row() -> None:
    hits, question = [Hit(3, 0.9), Hit(5, 0.9), Hit(1, 0.2)], unit([1, 2])[0]
    assert diverse(hits, unit([1, 0], [0, 1], [1, 1]), question, 3, 1.0) == hits
    assert [hit.row for hit in diverse([Hit(5, 0.9), Hit(3, 0.9)], unit([1, 0], [1, 0]), question, 1, 0.5)] == [3]
    assert diverse([], np.zeros((0, 2), np.float32), question, 3, 0.5) == []
    assert diverse(hits, unit([1, 0], [0, 1], [1, 1]), question, 0, 0.5) == []


def test_diversity_of_a_search_removes_the_duplicate_for_every_retriever(listed: MakeIndex) -> None:
    texts = ["the main pump runs dry and hot"] * 2 + [
        "dry pump bearings crack when hot",
        "the valve is shut",
        "cherries attract the starlings",
    ]
    index = listed(texts)
    for kind in ("dense", "bm25", "hybrid"):
        plain, varied = (
            [
                one.passage.document
                for one in Search(index, Steps(retriever=kind, diversity=diversity)).search([Query("the main pump is dry and hot")], 2)[0]
            ]
            for diversity in (0.0, 0.5)
        )
        assert plain == ["0.md", "1.md"]
        assert varied[0] == "0.md" and varied[1] in ("2.md", "3.md")


class Longest:
    """A stand-in for a cross-encoder: the longer a passage, the better."""

    def __init__(self) -> None:
        self.read: list[int] = []

    def scores(self, question: str, texts: Sequence[str]) -> np.ndarray:
        self.read.append(len(texts))
        return np.array([len(text) for text in texts], dtype=np.float32)


def test_a_re_ranker_orders_the_candidates_and_only_those(listed: MakeIndex) -> None:
    index, scorer = (
        listed(["pears", "pears and plums", "pears and plums and cherries", "a very long passage about nothing of the kind"]),
        Longest(),
    )
    found = Search(index, Steps(retriever="bm25", scorer=scorer, candidates=30)).search([Query("pears"), Query("zebra")], 2)
    assert [[one.passage.document for one in hits] for hits in found] == [["2.md", "1.md"], []]
    assert (found[0][0].score, scorer.read) == (28.0, [3])


def test_re_ranking_ties_go_to_the_earlier_row() -> None:
    assert [hit.row for hit in reranked(Longest(), "?", [Hit(9, 3.0), Hit(2, 2.0), Hit(4, 1.0)], ["ab", "ab", "abc"])] == [4, 2, 9]
    assert reranked(Longest(), "?", [], []) == []


@pytest.mark.parametrize("kind", ["dense", "bm25", "hybrid"])
def test_the_threshold_is_a_cosine_whatever_the_retriever_scores_by(kind: str, listed: MakeIndex) -> None:
    index = listed(["pears keep in a cellar", "pears", "plums and pears and apples and quinces and cherries"])
    question = HashEmbedder().embed(["pears keep in a cellar"], "query")[0]
    cosines = index.vectors([0, 1, 2]) @ question
    between = [float(a + b) / 2 for a, b in zip(sorted(cosines), sorted(cosines)[1:], strict=False)]
    for least in (*between, -1.0, 1.0):
        found = Search(index, Steps(retriever=kind, min_score=least)).search([Query("pears keep in a cellar")], 3)[0]
        assert {one.passage.document for one in found} == {f"{row}.md" for row in range(3) if cosines[row] >= least - 1e-5}
    assert Search(index, Steps(retriever=kind, min_score=1.0)).search([Query("starlings")], 3) == [[]]


def test_further_wordings_are_searched_for_and_fused(listed: MakeIndex) -> None:
    index = listed(["the pump is dry", "the valve is shut", "cherries attract starlings"])
    search = Search(index, Steps(retriever="bm25"))
    assert [one.passage.document for one in search.search([Query("pump")], 3)[0]] == ["0.md"]
    found = search.search([Query("pump", further=("shut valve", "", "valve"))], 3)[0]
    assert [one.passage.document for one in found] == ["1.md", "0.md"]  # 1/61 + 1/61 before 1/61


def test_an_imagined_passage_is_embedded_as_a_passage_and_averaged(listed: MakeIndex) -> None:
    seen: list[tuple[str, tuple[str, ...]]] = []

    class Listening(HashEmbedder):
        def embed(self, texts: Sequence[str], kind: str = "passage") -> np.ndarray:
            seen.append((kind, tuple(texts)))
            return super().embed(texts, kind)

    index = listed(["the pump is dry", "starlings eat cherries"], Listening())
    seen.clear()
    query = Query("which birds like fruit", imagined="starlings eat cherries")
    found = Search(index, Steps()).search([query, Query("pump")], 1)
    assert seen == [("query", ("which birds like fruit", "pump")), ("passage", ("starlings eat cherries",))]
    both = HashEmbedder().embed(["which birds like fruit", "starlings eat cherries"])
    assert found[0][0].passage.document == "1.md"
    assert found[0][0].score == pytest.approx(float(both[1] @ (both[0] + both[1]) / np.linalg.norm(both[0] + both[1])), abs=1e-4)
    lexical = Search(index, Steps(retriever="bm25")).search([query], 2)[0]
    assert [one.passage.document for one in lexical] == ["1.md"]


def test_each_step_says_what_it_took(listed: MakeIndex) -> None:
    search = Search(listed(["a pump", "a valve"]), Steps(diversity=0.5, scorer=Longest()))
    search.search([Query("pump")], 1)
    assert set(search.seconds) == {"embed", "retrieve", "rerank", "choose"} and min(search.seconds.values()) >= 0


MANUALS = [
    Document("guides/pump.md", "pump", about=(("author", "Ada"), ("year", "2024"))),
    Document("guides/valve.md", "valve", about=(("author", "Bo"),)),
    Document("notes/pump.md", "note", about=(("author", "Ada"),)),
    Document("plain.txt", "plain"),
]


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ({}, [True, True, True, True]),
        ({"document": "guides/*"}, [True, True, False, False]),
        ({"document": ("*.txt", "notes/*")}, [False, False, True, True]),
        ({"author": "Ada"}, [True, False, True, False]),
        ({"author": ("Ada", "Bo"), "document": "guides/*"}, [True, True, False, False]),
        ({"author": "ada"}, [False] * 4),
        ({"author": "A*"}, [False] * 4),
        ({"year": "2024", "author": "Bo"}, [False] * 4),
        ({"publisher": ""}, [False] * 4),
    ],
)
def test_a_document_must_pass_all_keys(where: dict[str, Any], expected: list[bool]) -> None:
    assert [passes(document, where) for document in MANUALS] == expected


def test_passages_of_forbidden_and_of_unknown_documents_may_not_be_found() -> None:
    passages = [Passage(f"{name}#0", name, "text", 0, 4) for name in ("plain.txt", "guides/pump.md", "gone.md")]
    assert allowed_rows(passages, MANUALS, {}) is None
    allowed = allowed_rows(passages, MANUALS, {"document": "*.*"})
    assert allowed is not None and list(allowed) == [True, True, False]
    assert unknown_keys(MANUALS, {"auther": "Ada", "year": "1"}) == (["auther"], ["author", "document", "year"])
