"""Forgetting by hand: shares before and after, the paired interval, windows over a text."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.forgetting import forgetting, spans
from evaluation.statistics import paired_difference

KINDS = {"facts": [f"f{n}" for n in range(20)], "language": [f"l{n}" for n in range(20)]}
EVERY = [item for items in KINDS.values() for item in items]


def test_what_was_right_before_and_is_wrong_after_is_forgotten() -> None:
    before = dict.fromkeys(EVERY, 1.0)
    after = {item: float(item.startswith("f") or item in ("l0", "l1")) for item in EVERY}
    found = forgetting(before, after, KINDS, (2.0, 2.5))
    assert (found["before"], found["after"], found["difference"]) == (1.0, 22 / 40, 18 / 40)
    assert found["lost"] == 18 and found["gained"] == 0 and found["n"] == 40
    assert 0 < found["ci_low"] < 18 / 40 < found["ci_high"] < 1 and found["p_value"] < 0.001
    assert found["kinds"]["facts"]["difference"] == 0.0 and found["kinds"]["language"]["difference"] == 18 / 20
    assert found["perplexity_before"] == pytest.approx(math.exp(2.0)) and found["perplexity_after"] == pytest.approx(math.exp(2.5))


def test_the_interval_is_that_of_the_paired_difference() -> None:
    before = {item: float(n % 3 > 0) for n, item in enumerate(EVERY)}
    after = {item: float(n % 4 > 0) for n, item in enumerate(EVERY)}
    found, plain = forgetting(before, after, KINDS, (None, None)), paired_difference(list(before.values()), list(after.values()))
    assert (found["difference"], found["ci_low"], found["ci_high"], found["p_value"]) == plain[:4]


def test_a_model_that_changed_nothing_has_forgotten_nothing_and_the_interval_still_has_a_width() -> None:
    same = {item: float(n % 2) for n, item in enumerate(EVERY)}
    found = forgetting(same, same, KINDS, (2.0, 2.0))
    assert found["difference"] == 0 and found["ci_low"] < 0 < found["ci_high"] and found["note"]


def test_items_that_one_side_did_not_answer_are_left_out_and_nothing_is_a_silent_zero() -> None:
    """E29. Also the empty case: no number, and JSON without NaN."""
    before, after = dict.fromkeys(EVERY, 1.0), dict.fromkeys(KINDS["facts"], 1.0)
    found = forgetting(before, after, KINDS, (None, 3.0))
    assert found["n"] == 20 and found["kinds"]["language"]["n"] == 0 and found["kinds"]["language"]["difference"] is None
    assert found["perplexity_before"] is None
    json.dumps(forgetting({}, {}, KINDS, (None, None)), allow_nan=False)


@given(tokens=st.integers(0, 3000), window=st.integers(2, 600), fresh=st.integers(1, 600))
def test_windows_count_every_token_but_the_first_once_within_their_width(tokens: int, window: int, fresh: int) -> None:
    found = list(spans(tokens, window, fresh))
    assert [place for span in found for place in range(span.fresh, span.end)] == list(range(1, tokens))
    assert all(span.end - span.start <= window and span.start < span.fresh < span.end for span in found)


def test_later_windows_read_128_tokens_before_those_that_count() -> None:
    first, second, *_ = spans(2000)
    assert first == (0, 1, 512) and second == (384, 512, 896)
