"""Recall, precision, reciprocal rank and nDCG, worked out by hand and beside scikit-learn's."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.records import Score, Unscored
from evaluation.ranking import MEASURES, ndcg, precision, recall, reciprocal_rank

RANKED = ["d3", "d1", "d7", "d2", "d9"]
GOLD = {"d1", "d2", "d4"}
SECOND, THIRD, FOURTH = 1 / math.log2(3), 1 / math.log2(4), 1 / math.log2(5)


def value(scored: object) -> float:
    assert isinstance(scored, Score)
    return scored.value


@pytest.mark.parametrize(
    ("k", "recalled", "precise", "reciprocal", "gain"),
    [
        (1, 0, 0, 0, 0),
        (2, 1 / 3, 1 / 2, 1 / 2, SECOND / (1 + SECOND)),
        (3, 1 / 3, 1 / 3, 1 / 2, SECOND / (1 + SECOND + THIRD)),
        (4, 2 / 3, 2 / 4, 1 / 2, (SECOND + FOURTH) / (1 + SECOND + THIRD)),
        (5, 2 / 3, 2 / 5, 1 / 2, (SECOND + FOURTH) / (1 + SECOND + THIRD)),
        (10, 2 / 3, 2 / 10, 1 / 2, (SECOND + FOURTH) / (1 + SECOND + THIRD)),
    ],
)
def test_three_gold_ids_of_which_two_are_found_second_and_fourth(
    k: int, recalled: float, precise: float, reciprocal: float, gain: float
) -> None:
    assert value(recall(RANKED, GOLD, k)) == recalled
    assert value(precision(RANKED, GOLD, k)) == precise
    assert value(reciprocal_rank(RANKED, GOLD, k)) == reciprocal
    assert value(ndcg(RANKED, GOLD, k)) == pytest.approx(gain, abs=1e-15)


def test_figures_that_can_be_looked_up() -> None:
    """Found second and fourth of three: (0.6309 + 0.4307) / (1 + 0.6309 + 0.5)."""
    assert value(ndcg(RANKED, GOLD, 5)) == pytest.approx(0.4982, abs=5e-5)
    assert value(ndcg(["b", "a"], {"a"}, 3)) == pytest.approx(0.6309, abs=5e-5)


def test_the_best_ranking_has_ones_even_where_more_is_gold_than_k() -> None:
    assert (
        value(ndcg(["d1", "d2"], GOLD, 2)) == value(reciprocal_rank(["d1", "d2"], GOLD, 2)) == value(precision(["d1", "d2"], GOLD, 2)) == 1
    )
    assert value(recall(["d1", "d2"], GOLD, 2)) == 2 / 3


def test_fewer_than_k_found_counts_as_the_rest_not_relevant() -> None:
    assert value(precision(["d1"], {"d1"}, 4)) == 1 / 4
    assert [value(measure([], {"d1"}, 3)) for measure in MEASURES.values()] == [0, 0, 0, 0]


def test_a_document_that_stands_there_twice_is_recalled_once_and_fills_two_places() -> None:
    twice = ["a", "a", "b"]
    assert value(recall(twice, {"a", "b"}, 2)) == 1 / 2 and value(precision(twice, {"a", "b"}, 2)) == 1
    assert value(ndcg(twice, {"a", "b"}, 3)) == pytest.approx((1 + THIRD) / (1 + SECOND))


@pytest.mark.parametrize("measure", MEASURES.values(), ids=list(MEASURES))
def test_without_gold_there_is_a_reason_and_never_a_zero(measure: object) -> None:
    found = measure(RANKED, frozenset(), 3)  # type: ignore[operator]
    assert isinstance(found, Unscored) and "not known" in found.reason


@pytest.mark.parametrize("measure", MEASURES.values(), ids=list(MEASURES))
def test_k_below_one_is_refused(measure: object) -> None:
    with pytest.raises(ValueError, match="k must be at least 1; got 0"):
        measure(RANKED, GOLD, 0)  # type: ignore[operator]


rankings = st.lists(st.sampled_from("abcdefgh"), unique=True, min_size=2)
golds = st.sets(st.sampled_from("abcdefgh"), min_size=1)


@settings(deadline=None, max_examples=60)
@given(rankings, golds, st.integers(1, 10))
def test_ndcg_is_scikit_learns(ranked: list[str], gold: set[str], k: int) -> None:
    """Ids that were not found stand behind all that were, as far as its list of all ids needs them; so k reaches as far as what was found."""
    from sklearn.metrics import ndcg_score

    everything = [*ranked, *sorted(set("abcdefgh") - set(ranked))]
    k = min(k, len(ranked))
    theirs = ndcg_score([[name in gold for name in everything]], [[-place for place in range(len(everything))]], k=k)
    assert value(ndcg(ranked, gold, k)) == pytest.approx(float(theirs), abs=1e-12)


@settings(deadline=None, max_examples=60)
@given(rankings, golds, st.integers(1, 10))
def test_all_lie_between_0_and_1_and_recall_never_falls_with_k(ranked: list[str], gold: set[str], k: int) -> None:
    assert all(0 <= value(measure(ranked, gold, k)) <= 1 for measure in MEASURES.values())
    assert value(recall(ranked, gold, k)) <= value(recall(ranked, gold, k + 1))
    assert value(reciprocal_rank(ranked, gold, k)) <= value(reciprocal_rank(ranked, gold, k + 1))
