from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from core.records import Passage, Retrieved
from retrieval.packing import pack


def ranked(*texts: str) -> list[Retrieved]:
    return [Retrieved(Passage(f"d#{i}", "d", text, 0, len(text)), 1 - i / 10, i) for i, text in enumerate(texts)]


def wrap(passages: Sequence[Retrieved]) -> str:
    return " ".join([*(r.passage.text for r in passages), "QUESTION"])


def words(text: str) -> int:
    return len(text.split())


def test_the_least_relevant_passages_are_dropped_first() -> None:
    found = ranked("a b c", "d e", "f")
    assert pack(found, 6, words, wrap) == ((found[0], found[1]), (found[2],))


def test_a_small_passage_never_overtakes_a_more_relevant_one_that_does_not_fit() -> None:
    found = ranked("a b c d e f g", "h")
    assert pack(found, 3, words, wrap).kept == ()


def test_where_even_the_question_does_not_fit_nothing_is_kept() -> None:
    assert pack(ranked("a"), 0, words, wrap) == ((), tuple(ranked("a")))


def test_no_passages_is_no_trouble() -> None:
    assert pack([], 5, words, wrap) == ((), ())


@given(st.lists(st.integers(1, 9), max_size=12), st.integers(0, 60))
def test_what_is_kept_fits_and_one_more_would_not(lengths: list[int], budget: int) -> None:
    found = ranked(*["w " * n for n in lengths])
    kept, dropped = pack(found, budget, words, wrap)
    assert [*kept, *dropped] == found
    assert not kept or words(wrap(kept)) <= budget
    assert not dropped or words(wrap(found[: len(kept) + 1])) > budget
