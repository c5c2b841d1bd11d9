"""Which items can be answered, and who declines; the labelled cases stand in test_labelled.py."""

from __future__ import annotations

import pytest

from core.records import Example, Score, Unscored
from evaluation.abstention import abstains, answerable_marks, is_answerable
from evaluation.base import Item, Resources, metrics


def example(reference: str = "Nine", **columns: str) -> Example:
    return Example(reference + "".join(columns.values()), "", "When?", reference, columns=columns)


@pytest.mark.parametrize(
    ("columns", "reference", "answerable"),
    [
        ({"answerable": "no"}, "Nine", False),
        ({"Answerable": "False"}, "Nine", False),
        ({"answerable": "1"}, "Nine", True),
        ({"unanswerable": "True"}, "Nine", False),
        ({"is_impossible": "false"}, "Nine", True),
        ({"answerable": "perhaps"}, "Nine", True),
        ({}, "The handbook does not say.", False),
        ({}, "", False),
        ({"answerable": "yes"}, "I don't know", True),
    ],
)
def test_the_data_say_what_can_be_answered(columns: dict[str, str], reference: str, answerable: bool) -> None:
    assert is_answerable(example(reference, **columns)) is answerable


def test_without_an_unanswerable_item_there_is_nothing_to_find_out() -> None:
    assert answerable_marks([example(), example("Ten")]) == answerable_marks([]) == {}
    assert list(answerable_marks([example(), example("Ten", answerable="no")]).values()) == [True, False]


@pytest.mark.parametrize(
    ("answer", "answerable", "value"),
    [("I don't know.", False, 1.0), ("", False, 1.0), ("At nine", False, 0.0), ("At nine", True, 1.0), ("No idea.", True, 0.0)],
)
def test_right_is_to_decline_where_nothing_can_be_said_and_only_there(answer: str, answerable: bool, value: float) -> None:
    found = metrics.get("abstention").score([Item("i", "When?", answer, "x", answerable=answerable)], Resources())
    assert found == [Score(value)]


def test_an_unmarked_task_is_unscored_with_the_reason() -> None:
    assert metrics.get("abstention").score([Item("i", "When?", "Nine", "Nine")], Resources()) == [
        Unscored("the data mark no item as unanswerable")
    ]


def test_a_very_long_answer_is_read_in_no_time() -> None:
    assert not abstains("the ferry " * 20_000) and abstains("I don't know " * 5_000)
