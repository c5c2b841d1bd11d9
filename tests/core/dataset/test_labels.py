"""Free answers and classes are told apart."""

import pytest

from core.dataset import find_labels


@pytest.mark.parametrize(
    ("references", "labels"),
    [
        (["b", "a"] * 4, ("a", "b")),
        (["b"] * 7 + ["a"], ("a", "b")),
        (["b", "a"] * 3 + ["a"], ()),
        (["a"] * 50, ()),
        ([str(n) for n in range(50)] * 4, tuple(sorted(str(n) for n in range(50)))),
        ([str(n) for n in range(51)] * 4, ()),
        (["x" * 60, "y"] * 4, ("x" * 60, "y")),
        (["x" * 61, "y"] * 4, ()),
        ([], ()),
    ],
)
def test_few_short_recurring_answers_are_labels(references: list[str], labels: tuple[str, ...]) -> None:
    assert find_labels(references) == labels
