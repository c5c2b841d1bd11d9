"""Agreement between raters, against published examples."""

from __future__ import annotations

import pytest

from evaluation.agreement import TOO_ALIKE, krippendorff_alpha, spearman, weighted_kappa


def units(*rows: str) -> dict[int, dict[int, str]]:
    """One row of single-letter marks for each rater; a dot is a unit that the rater left out."""
    marks = [row.split() for row in rows]
    return {unit: {rater: mark[unit] for rater, mark in enumerate(marks) if mark[unit] != "."} for unit in range(len(marks[0]))}


FOUR_OBSERVERS = units(
    "1 2 3 3 2 1 4 1 2 . . .",
    "1 2 3 3 2 2 4 1 2 5 . 3",
    ". 3 3 3 2 3 4 2 2 5 1 .",
    "1 2 3 3 2 4 4 1 2 5 1 .",
)
"""Krippendorff (2011), "Computing Krippendorff's alpha-reliability", section C: four observers, twelve units, gaps."""


def test_alpha_gives_the_published_values_for_several_raters_with_gaps() -> None:
    """Krippendorff (2011), C and D: 0.743 nominal, 0.815 ordinal. The last unit has one mark and takes no part."""
    nominal, ordinal = krippendorff_alpha(FOUR_OBSERVERS), krippendorff_alpha(FOUR_OBSERVERS, "ordinal", "12345")
    assert nominal.value == pytest.approx(0.743, abs=0.0005) and nominal.n == 11
    assert ordinal.value == pytest.approx(0.815, abs=0.0005)


def test_alpha_gives_the_published_values_for_two_raters() -> None:
    """Krippendorff (2011), A (ten articles, 0 or 1: 0.095) and B (twelve units, five categories: 0.692)."""
    articles = krippendorff_alpha(units("0 1 0 0 0 0 0 0 1 0", "1 1 1 0 0 1 0 0 0 0"))
    categories = krippendorff_alpha(units("a a b b d c c c e d d a", "b a b b b c c c e d d d"))
    assert articles.value == pytest.approx(0.095, abs=0.0005)
    assert categories.value == pytest.approx(0.692, abs=0.0005)


def test_alpha_is_one_for_the_same_marks_and_below_zero_for_opposite_ones() -> None:
    assert krippendorff_alpha(units("a b a", "a b a")).value == pytest.approx(1.0)
    found = krippendorff_alpha(units("a b a b", "b a b a")).value
    assert found is not None and found < 0


def test_a_far_miss_costs_ordinal_alpha_more_than_a_near_one() -> None:
    near = krippendorff_alpha(units("1 2 3 1 2 3 1", "1 2 3 1 2 3 2"), "ordinal", "123").value
    far = krippendorff_alpha(units("1 2 3 1 2 3 1", "1 2 3 1 2 3 3"), "ordinal", "123").value
    assert near is not None and far is not None and far < near < 1


def test_alpha_says_why_there_is_none() -> None:
    assert krippendorff_alpha({}).reason == "no item was marked by two raters"
    assert krippendorff_alpha(units("a . b", ". a .")) == (None, 0, "no item was marked by two raters")
    assert krippendorff_alpha(units("a a", "a a")) == (None, 2, TOO_ALIKE)


def test_ordinal_alpha_refuses_a_value_outside_its_order() -> None:
    with pytest.raises(ValueError, match="stand in the order"):
        krippendorff_alpha(units("1 9", "1 2"), "ordinal", "12")


XEROMAMMOGRAMS = [[21, 12, 0, 0], [4, 17, 1, 0], [3, 9, 15, 2], [0, 0, 0, 1]]
"""Two radiologists on 85 xeromammograms: normal, benign, suspected, cancer (Altman 1991, "Practical statistics for medical research", 403)."""


def spread(table: list[list[int]]) -> tuple[list[int], list[int]]:
    cells = [(i, j) for i, row in enumerate(table) for j, count in enumerate(row) for _ in range(count)]
    return [i for i, _ in cells], [j for _, j in cells]


def test_weighted_kappa_gives_the_published_values() -> None:
    """The manual of Stata's `kappa` prints 0.5684 (linear) and 0.6714 (quadratic) for Altman's table; scikit-learn gives the same."""
    a, b = spread(XEROMAMMOGRAMS)
    assert weighted_kappa(a, b, range(4), "linear").value == pytest.approx(0.5684, abs=0.00005)
    assert weighted_kappa(a, b, range(4)).value == pytest.approx(0.6714, abs=0.00005)


def test_weighted_kappa_by_hand_and_its_ends() -> None:
    """Two of four agree; by chance, half of the squared distance: 1 - (2/4) / (1/2) = 0."""
    assert weighted_kappa([0, 0, 1, 1], [0, 1, 0, 1], [0, 1]).value == pytest.approx(0.0)
    assert weighted_kappa([0, 1, 2], [0, 1, 2], [0, 1, 2]).value == pytest.approx(1.0)
    assert weighted_kappa([0, 2], [2, 0], [0, 1, 2]).value == pytest.approx(-1.0)


def test_weighted_kappa_says_why_there_is_none_and_refuses_what_cannot_be() -> None:
    assert weighted_kappa([], [], [1, 2]).reason == "nothing was marked by both"
    assert weighted_kappa([1, 1], [1, 1], [1, 2]).reason == TOO_ALIKE
    with pytest.raises(ValueError, match="same things"):
        weighted_kappa([1], [1, 2], [1, 2])
    with pytest.raises(ValueError, match="order given"):
        weighted_kappa([1], [3], [1, 2])


def test_spearman_by_hand() -> None:
    """Ranks 1 2 3 4 5 against 2 1 4 3 5: 1 - 6 * 4 / (5 * 24) = 0.8."""
    assert spearman([1, 2, 3, 4, 5], [20, 10, 40, 30, 50]).value == pytest.approx(0.8)
    assert spearman([1, 1, 1], [1, 2, 3]).reason == TOO_ALIKE
    assert spearman([1, 2], [1, 2]).value is None
    with pytest.raises(ValueError, match="same things"):
        spearman([1, 2, 3], [1, 2])
