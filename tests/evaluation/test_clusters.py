"""Groups of items as one observation each: what is drawn, how many there are, and what few of them can say."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from core.records import Score
from evaluation.base import MetricInfo
from evaluation.clusters import counted, standard_error, units
from evaluation.compare import scoreboard
from evaluation.statistics import mean_interval, minimum_detectable_difference, paired_difference

FAST = 500
PAIRS = [name for name in "abcdefghij" for _ in range(2)]
scores = st.floats(0, 1).map(lambda x: round(x, 3))
grouped = st.lists(st.tuples(scores, scores, st.sampled_from(["", "a", "b", "c", "d", "e", "f", "g"])), min_size=2, max_size=40)


def test_sums_and_sizes_as_worked_out_by_hand() -> None:
    drawn = units(np.array([1.0, 0.5, 0.25, 0.0]), ["x", "", "x", "y"])
    assert drawn.sums.tolist() == [0.0, 0.5, 1.25] and drawn.sizes is not None and drawn.sizes.tolist() == [1.0, 1.0, 2.0]
    assert drawn.effective == pytest.approx(16 / 6) and drawn.items == 4


def test_groups_of_one_item_each_are_no_groups() -> None:
    for groups in (["a", "b", "c"], ["", "", ""], None):
        assert not units(np.array([0.1, 0.2, 0.3]), groups).clustered
    assert counted(["a", "b", ""]) is None
    values = [0.1, 0.9, 0.4, 0.4, 0.7]
    assert mean_interval(values, groups=list("vwxyz"), resamples=FAST) == mean_interval(values, resamples=FAST)


@pytest.mark.parametrize(("groups", "expected"), [("aabbcc", (3, 3.0)), ("aaaabc", (3, 2.0)), ("aab", (2, 9 / 5))])
def test_unequal_groups_are_worth_fewer_equal_ones(groups: str, expected: tuple[int, float]) -> None:
    assert counted(list(groups)) == (expected[0], pytest.approx(expected[1]))


def test_equal_groups_are_the_bootstrap_of_their_means() -> None:
    """E27: with two items in each, the interval is that of ten means, not of twenty items."""
    values = np.random.default_rng(3).random(20)
    means = values.reshape(10, 2).mean(axis=1)
    found, expected = mean_interval(values.tolist(), groups=PAIRS), mean_interval(means.tolist())
    assert found[:3] == pytest.approx(expected[:3]) and found.n == 20


def test_the_standard_error_is_the_linearised_one_of_a_ratio() -> None:
    """With equal sizes that of the groups' means; with unequal ones by the formula of Cochran (1977, section 9A.3)."""
    values = np.random.default_rng(1).random(20)
    assert standard_error(values, PAIRS) == pytest.approx(stats.sem(values.reshape(10, 2).mean(axis=1)))
    assert standard_error(values) == pytest.approx(stats.sem(values))
    unequal = np.array([0.0, 1.0, 1.0, 0.5])  # groups: {0, 1}, {1, 0.5}; mean 0.625; residuals -0.25 and 0.25
    assert standard_error(unequal, list("aabb")) == pytest.approx(math.sqrt(2 * 2 * 0.0625) / 4)
    three = np.array([0.0, 1.0, 1.0, 0.5, 0.5])  # mean 0.6; residuals -0.2, 0.3, -0.1
    assert standard_error(three, list("aabbc")) == pytest.approx(math.sqrt(1.5 * (0.04 + 0.09 + 0.01)) / 5)


def test_signs_change_by_group() -> None:
    """E27: six items of two groups that all went one way are two observations: p is 2 / 4, not 2 / 64."""
    found = paired_difference([0.6] * 6, [0.1] * 6, groups=list("aaabbb"))
    assert (found.p_value, found.test) == (0.5, "group permutation")
    assert found.note is not None and "2 of 2 groups differ" in found.note and "the items fall into 2 groups" in found.note


def test_right_or_wrong_in_groups_is_no_mcnemar_but_still_counts_who_is_right() -> None:
    """E27"""
    a, b = [1.0] * 12 + [0.0] * 8, [0.0] * 12 + [0.0] * 8
    found = paired_difference(a, b, groups=PAIRS)
    assert (found.test, found.only_a, found.only_b, found.p_value) == ("group permutation", 12, 0, 2 / 64)
    assert paired_difference(a, b).p_value == pytest.approx(2 / 2**12)


@pytest.mark.parametrize("groups", ["aaabbbcccddd", "aaaaaaaaabcd", "aabbccddeeff"[:8]])
def test_fewer_than_five_groups_have_no_interval_and_the_reason(groups: str) -> None:
    """E27: neither four groups, nor four of which one holds most items."""
    values = np.random.default_rng(0).random(len(groups)).tolist()
    mean, low, high, n = mean_interval(values, groups=list(groups))
    assert mean == pytest.approx(np.mean(values)) and (low, high, n) == (None, None, len(groups))
    found = paired_difference(values, [0.0] * len(values), groups=list(groups))
    assert (found.low, found.high) == (None, None) and "it takes 5" in (found.note or "") and found.p_value is not None


def test_all_right_or_never_different_counts_the_groups_and_not_the_items() -> None:
    """E27: twenty right answers in ten groups are ten observations for Wilson; for Agresti and Min as well."""
    right = mean_interval([1.0] * 20, groups=PAIRS, share=True)
    assert right[1:3] == pytest.approx(mean_interval([1.0] * 10, share=True)[1:3])
    never = paired_difference([1.0] * 20, [1.0] * 20, groups=PAIRS)
    assert (never.low, never.high) == pytest.approx((-1.959964 / 12, 1.959964 / 12))


@given(grouped, st.randoms())
@settings(max_examples=60)
def test_order_of_items_and_names_of_groups_do_not_matter_and_swapping_turns_the_sign(rows: Any, random: Any) -> None:
    def found(rows: Any, rename: Any = str) -> Any:
        a, b, groups = zip(*rows, strict=True)
        return paired_difference(a, b, groups=[rename(g) if g else "" for g in groups], resamples=FAST, flips=FAST)

    there = found(rows)
    assert found(random.sample(rows, len(rows)), str.upper) == there
    back = found([(b, a, g) for a, b, g in rows])
    turned = tuple(None if end is None else 0.0 - end for end in (there.difference, there.high, there.low))
    assert (back.difference, back.low, back.high, back.p_value) == (*turned, there.p_value)
    assert (back.only_a, back.only_b, back.note, back.item_error) == (there.only_b, there.only_a, there.note, there.item_error)


def test_lengths_must_agree() -> None:
    with pytest.raises(ValueError, match="got 1 for 2"):
        mean_interval([0.1, 0.2], groups=["a"])


def test_the_scoreboard_states_groups_and_takes_them_into_means_pairs_and_power() -> None:
    """E27: and items without a group, or methods' gaps, do not disturb it."""
    rng = np.random.default_rng(2)
    base = np.repeat(rng.random(12), 4)
    rows = {name: {f"i{n:02d}": Score(float(v)) for n, v in enumerate(base * factor)} for name, factor in (("a", 1.0), ("b", 0.8))}
    groups = {f"i{n:02d}": f"g{n // 4}" for n in range(44)}
    info = {"f1": MetricInfo("f1", "token F1")}
    single, found = scoreboard({"f1": rows}, info, ["a", "b"]), scoreboard({"f1": rows}, info, ["a", "b"], groups=groups)
    summary = found.summaries["a"]["f1"]
    assert (summary["clusters"], summary["effective_clusters"]) == (15, pytest.approx(48**2 / (11 * 16 + 4)))
    assert summary["mean"] == single.summaries["a"]["f1"]["mean"] and single.summaries["a"]["f1"]["clusters"] is None
    wide, narrow = found.pairwise[0], single.pairwise[0]
    assert wide["test"] == "group permutation" and wide["difference"] == narrow["difference"]
    assert (wide["item_error"] or 0) > 1.5 * (narrow["item_error"] or 0)
    names = [groups.get(f"i{n:02d}", "") for n in range(48)]
    detectable = minimum_detectable_difference((base * 0.2).tolist(), groups=names)
    assert found.power["f1"]["minimum_detectable_difference"] == pytest.approx(detectable)


def test_few_groups_on_the_scoreboard_have_means_and_a_note() -> None:
    rows = {"a": {f"i{n}": Score(n / 10) for n in range(9)}}
    summary = scoreboard({"f1": rows}, {"f1": MetricInfo("f1", "F1")}, ["a"], groups={f"i{n}": f"g{n // 3}" for n in range(9)})
    found = summary.summaries["a"]["f1"]
    assert found["mean"] == pytest.approx(0.4) and found["ci_low"] is None
    assert found["note"] == "no interval: the items fall into 3 groups, worth 3.0 of equal size, and it takes 5"
