"""Laws of every registered retriever, and what each of them is for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.records import Retrieved
from models.fake import HashEmbedder
from retrieval.base import Probe, retrievers
from retrieval.search.fusion import fused
from retrieval.search.pipeline import Query, Search, Steps

MakeIndex = Callable[..., Any]
EVERY = pytest.mark.parametrize("kind", retrievers.names())
FRUIT = [
    "apples ripen in september",
    "pears keep in a cool cellar",
    "plums stain the tablecloth",
    "cherries attract starlings",
    "quinces smell of honey",
]


def search(index: Any, kind: str, questions: list[str], top_k: int, **steps: Any) -> list[list[Retrieved]]:
    return Search(index, Steps(retriever=kind, **steps)).search([Query(question) for question in questions], top_k)


def names(found: list[Retrieved]) -> list[str]:
    return [one.passage.document for one in found]


def test_dense_bm25_and_hybrid_are_there() -> None:
    assert retrievers.names() == ["dense", "bm25", "hybrid"]


@EVERY
def test_results_are_best_first_with_ranks_from_zero(kind: str, listed: MakeIndex) -> None:
    found = search(listed(FRUIT), kind, ["pears keep in a cellar"], 5)[0]
    assert names(found)[0] == "1.md"
    assert [one.rank for one in found] == list(range(len(found)))
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)


@EVERY
@pytest.mark.parametrize("top_k", [1, 3, 12])
def test_ties_go_to_the_earlier_passage_even_across_the_cut(kind: str, listed: MakeIndex, top_k: int) -> None:
    index = listed(["nothing alike", *["the very same words"] * 12])
    assert names(search(index, kind, ["same words"], top_k)[0]) == [f"{i + 1}.md" for i in range(top_k)]


@EVERY
@pytest.mark.parametrize("blank", ["", "  \n"])
def test_a_blank_question_finds_nothing_and_takes_nothing_from_the_others(kind: str, listed: MakeIndex, blank: str) -> None:
    found = search(listed(FRUIT), kind, [blank, FRUIT[2], blank], 2)
    assert (found[0], found[2]) == ([], [])
    assert names(found[1])[0] == "2.md"


@EVERY
def test_an_empty_index_a_count_of_none_and_no_questions_find_nothing(kind: str, listed: MakeIndex) -> None:
    assert search(listed([]), kind, ["plums"], 3) == [[]]
    assert search(listed(FRUIT), kind, ["plums"], 0) == [[]]
    assert search(listed(FRUIT), kind, [], 3) == []


@EVERY
def test_more_passages_than_there_are_gives_each_once_at_most(kind: str, listed: MakeIndex) -> None:
    """E17: no phantom passage beyond the last one."""
    found = names(search(listed(FRUIT), kind, [" ".join(FRUIT)], 50)[0])
    assert sorted(found) == [f"{i}.md" for i in range(5)]


@EVERY
def test_one_passage_is_enough(kind: str, listed: MakeIndex) -> None:
    assert names(search(listed(FRUIT[:1]), kind, ["When do apples ripen?"], 3)[0]) == ["0.md"]


@EVERY
def test_words_are_found_in_any_script_and_any_case(kind: str, listed: MakeIndex) -> None:
    index = listed(["ÜBER DIE STRASSE", "Цены на яблоки", "हिन्दी भाषा में उत्तर", "nothing at all"])
    questions = ["über", "ЯБЛОКИ", "हिन्दी में"]
    assert [names(found)[0] for found in search(index, kind, questions, 1)] == ["0.md", "1.md", "2.md"]


@EVERY
@settings(deadline=None, max_examples=25)
@given(
    questions=st.lists(st.sampled_from([*FRUIT, "", "a", "in the cellar", "honey 🙂"]), min_size=1, max_size=8),
    top_k=st.integers(1, 6),
    diversity=st.sampled_from([0.0, 0.5]),
)
def test_a_question_finds_the_same_whatever_is_asked_beside_it(kind: str, questions: list[str], top_k: int, diversity: float) -> None:
    index = FOR_LAWS[0]
    together = search(index, kind, questions, top_k, diversity=diversity)
    assert together == [search(index, kind, [question], top_k, diversity=diversity)[0] for question in questions]


FOR_LAWS: list[Any] = []


@pytest.fixture(autouse=True)
def _index_for_laws(listed: MakeIndex) -> None:
    FOR_LAWS[:] = [listed(FRUIT)]


@EVERY
def test_a_filter_never_lets_a_forbidden_passage_through(kind: str, listed: MakeIndex) -> None:
    index = listed(["plums here", "plums there", "plums everywhere", "pears"])
    for allowed in ([False, True, False, True], [False] * 4, [True] * 4):
        mask = np.array(allowed)
        found = search(index, kind, ["plums", "pears"], 4, allowed=mask)
        assert all(allowed[int(one.passage.document[0])] for hits in found for one in hits)
        assert any(found) == any(allowed)


@EVERY
def test_probes_beyond_the_count_are_ranked_in_their_order(kind: str, listed: MakeIndex) -> None:
    index = listed(FRUIT)
    vectors = HashEmbedder().embed(FRUIT, "query")
    probes = [Probe(text, vector) for text, vector in zip(FRUIT, vectors, strict=True)]
    assert [hits[0].row for hits in retrievers.get(kind)(index).rank(probes, 2)] == [0, 1, 2, 3, 4]


def test_bm25_finds_nothing_where_no_word_is_shared(listed: MakeIndex) -> None:
    assert search(listed(FRUIT), "bm25", ["zebra", "!?"], 3) == [[], []]
    assert search(listed(["!?", "…"]), "bm25", ["zebra", "!?"], 3) == [[], []]


RARE = ["Error E-4711 means that the pump is dry."] + [f"Error E-{4000 + i} means that valve {i} is shut." for i in range(30)]
SAID_OTHERWISE = [
    "Refunds reach your bank account within five working days.",
    "The kettle must be descaled every month with vinegar.",
    "Our shop is closed on public holidays.",
    "Children under six travel free of charge.",
    "The warranty lasts two years from the day of purchase.",
]
QUESTIONS = {
    "When do I get my money back?": 0,
    "How do I clean limestone out of the water boiler?": 1,
    "Can I visit you on Christmas Day?": 2,
    "What does a ticket for a toddler cost?": 3,
}


@pytest.fixture(scope="module")
def sentence_embedder(models_home: Path) -> Any:
    from models.loading import load_embedder

    return load_embedder("embedded/all-minilm-l6-v2", models_home, 1)


def mean_reciprocal_rank(index: Any, kind: str, gold: dict[str, int]) -> float:
    found = search(index, kind, list(gold), len(index.passages))
    ranks = [names(hits).index(f"{row}.md") if f"{row}.md" in names(hits) else None for hits, row in zip(found, gold.values(), strict=True)]
    return sum(1 / (rank + 1) for rank in ranks if rank is not None) / len(ranks)


def test_bm25_wins_where_rare_words_are_asked_for_and_hybrid_is_second(sentence_embedder: Any, listed: MakeIndex) -> None:
    """Ten error codes among sentences that say nearly the same: to a vector they are all alike."""
    index = listed(RARE, sentence_embedder)
    gold = {f"what is wrong when it shows E-{4000 + i}": i + 1 for i in range(10)}
    dense, bm25, hybrid = (mean_reciprocal_rank(index, kind, gold) for kind in ("dense", "bm25", "hybrid"))
    assert bm25 == 1.0 and bm25 >= hybrid > dense


def test_dense_wins_where_the_answer_is_said_in_other_words_and_hybrid_is_second(sentence_embedder: Any, listed: MakeIndex) -> None:
    index = listed(SAID_OTHERWISE, sentence_embedder)
    dense, bm25, hybrid = (mean_reciprocal_rank(index, kind, QUESTIONS) for kind in ("dense", "bm25", "hybrid"))
    assert dense == 1.0 and dense >= hybrid > bm25


def test_rankings_are_fused_by_their_ranks_alone() -> None:
    """By hand: row 7 is first and second, 1/61 + 1/62; row 3 second alone, 1/62; rows 5 and 9 tie, and 5 is earlier."""
    from retrieval.base import Hit

    found = fused([[Hit(7, 0.9), Hit(3, 0.8)], [Hit(5, 40.0), Hit(7, 3.0)], [Hit(9, 0.1)]])
    assert [hit.row for hit in found] == [7, 5, 9, 3]
    assert found[0].score == pytest.approx(1 / 61 + 1 / 62)
    assert found[1].score == found[2].score == pytest.approx(1 / 61)
    assert fused([]) == [] and fused([[], []]) == []
