"""Break-even on lines that can be checked by hand, and as a law against counting."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.breakeven import BreakEven, Line, break_even, break_evens

LONG_PROMPT = Line("few_shot", 0.0, 0.5)
TUNED = Line("lora", 100.0, 0.1)


@pytest.mark.parametrize(
    ("one", "other", "state", "requests"),
    [
        (TUNED, LONG_PROMPT, "from", 251),  # 100 + 250 x 0.1 = 125 = 250 x 0.5: equal at 250, cheaper from 251 on
        (LONG_PROMPT, TUNED, "until", 249),
        (Line("a", 100, 0.5), Line("b", 0, 0.5), "never", None),
        (Line("a", 100, 0.6), Line("b", 0, 0.5), "never", None),
        (Line("a", 0, 0.4), Line("b", 0, 0.5), "always", None),
        (Line("a", 0, 0.5), Line("b", 100, 0.5), "always", None),
        (Line("a", 1, 0.5), Line("b", 1, 0.5), "equal", None),
        (Line("a", 0.3, 0.1), Line("b", 0.0, 0.5), "always", None),  # cheaper from the first request on
        (Line("a", 0.0, 0.5), Line("b", 0.3, 0.1), "never", None),
    ],
)
def test_when_a_method_is_cheaper(one: Line, other: Line, state: str, requests: int | None) -> None:
    assert break_even(one, other) == BreakEven(one.method, other.method, state, requests)


numbers = st.integers(0, 60).map(float)


@given(numbers, numbers, numbers, numbers)
def test_the_answer_is_what_counting_says(fixed_a: float, each_a: float, fixed_b: float, each_b: float) -> None:
    one, other = Line("a", fixed_a, each_a), Line("b", fixed_b, each_b)
    cheaper = [n for n in range(1, 200) if one.at(n) < other.at(n)]
    found = break_even(one, other)
    match found.state:
        case "always":
            assert cheaper == list(range(1, 200))
        case "never" | "equal":
            assert cheaper == []
        case "from":
            assert cheaper == list(range(found.requests or 0, 200))
        case "until":
            assert cheaper == list(range(1, (found.requests or 0) + 1))


def test_each_pair_is_asked_once_of_the_one_that_costs_more_to_prepare() -> None:
    found = break_evens([LONG_PROMPT, TUNED, Line("rag", 5.0, 0.3)])
    assert [(pair.method, pair.other) for pair in found] == [("lora", "rag"), ("lora", "few_shot"), ("rag", "few_shot")]
    assert break_evens([TUNED]) == []
