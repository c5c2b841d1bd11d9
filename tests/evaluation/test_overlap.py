from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.overlap import exact_match, token_f1


def test_overlap_has_the_values_worked_out_by_hand(golden: Any) -> None:
    """E8"""
    for case in golden("overlap")["cases"]:
        pair = case["answer"], case["reference"]
        assert (exact_match(*pair), pytest.approx(token_f1(*pair))) == (case["exact_match"], case["token_f1"]), case


@given(st.text(max_size=30), st.text(max_size=30))
def test_token_f1_is_symmetric_and_at_least_exact_match(a: str, b: str) -> None:
    assert token_f1(a, b) == token_f1(b, a)
    assert exact_match(a, b) <= token_f1(a, b) <= 1.0


@given(st.text(max_size=30))
def test_the_same_text_always_matches(text: str) -> None:
    assert exact_match(text, text) == token_f1(text, text) == 1.0
