from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.letters import letters


@pytest.mark.parametrize(
    ("means", "real", "expected"),
    [
        ({"x": 1.0}, [], {"x": "a"}),
        ({"x": 0.5, "y": 0.4}, [], {"x": "a", "y": "a"}),
        ({"x": 0.4, "y": 0.5}, ["xy"], {"x": "b", "y": "a"}),
        ({"x": 3, "y": 2, "z": 1}, ["xy", "xz", "yz"], {"x": "a", "y": "b", "z": "c"}),
        ({"x": 3, "y": 2, "z": 1}, ["xz"], {"x": "a", "y": "ab", "z": "b"}),
        ({"x": 3, "y": 2, "z": 1}, ["zx", "yx"], {"x": "a", "y": "b", "z": "b"}),
        ({"w": 4, "x": 3, "y": 2, "z": 1}, ["wy", "wz", "xz"], {"w": "a", "x": "ab", "y": "bc", "z": "c"}),
        ({"x": 3, "y": 2, "z": 1}, ["yz"], {"x": "ab", "y": "a", "z": "b"}),  # the middle one varies less
    ],
)
def test_letters_as_worked_out_by_hand(means: dict[str, float], real: list[str], expected: dict[str, str]) -> None:
    assert letters(list(means), list(means.values()), {(pair[0], pair[1]) for pair in real}) == expected


def test_the_lowest_mean_has_the_a_where_lower_is_better() -> None:
    assert letters(["x", "y"], [0.1, 0.9], {("x", "y")}, higher_is_better=False) == {"x": "a", "y": "b"}


def test_nothing_to_letter() -> None:
    assert letters([], [], set()) == {}


rankings = st.integers(1, 7).flatmap(lambda n: st.permutations(range(n)))
differences = st.sets(st.sampled_from(sorted(combinations(range(7), 2))))


@given(st.tuples(rankings, differences))
def test_two_share_a_letter_unless_they_differ(drawn: Any) -> None:
    """E27: a table of letters says which differences are real, and nothing more."""
    means, real = drawn
    names = [f"m{place}" for place in range(len(means))]
    real = {pair for pair in real if pair[1] < len(names)}
    found = letters(names, list(means), {(names[a], names[b]) for a, b in real})
    for a, b in combinations(range(len(names)), 2):
        assert bool(set(found[names[a]]) & set(found[names[b]])) == ((a, b) not in real)
    assert "a" in found[names[means.index(max(means))]]
