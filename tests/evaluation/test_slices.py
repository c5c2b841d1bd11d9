"""Scores by parts of the test set."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.records import Example, Score, Unscored
from evaluation.slices import COLUMN, GROUP, LABEL, LENGTH, MOST, REST, Cell, facets, sliced


def example(place: int, words: int = 1, **more: str) -> Example:
    group, label = more.pop("group", ""), more.pop("label", "x")
    return Example(str(place), "", "word " * words, label, group=group, columns=more)


def test_lengths_are_cut_into_thirds_and_equal_ones_never_parted() -> None:
    found = facets([example(n, words) for n, words in enumerate((1, 2, 3, 3, 3, 8, 9, 9, 20))])[LENGTH]
    assert [found[str(n)] for n in range(9)] == ["1 to 3 words"] * 5 + ["8 words"] + ["9 to 20 words"] * 3


@given(st.lists(st.integers(1, 6), min_size=1, max_size=40))
def test_every_item_lies_in_exactly_one_third(lengths: list[int]) -> None:
    found = facets([example(n, words) for n, words in enumerate(lengths)]).get(LENGTH)
    if found is None:
        assert 3 * lengths.count(max(lengths)) >= 2 * len(lengths) - 2, "only where one value fills two thirds"
        return
    assert set(found) == {str(n) for n in range(len(lengths))} and 2 <= len(set(found.values())) <= 3


def test_label_group_and_columns_are_facets_where_they_tell_items_apart() -> None:
    items = [example(n, label="ab"[n % 2], group=f"g{n % 3}", team="red", price=str(n), kind="" if n else "odd") for n in range(9)]
    found = facets(items, ("a", "b"))
    assert set(found) == {LABEL, GROUP, f"{COLUMN}price"}, "one length, one team, one kind: nothing to tell apart"
    assert set(found[f"{COLUMN}price"].values()) == {"0 to 2", "3 to 5", "6 to 8"}
    assert LABEL not in facets(items)


def test_many_values_become_the_commonest_and_the_rest() -> None:
    found = facets([example(n, name=f"n{n % 30}") for n in range(60)])[f"{COLUMN}name"]
    assert len(set(found.values())) == MOST and REST in found.values()


def test_a_small_slice_has_a_mean_and_no_interval() -> None:
    facet = {str(n): "big" if n < 6 else "tiny" for n in range(8)}
    scores = {"rag": {str(n): Score(n % 2) for n in range(8)}}
    big, tiny = sliced(facet, scores)
    assert (big.n, big.small, big.cells["rag"].mean) == (6, False, 0.5) and big.cells["rag"].low is not None
    assert (tiny.n, tiny.small) == (2, True) and tiny.cells["rag"] == Cell(0.5, None, None, 2)


def test_all_methods_are_sliced_over_the_same_items() -> None:
    facet = {"a": "x", "b": "x", "c": "y"}
    scores = {"one": {"a": Score(1), "b": Score(0), "c": Unscored("no")}, "two": {"a": Score(0), "b": Score(1), "c": Score(1)}}
    x, y = sliced(facet, scores)
    assert x.n == 2 and y.n == 0 and y.cells["two"] == Cell(None, None, None, 0)
    failed = sliced(facet, {**scores, "three": {}})
    assert failed[0].n == 2 and failed[0].cells["three"].mean is None, "a method that failed altogether costs the others no items"


@pytest.mark.parametrize("value", ["nan", "inf", "1e400", ""])
def test_odd_numbers_are_values_like_any_other(value: str) -> None:
    found = facets([example(n, price=str(n) if n else value) for n in range(9)])[f"{COLUMN}price"]
    assert set(found) == {str(n) for n in range(9) if n or value}
    assert len(set(found.values())) == (9 if value else 3), "a number that is none keeps the others from being cut into thirds"


def test_without_scores_there_are_slices_and_no_means() -> None:
    assert [part.n for part in sliced({"a": "x"}, {})] == [0] and sliced({}, {}) == [] and facets([]) == {}
