"""Shares of statements, numbers and names that the passages support; the labelled cases stand in test_labelled.py."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from core.records import Scored
from evaluation.base import Item, Resources
from evaluation.groundedness import SUPPORT, statement_is_supported

KEG = "No more than three sails may share a keg. A flap costs 12 euros. Ask Ines Tolland for one."
Build, Value = Callable[..., Item], Callable[[Scored], float | None]


def score(name: str, item: Item, value: Value) -> float | None:
    return value(SUPPORT[name].score([item], Resources())[0])


def test_each_share_is_counted_by_hand(item: Build, value: Value) -> None:
    said = item(
        "Three sails may share it. Ines Holland sells flaps for 12 or 14 euros.", question="How many sails per keg?", passages=(KEG,)
    )
    assert score("supported_statements", said, value) == 0.5
    assert score("supported_numbers", said, value) == pytest.approx(2 / 3)  # 3 and 12, not 14
    assert score("supported_names", said, value) == 0.0


def test_any_of_the_passages_may_support_a_thing(item: Build, value: Value) -> None:
    said = item("It costs 12 euros.", passages=("Nothing of the kind.", KEG))
    assert score("supported_statements", said, value) == score("supported_numbers", said, value) == 1.0


def test_what_the_question_says_counts_neither_way(item: Build, value: Value) -> None:
    echo = item("The 9 lamps of Odran Pell.", question="Who has the 9 lamps of Odran Pell?", passages=(KEG,))
    assert [score(name, echo, value) for name in SUPPORT] == [None, None, None]


@pytest.mark.parametrize("passages", [(), ("",)])
def test_without_passages_or_claims_there_is_a_reason_and_no_number(item: Build, value: Value, passages: tuple[str, ...]) -> None:
    for name, metric in SUPPORT.items():
        assert score(name, item("", passages=passages), value) is None
        assert not metric.info.in_verdict


@pytest.mark.parametrize(
    ("statement", "supported"),
    [
        ("Three sails may share a keg.", True),
        ("Four sails may share a keg.", False),
        ("Sails may not share a keg.", False),
        ("A flap costs 12 euros.", True),
        ("Three sails cost 12 euros.", True),  # the limit of words: they stand there, put together wrongly
    ],
)
def test_numbers_and_negation_must_agree(statement: str, supported: bool) -> None:
    assert statement_is_supported(statement, [KEG], "") is supported
