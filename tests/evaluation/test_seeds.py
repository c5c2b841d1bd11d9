"""Scores under several seeds: pooled item by item, and the seeds' own variance in means, differences and power."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from core.records import Score, Unscored
from evaluation.base import MetricInfo
from evaluation.compare import scoreboard
from evaluation.seeds import between, joined_ends, joined_p, pooled, spread
from evaluation.statistics import items_needed, mean_interval, minimum_detectable_difference, paired_difference

INFO = {"f1": MetricInfo("f1", "token F1")}
RNG = np.random.default_rng(8)
BASE = RNG.random(40) * 0.5


def test_an_items_score_is_its_mean_over_seeds_and_a_gap_has_its_reason() -> None:
    """E23, E27: a seed without a score must not let the others speak for it."""
    rows = [{"x": Score(1.0), "y": Score(0.0), "z": Score(1.0)}, {"x": Score(0.5), "y": Unscored("it was cut")}]
    assert pooled(rows) == {"x": Score(0.75), "y": Unscored("it was cut"), "z": Unscored("not every seed has a score for it")}
    assert pooled([]) == {}


def test_spread_and_degrees_of_freedom_as_worked_out_by_hand() -> None:
    """Means 0.1, 0.2, 0.3: sd 0.1, variance of their mean 0.01 / 3; two such methods have 4 degrees of freedom, as Welch has it."""
    assert spread([0.1, 0.2, 0.3]) == pytest.approx(0.1) and spread([0.4]) is None
    one, two = between([0.1, 0.2, 0.3]), between([0.1, 0.2, 0.3], [0.5, 0.7, 0.6])
    assert one == (pytest.approx(math.sqrt(0.01 / 3)), pytest.approx(2)) and two == (pytest.approx(math.sqrt(0.02 / 3)), pytest.approx(4))
    assert between([0.4], ()) is None and between([0.4], [0.1, 0.2, 0.3]) == one
    assert between([0.2, 0.2]) == (0.0, 1.0)


def test_joined_ends_are_the_hypotenuse_of_both_reaches() -> None:
    """t(0.975, 4) is 2.776; with an error of 0.1 it reaches 0.2776."""
    low, high = joined_ends(0.5, (0.4, 0.7), between([0.1, 0.2, 0.3], [0.1, 0.2, 0.3])._replace(error=0.1), 0.95)  # type: ignore[union-attr]
    assert (low, high) == (pytest.approx(0.5 - math.hypot(0.1, 0.27764), abs=1e-4), pytest.approx(0.5 + math.hypot(0.2, 0.27764), abs=1e-4))


def test_joined_p_is_the_paired_t_test_without_seeds_and_welchs_without_items() -> None:
    a, b = [0.31, 0.42, 0.36], [0.22, 0.27, 0.31]
    seeds = between(a, b)
    assert seeds is not None
    welch = stats.ttest_ind(a, b, equal_var=False)
    assert joined_p(np.mean(a) - np.mean(b), 0.0, 1.0, seeds) == pytest.approx(welch.pvalue)
    assert joined_p(0.05, 0.02, 19, seeds._replace(error=0.0)) == pytest.approx(2 * stats.t.sf(2.5, 19))
    assert joined_p(0.0, 0.02, 19, seeds) == 1.0
    assert joined_p(0.5, 0.0, 1.0, seeds._replace(error=0.0)) < 1e-10


def test_seeds_that_agree_change_nothing_and_seeds_that_do_not_widen_and_raise_p() -> None:
    """E27"""
    a, b = (BASE + RNG.random(40) * 0.4).tolist(), BASE.tolist()
    plain = paired_difference(a, b)
    same = paired_difference(a, b, seed_means=([np.mean(a)] * 3, ()))
    apart = paired_difference(a, b, seed_means=([np.mean(a) - 0.1, np.mean(a), np.mean(a) + 0.1], ()))
    assert (same.low, same.high) == pytest.approx((plain.low, plain.high)) and same.seed_error == 0.0
    assert apart.difference == plain.difference
    assert apart.low < plain.low and apart.high > plain.high and apart.p_value > plain.p_value  # type: ignore[operator]
    mean, wide = mean_interval(a), mean_interval(a, seed_means=[np.mean(a) - 0.1, np.mean(a), np.mean(a) + 0.1], share=True)
    assert wide.mean == mean.mean and 0 <= wide.low < mean.low and mean.high < wide.high <= 1  # type: ignore[operator]


def test_the_scoreboard_pools_seeds_and_states_item_and_seed_deviation_apart() -> None:
    """E27"""
    under = [BASE + shift for shift in (0.0, 0.06, 0.12)]
    rows = {
        key: {f"i{n:02d}": Score(float(v)) for n, v in enumerate(values)} for key, values in zip(["t", "t.2", "t.3"], under, strict=True)
    }
    rows["base"] = {f"i{n:02d}": Score(float(v)) for n, v in enumerate(BASE)}
    board = scoreboard({"f1": rows}, INFO, ["base", "t"], seeds={"t": ("t", "t.2", "t.3")})
    summary, pair = board.summaries["t"]["f1"], board.pairwise[0]
    assert summary["mean"] == pytest.approx(BASE.mean() + 0.06) and summary["seed_sd"] == pytest.approx(0.06)
    assert summary["item_sd"] == pytest.approx(BASE.std(ddof=1))
    assert board.seed_means["t"]["f1"] == pytest.approx([BASE.mean() + shift for shift in (0.0, 0.06, 0.12)])
    assert board.summaries["base"]["f1"]["seed_sd"] is None and set(board.seed_means) == {"t"}
    assert pair["difference"] == pytest.approx(-0.06) and pair["seed_error"] == pytest.approx(0.06 / math.sqrt(3))
    assert pair["p_value"] is not None and pair["p_value"] == pytest.approx(2 * stats.t.sf(math.sqrt(3), 2)), (
        "every item agrees; the seeds do not"
    )


def test_a_seed_without_scores_leaves_the_method_without_a_mean_and_with_a_reason() -> None:
    rows = {"t": {"x": Score(0.5), "y": Score(0.1)}, "base": {"x": Score(0.4), "y": Score(0.2)}}
    board = scoreboard({"f1": rows}, INFO, ["base", "t"], seeds={"t": ("t", "t.2")})
    assert board.summaries["t"]["f1"]["mean"] is None
    assert board.summaries["t"]["f1"]["reason"] == "not every seed has a score for it"
    assert board.summaries["base"]["f1"]["n"] == 2


def test_no_number_of_items_makes_up_for_seeds_that_vary_too_much() -> None:
    differences = [0.1, 0.3, 0.2, 0.2, 0.1, 0.3]
    assert minimum_detectable_difference(differences, seed_error=0.3) == pytest.approx(
        2.80158 * math.hypot(0.3, stats.sem(differences)), rel=1e-4
    )
    assert items_needed(differences, 0.2, seed_error=0.08) is None
    fewer, more = items_needed(differences, 0.2), items_needed(differences, 0.2, seed_error=0.05)
    assert fewer is not None and more is not None and fewer < more
