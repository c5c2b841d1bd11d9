import json
import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation.certificate import THRESHOLDS, Trial, auc, certificate
from evaluation.corruptions import KINDS

MARK = st.floats(1, 5)


def trial(right: float = 5.0, wrong: float = 1.0, *, words: tuple[int, int] = (8, 64), **more: Any) -> Trial:
    changed = {kind: more.pop(kind) for kind in KINDS if kind in more}
    marks = {"": right, **dict.fromkeys(KINDS, wrong), **changed}
    return Trial(marks, {"": words[0], "padded": words[1]}, **{"pleading": wrong, "flipped": False, **more})


def cert(make: Callable[[int], Trial], n: int = 24, **more: Any) -> dict[str, Any]:
    return certificate([make(i) for i in range(n)], calls=n * 9, **more)


def test_a_judge_that_tells_right_from_wrong_is_trusted() -> None:
    found = cert(lambda i: trial())
    assert (found["trusted"], found["reason"], found["auc"], found["flip_rate"]) == (True, None, 1.0, 0.0)
    assert found["intervals"]["auc"][0] == pytest.approx(0.862, abs=1e-3), "Wilson's lower end of 24 of 24"
    assert found["thresholds"] == THRESHOLDS


def test_the_area_is_scored_by_hand_and_ties_count_half() -> None:
    """Of six pairs: 3 above 1 and 2, 3 with 3 a tie; 2 above 1, with 2 a tie, below 3. That is 3 + 2/2 of 6."""
    assert auc([3, 2], [1, 2, 3]) == pytest.approx(4 / 6)
    assert auc([], [1.0]) is None and auc([1.0], []) is None


def test_a_judge_that_gives_everything_the_same_mark_guesses() -> None:
    found = cert(lambda i: trial(3.0, 3.0))
    assert found["auc"] == 0.5 and not found["trusted"] and "AUC 0.50" in found["reason"]


def test_a_rubric_that_was_read_upside_down_is_suspected() -> None:
    assert "does the rubric call 1 the best mark" in cert(lambda i: trial(1.0, 5.0))["reason"]


def test_a_judge_that_prefers_length_is_found_out() -> None:
    """E25: 8 words padded to 64 are three doublings; a mark of 1.5 more is half a mark for each."""
    found = cert(lambda i: trial(3.0, 1.0, padded=4.5))
    assert found["length_slope"] == pytest.approx(0.5) and "prefers length" in found["reason"]
    assert found["auc_by_kind"]["padded"] == 0.0


def test_a_judge_that_marks_padding_down_is_no_friend_of_length() -> None:
    """E25"""
    found = cert(lambda i: trial())
    assert found["length_slope"] == pytest.approx(-4 / 3) and found["trusted"]


def test_a_judge_whose_choice_stays_with_the_place_is_not_trusted() -> None:
    """E24"""
    found = cert(lambda i: trial(flipped=i % 2 == 0))
    assert found["flip_rate"] == 0.5 and "50% of pairs" in found["reason"]


def test_a_judge_that_obeys_the_answer_is_not_trusted() -> None:
    """F36"""
    found = cert(lambda i: trial(pleading=3.0))
    assert found["injection_gain"] == 2.0 and "asks for the best mark gains +2.00" in found["reason"]


def test_calls_without_a_mark_are_counted_and_never_marks_of_zero() -> None:
    """E23: one item in four could not be read."""
    found = cert(lambda i: Trial({}, {"": 8, "padded": 64}, failures=("it said tea",) * 9) if i % 4 == 0 else trial())
    assert found["auc"] == 1.0 and found["unscored"] == 54 and "54 of 216 calls gave no mark, for one: it said tea" in found["reason"]


@pytest.mark.parametrize("n", [0, 1])
def test_no_or_one_item_is_too_few_to_tell(n: int) -> None:
    found = cert(lambda i: trial(), n)
    assert not found["trusted"] and ("nothing was asked" if n == 0 else "too few") in found["reason"]
    json.dumps(found, allow_nan=False)


def test_a_perfect_judge_on_few_items_is_not_believed_yet() -> None:
    assert "on 10 items" in cert(lambda i: trial(), 10)["reason"]
    assert cert(lambda i: trial(), 16)["trusted"]


def test_items_that_allow_no_corruption_leave_it_untrusted() -> None:
    found = cert(lambda i: Trial({"": 5.0}, {"": 1, "padded": 0}))
    assert found["auc"] is None and not found["trusted"]


def test_agreement_with_people_is_reported_and_counts_from_thirty_votes_on() -> None:
    alike = [(1.0 + i % 5, (i % 5) / 4) for i in range(40)]
    assert cert(lambda i: trial(), human=alike)["human_kappa"] == pytest.approx(1.0)
    contrary = [(mark, 1 - said) for mark, said in alike]
    found = cert(lambda i: trial(), human=contrary)
    assert found["human_kappa"] < 0 and found["human_spearman"] == pytest.approx(-1.0) and "people" in found["reason"]
    assert cert(lambda i: trial(), human=contrary[:20])["trusted"], "twenty answers are too few to turn it down"
    assert cert(lambda i: trial())["human_kappa"] is None


def test_kinship_is_a_warning_and_no_fault() -> None:
    """E26"""
    found = cert(lambda i: trial(), family_warning="One family.")
    assert found["family_warning"] == "One family." and found["trusted"]


@settings(deadline=None)
@given(st.lists(st.tuples(MARK, MARK, st.booleans()), max_size=8))
def test_any_marks_give_figures_in_range_and_no_nan(rows: list[tuple[float, float, bool]]) -> None:
    found = certificate([trial(right, wrong, flipped=flipped) for right, wrong, flipped in rows], calls=9 * len(rows))
    json.dumps(found, allow_nan=False)
    low, high = found["intervals"]["auc"]
    if len(rows) > 1:
        assert 0 <= low <= found["auc"] <= high <= 1
    else:
        assert (low, high) == (None, None)
    assert found["trusted"] == (found["reason"] is None) and not (found["trusted"] and math.isclose(found["auc"], 0.5))
