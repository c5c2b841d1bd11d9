import math
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from scipy import stats

from evaluation.resampling import bca, mcnemar_p, sign_flip_p
from evaluation.statistics import (
    TOO_FEW,
    holm,
    items_needed,
    mean_interval,
    minimum_detectable_difference,
    paired_difference,
)

FAST = 500
scores = st.floats(0, 1).map(lambda x: round(x, 3))
samples = st.lists(scores, min_size=2, max_size=30)
pairs = st.lists(st.tuples(scores, scores), min_size=2, max_size=30)


def difference(pairs: Any) -> Any:
    return paired_difference([a for a, _ in pairs], [b for _, b in pairs], resamples=FAST)


def close(a: Any, b: Any) -> bool:
    return all(x == pytest.approx(y, abs=1e-9) for x, y in zip(a, b, strict=True))


# Intervals of a mean


@pytest.mark.parametrize("make", [lambda r: r.normal(0, 1, 60), lambda r: r.exponential(1, 60), lambda r: (r.random(60) < 0.2) * 1.0])
def test_without_widening_the_ends_are_scipysbca(make: Any) -> None:
    values = np.sort(make(np.random.default_rng(3)))
    theirs = stats.bootstrap((values,), np.mean, n_resamples=30_000, method="BCa", rng=np.random.default_rng(0)).confidence_interval
    ours = bca(values, 0.95, 30_000, 0, widen=False)
    assert ours == pytest.approx(tuple(theirs), abs=0.03 * (theirs.high - theirs.low))


def test_few_values_widen_the_interval_and_many_do_not() -> None:
    """E27"""
    rng = np.random.default_rng(5)
    for n, least, most in ((8, 1.1, 1.6), (2000, 0.995, 1.005)):
        values = np.sort(rng.normal(0, 1, n))
        plain, wide = (bca(values, 0.95, 10_000, 0, widen=w) for w in (False, True))
        assert least < (wide[1] - wide[0]) / (plain[1] - plain[0]) < most


def test_equal_values_have_an_interval_of_no_width() -> None:
    assert mean_interval([0.3] * 7)[1:3] == pytest.approx((0.3, 0.3))


def test_one_value_has_a_mean_and_no_interval_and_none_has_neither() -> None:
    assert mean_interval([0.3] * 7, share=True)[1:3] == pytest.approx((0.3, 0.3))
    assert mean_interval([0.4]) == (0.4, None, None, 1)
    assert mean_interval([]) == (None, None, None, 0)


def wilson(right: int, n: int) -> tuple[float, float]:
    """By the formula of Wilson (1927)."""
    z, p = float(stats.norm.ppf(0.975)), right / n
    centre, reach = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return (centre - reach) / (1 + z * z / n), (centre + reach) / (1 + z * z / n)


@pytest.mark.parametrize("right", [0, 1, 4, 16, 19, 20])
def test_right_or_wrong_with_few_of_a_kind_gets_wilsons_interval(right: int) -> None:
    """E27: 20 of 20 right is no proof of always right: [0.84, 1], not [1, 1]."""
    mean, low, high, n = mean_interval([1.0] * right + [0.0] * (20 - right), share=True)
    assert (mean, n) == (right / 20, 20)
    assert (low, high) == pytest.approx(wilson(right, 20), abs=1e-9)
    assert high - low > 0.1


def test_the_bootstrap_is_kept_where_there_are_five_of_each_kind_or_values_between() -> None:
    for values in ([1.0] * 15 + [0.0] * 5, [1.0] * 19 + [0.5]):
        assert mean_interval(values, share=True, resamples=FAST) == mean_interval(values, resamples=FAST)


@given(samples, st.randoms())
@settings(max_examples=40)
def test_the_order_of_items_does_not_matter(values: list[float], random: Any) -> None:
    shuffled = random.sample(values, len(values))
    assert mean_interval(values, resamples=FAST) == mean_interval(shuffled, resamples=FAST)


@given(samples, st.integers(-5, 5), st.integers(1, 50))
@settings(max_examples=40)
def test_shifting_and_stretching_the_scores_does_the_same_to_the_interval(values: list[float], shift: int, factor: int) -> None:
    plain = mean_interval(values, resamples=FAST)
    moved = mean_interval([factor * value + shift for value in values], resamples=FAST)
    assert close(moved[:3], [factor * end + shift for end in plain[:3]])


@given(samples)
@settings(max_examples=40)
def test_the_interval_holds_the_mean_and_stays_within_the_values(values: list[float]) -> None:
    mean, low, high, n = mean_interval(values, resamples=FAST)
    assert min(values) - 1e-9 <= low <= mean <= high <= max(values) + 1e-9 and n == len(values)


def test_what_is_not_a_number_is_refused() -> None:
    with pytest.raises(ValueError, match="finite"):
        mean_interval([0.1, math.nan])


# Paired differences


@given(pairs)
@example([(0.0, 0.25), (1.0, 0.25), (0.25, 0.0), (0.25, 1.0)])
@settings(max_examples=60)
def test_swapping_the_methods_turns_the_sign_and_nothing_else(pairs: Any) -> None:
    there, back = difference(pairs), difference([(b, a) for a, b in pairs])
    assert (back.difference, back.low, back.high, back.p_value) == (-there.difference, -there.high, -there.low, there.p_value)


@given(pairs, st.randoms())
@settings(max_examples=40)
def test_the_order_of_pairs_does_not_matter(pairs: Any, random: Any) -> None:
    assert difference(pairs) == difference(random.sample(pairs, len(pairs)))


@given(pairs, st.integers(-3, 3))
@settings(max_examples=40)
def test_a_constant_for_both_methods_changes_nothing(pairs: Any, shift: int) -> None:
    """But for scores that are right or wrong, which are so no longer."""
    assume(not {score for pair in pairs for score in pair} <= {0, 1} or shift == 0)
    assume(not {score + shift for pair in pairs for score in pair} <= {0, 1} or shift == 0)
    assert close(difference(pairs), difference([(a + shift, b + shift) for a, b in pairs]))


@given(pairs)
@settings(max_examples=60)
def test_p_is_above_0_and_at_most_1_and_the_interval_holds_the_difference(pairs: Any) -> None:
    found = difference(pairs)
    assert 0 < found.p_value <= 1 and found.low <= found.difference <= found.high


def test_no_difference_at_all_has_p_1() -> None:
    assert paired_difference([0.1, 0.7, 0.3], [0.1, 0.7, 0.3])[:4] == (0.0, 0.0, 0.0, 1.0)


@pytest.mark.parametrize(
    ("differences", "p_value"),
    [
        ([1, 1, 1, 0, 0], 2 / 8),  # only +++ and --- reach a sum of 3
        ([1, 1, 1, -1], 10 / 16),  # |sum| of at least 2: 1 + 1 with |4|, 4 + 4 with |2|
        ([0.5], 1.0),
        ([3, 2, 1], 2 / 8),
        ([0.1] * 6, 2 / 64),
        ([0.1] * 12 + [0.0] * 30, 2 / 4096),
    ],
)
def test_few_differences_have_the_exact_p(differences: list[float], p_value: float) -> None:
    """E27"""
    assert paired_difference(differences, [0.0] * len(differences)).p_value == pytest.approx(p_value)


def test_random_flips_come_near_the_exact_p_and_never_reach_0() -> None:
    """E27"""
    values = np.round(np.random.default_rng(2).normal(0.25, 1, 16), 2)
    patterns = 1 - 2 * ((np.arange(2**16)[:, None] >> np.arange(16)) & 1)
    exact = np.mean(np.abs(patterns @ values) >= abs(values.sum()) - 1e-9)
    assert paired_difference(values.tolist(), [0.0] * 16).p_value == pytest.approx(exact, abs=0.015)
    assert paired_difference([0.5] * 60, [0.0] * 60).p_value == 1 / 20_001


def test_few_right_or_wrong_changes_get_an_interval_that_knows_they_are_few() -> None:
    """E27: 3 of 50 items changed, all one way; the exact test says nothing is shown, so the interval must hold 0."""
    found = paired_difference([1.0] * 3 + [0.0] * 47, [0.0] * 50)
    assert found.p_value == 0.25 and found.low < 0 < found.difference == 0.06 < found.high
    reach = 1.959964 * math.sqrt(4 - 9 / 52) / 52
    assert (found.low, found.high) == pytest.approx((3 / 52 - reach, 3 / 52 + reach))


def test_lengths_must_agree_and_small_sizes_have_no_interval() -> None:
    with pytest.raises(ValueError, match="2 and 1"):
        paired_difference([0.1, 0.2], [0.1])
    assert paired_difference([0.5], [0.2])[:4] == (pytest.approx(0.3), None, None, 1.0)
    assert set(paired_difference([], [])) == {None}


# Right or wrong: McNemar's exact test


@pytest.mark.parametrize(("only_a", "only_b", "both"), [(0, 0, 9), (1, 0, 20), (5, 0, 3), (6, 0, 3), (8, 2, 40), (30, 12, 8), (3, 9, 0)])
def test_right_or_wrong_has_mcnemars_exact_p(only_a: int, only_b: int, both: int) -> None:
    """E27: by its definition, twice the smaller tail of a fair coin thrown once for each item that only one has right."""
    found = paired_difference([1.0] * (only_a + both) + [0.0] * only_b, [0.0] * only_a + [1.0] * (both + only_b))
    thrown, fewer = only_a + only_b, min(only_a, only_b)
    tail = sum(math.comb(thrown, k) for k in range(fewer + 1)) / 2**thrown
    assert found.p_value == pytest.approx(min(1.0, 2 * tail))
    assert (found.test, found.only_a, found.only_b) == ("mcnemar exact", only_a, only_b)


@given(st.integers(0, 6), st.integers(0, 6), st.integers(0, 20))
def test_mcnemars_exact_p_is_that_of_all_sign_patterns(only_a: int, only_b: int, same: int) -> None:
    """E27"""
    differences = np.array([1.0] * only_a + [-1.0] * only_b + [0.0] * same)
    assert mcnemar_p(only_a, only_b) == pytest.approx(sign_flip_p(differences))


def test_scores_between_or_on_another_scale_are_permuted_and_count_nobody_right() -> None:
    for found in (paired_difference([1.0, 0.5], [0.0, 0.0]), paired_difference([1.0] * 8, [1.0] * 8, share=False)):
        assert (found.test, found.only_a, found.only_b) == ("permutation", None, None)


@pytest.mark.parametrize(("changed", "told"), [(0, False), (1, False), (5, False), (6, True), (40, True)])
def test_under_six_items_that_differ_it_says_too_few(changed: int, told: bool) -> None:
    """E27: with five the least possible p is 2 / 32; "cannot tell" is then all that there is to say."""
    for right in (1.0, 0.4):
        found = paired_difference([right] * changed + [0.0] * (40 - changed), [0.0] * 40)
        assert (found.note is None) is told and (found.p_value < 0.05) is told
        assert told or f"{TOO_FEW}: {changed} of 40 items differ" in (found.note or "")


def test_right_or_wrong_that_never_differs_is_no_proof_of_equality() -> None:
    """E27: none of 20 changed: the interval is that of Agresti and Min, 1.96 / 22 to each side; scores between keep no width."""
    found = paired_difference([1.0] * 12 + [0.0] * 8, [1.0] * 12 + [0.0] * 8)
    assert (found.low, found.high) == pytest.approx((-1.959964 / 22, 1.959964 / 22))
    always = paired_difference([1.0] * 30, [0.0] * 30)
    assert always.low is not None and always.low < 0.99 and always.high == 1.0


# Several pairs, power, speed


def test_holm_has_the_values_worked_out_by_hand() -> None:
    """E27: many comparisons."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


@given(st.lists(st.floats(1e-6, 1), max_size=12))
def test_holm_keeps_the_ranking_and_never_lowers_a_p(p_values: list[float]) -> None:
    adjusted = holm(p_values)
    assert all(raw <= new <= 1 for raw, new in zip(p_values, adjusted, strict=True))
    ranked = [new for _, new in sorted(zip(p_values, adjusted, strict=True))]
    assert ranked == sorted(ranked)


def test_power_has_the_values_worked_out_by_hand() -> None:
    """E27"""
    differences = [0.3, 0.1] * 50  # mean 0.2, sd 0.1005; 1.95996 + 0.84162 = 2.80158
    assert minimum_detectable_difference(differences) == pytest.approx(2.80158 * 0.100504 / 10, rel=1e-4)
    assert items_needed(differences, 0.02) == math.ceil((2.80158 * 0.100504 / 0.02) ** 2) == 199
    assert items_needed(differences) == 2


@pytest.mark.parametrize("differences", [[], [0.1], [0.2, 0.2, 0.2]])
def test_power_is_not_known_without_a_spread(differences: list[float]) -> None:
    assert minimum_detectable_difference(differences) is None and items_needed(differences, 0.1) is None
    assert items_needed([0.1, -0.1]) is None


@given(st.floats(0.01, 0.5), st.floats(0.5, 0.95))
def test_as_many_items_as_needed_make_the_difference_detectable(target: float, power: float) -> None:
    differences = [0.5, -0.5, 0.2, 0.1]
    needed = items_needed(differences, target, power=power) or 0
    detectable = minimum_detectable_difference(differences, power=power) or 0.0
    assert needed == 2 or detectable * math.sqrt(4 / needed) <= target < detectable * math.sqrt(4 / (needed - 1))


def test_a_whole_table_of_intervals_takes_seconds() -> None:
    values = np.random.default_rng(0).random((48, 200))
    start = time.process_time()
    for row in values:
        mean_interval(row)
    assert time.process_time() - start < 5
