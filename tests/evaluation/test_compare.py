import json
import math
from typing import Any

import numpy as np
import pytest

from core.records import Score, Scored, Unscored
from evaluation.base import MetricInfo
from evaluation.compare import Scoreboard, scoreboard
from evaluation.statistics import items_needed, minimum_detectable_difference

F1 = MetricInfo("f1", "token F1")
ERRORS = MetricInfo("errors", "error rate", higher_is_better=False)


def scored(values: Any) -> dict[str, Scored]:
    return {f"i{place:03d}": Score(float(value)) for place, value in enumerate(values)}


def board(table: dict[str, Any], info: MetricInfo = F1) -> Scoreboard:
    rows = {method: values if isinstance(values, dict) else scored(values) for method, values in table.items()}
    return scoreboard({info.name: rows}, {info.name: info}, list(table))


def test_means_use_the_items_that_every_method_has_a_score_for() -> None:
    """E29: a method that fails on ten hard items must not look better for it."""
    hard = [0.9] * 38 + [0.1] * 10
    failing = {**scored([0.8] * 38), **{f"i{place:03d}": Unscored("no answer") for place in range(38, 43)}}  # and five that are absent
    found = board({"sturdy": hard, "failing": failing})
    sturdy, failed = found.summaries["sturdy"]["f1"], found.summaries["failing"]["f1"]
    assert (sturdy["mean"], sturdy["n"], sturdy["unscored"]) == (pytest.approx(0.9), 38, 0)
    assert (failed["mean"], failed["n"], failed["unscored"]) == (pytest.approx(0.8), 38, 10)
    assert found.pairwise[0]["difference"] == pytest.approx(0.1)
    assert (len(found.items["f1"]), found.total["f1"]) == (38, 48)


def test_a_method_that_failed_altogether_costs_the_others_no_items() -> None:
    """E29"""
    gone = {f"i{place:03d}": Unscored("the judge failed: 500") for place in range(20)}
    found = board({"a": [0.5] * 20, "failed": gone, "b": [0.4] * 20, "absent": {}})
    assert found.summaries["a"]["f1"]["n"] == 20
    failed = found.summaries["failed"]["f1"]
    assert {key: value for key, value in failed.items() if value is not None} == {"n": 0, "unscored": 20, "reason": "the judge failed: 500"}
    assert found.summaries["absent"]["f1"]["reason"] == "it has no answers"
    assert [(pair["a"], pair["b"]) for pair in found.pairwise] == [("a", "b")]
    assert found.letters["failed"] == {"f1": ""}


def test_methods_without_a_common_item_have_no_means_and_a_reason() -> None:
    found = board({"a": {"1": Score(1.0)}, "b": {"2": Score(1.0)}})
    assert found.summaries["a"]["f1"]["mean"] is None and "every compared method" in (found.summaries["a"]["f1"]["reason"] or "")
    assert found.pairwise == [] and found.power["f1"]["reason"]


def test_a_score_that_is_not_a_number_counts_as_unscored() -> None:
    found = board({"a": [0.1, math.nan, 0.3], "b": [0.1, 0.2, 0.3]})
    assert found.summaries["a"]["f1"]["unscored"] == 1 and found.summaries["b"]["f1"]["n"] == 2


def test_each_pair_stands_once_in_the_plans_order_with_holm_over_one_metric() -> None:
    """E27: many comparisons are adjusted for, metric by metric."""
    rng = np.random.default_rng(4)
    rows = {method: scored(rng.random(30) * 0.3 + shift) for method, shift in (("c", 0.0), ("a", 0.15), ("b", 0.4))}
    found = scoreboard({"f1": rows, "errors": rows}, {"errors": ERRORS, "f1": F1}, ["c", "a", "b"])
    assert [(p["metric"], p["a"], p["b"]) for p in found.pairwise] == [
        (metric, *pair) for metric in ("errors", "f1") for pair in (("c", "a"), ("c", "b"), ("a", "b"))
    ]
    for metric in ("errors", "f1"):
        raw, adjusted = zip(*[(p["p_value"], p["p_adjusted"]) for p in found.pairwise if p["metric"] == metric], strict=True)
        assert min(adjusted) == pytest.approx(3 * min(raw)) and all(a >= r for r, a in zip(raw, adjusted, strict=True))
    assert found.letters["b"] == {"errors": "c", "f1": "a"} and found.ranked("errors") == ["c", "a", "b"]


def test_difference_is_a_minus_b_and_means_agree_with_it() -> None:
    found = board({"low": [0.1, 0.3, 0.2, 0.6], "high": [0.5, 0.4, 0.9, 0.8]})
    pair = found.pairwise[0]
    assert pair["difference"] == pytest.approx((found.mean("low", "f1") or 0) - (found.mean("high", "f1") or 0))
    turned = found.pair("high", "low", "f1")
    assert (turned["difference"], turned["ci_low"], turned["ci_high"]) == (-pair["difference"], -pair["ci_high"], -pair["ci_low"])
    with pytest.raises(KeyError):
        found.pair("high", "nobody", "f1")


def test_power_is_about_the_two_best_at_holms_strictest_level() -> None:
    rng = np.random.default_rng(9)
    base = rng.random(50)
    noise = rng.normal(0.05, 0.2, 50)
    found = board({"worst": base * 0.1, "best": base, "second": base - noise})
    power = found.power["f1"]
    assert power["between"] == ["best", "second"]
    differences = [a.value - b.value for a, b in zip(scored(base).values(), scored(base - noise).values(), strict=True)]
    assert power["minimum_detectable_difference"] == pytest.approx(minimum_detectable_difference(differences, alpha=0.05 / 3))
    assert power["items_needed"] == items_needed(differences, alpha=0.05 / 3) and power["reason"] is None
    constant = board({"best": base, "second": base - 0.05})
    assert constant.power["f1"]["reason"] == "the two best differ by the same amount on every item"


@pytest.mark.parametrize(
    "table",
    [
        {},
        {"a": {}},
        {"a": [0.5]},
        {"a": [0.5], "b": [0.5]},
        {"a": [0.0] * 5, "b": [0.0] * 5},
        {"a": [1.0] * 5, "b": [0.0] * 5},
        {"a": [0.0, 1.0], "b": [1.0, 0.0]},
    ],
)
def test_there_is_no_nan_anywhere_and_what_is_missing_has_a_reason(table: Any) -> None:
    found = board(table)
    json.dumps([found.summaries, found.pairwise, found.letters, found.power], allow_nan=False)
    assert all((summary["f1"]["mean"] is None) == bool(summary["f1"]["reason"]) for summary in found.summaries.values())
    power = found.power["f1"]
    assert (power["items_needed"] is None) == bool(power["reason"])


def test_the_order_of_items_in_the_input_does_not_matter() -> None:
    rng = np.random.default_rng(1)
    rows = {method: scored(rng.random(25)) for method in "ab"}
    turned = {method: dict(reversed(values.items())) for method, values in rows.items()}
    assert board(rows) == board(turned)


def test_methods_of_the_input_that_were_not_asked_for_are_ignored() -> None:
    found = scoreboard({"f1": {"a": scored([0.1, 0.2]), "old": scored([0.1])}}, {"f1": F1}, ["a"])
    assert found.summaries["a"]["f1"]["n"] == 2 and "old" not in found.summaries


@pytest.mark.parametrize(("low", "high", "width"), [(0.0, 1.0, 0.5), (1.0, 5.0, 0.0)])
def test_all_right_has_an_interval_and_marks_of_one_do_not_leave_their_range(low: float, high: float, width: float) -> None:
    info = MetricInfo("right", "right", low=low, high=high)
    found = scoreboard({"right": {"a": {str(n): Score(1.0) for n in range(4)}}}, {"right": info}, ["a"]).summaries["a"]["right"]
    assert found["ci_low"] is not None and found["ci_high"] is not None
    assert found["ci_high"] - found["ci_low"] == pytest.approx(width, abs=0.02)
