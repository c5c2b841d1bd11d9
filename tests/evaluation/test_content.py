"""What a text says: numbers, names, statements."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.content import content_words, names, negated, numbers, stands_in, statements


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1,200.0 litres", {"1200"}),
        ("twenty-two miles and three sails", {"22", "3"}),
        ("at 07:05, not 7:06", {"7:05", "7:06"}),
        ("20-22 inches", {"20", "22"}),
        ("12,5 kg at -5 degrees", {"12.5", "-5"}),
        ("17mm, 4-foot, the 3rd", {"17", "4", "3"}),
        ("the pen EN-3 at nq5", set()),
        ("the one with the cap", set()),
        ("٣ و ４", {"3", "4"}),
        ("1e999999 and 1.2.3", {"1.2"}),
    ],
)
def test_a_number_has_one_form_however_it_is_written(text: str, expected: set[str]) -> None:
    assert expected <= set(numbers(text))
    assert set(numbers(text)) - expected <= {"1", "999999"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ask Marit Oakes at Hobb's Cut.", ("Marit Oakes", "Hobb's Cut")),
        ("Marit Oakes reads them.", ("Marit Oakes",)),
        ("Amber is dry. I'm in Paris.", ("Paris",)),
        ("BBC says so", ("BBC",)),
        ("Dr. Smith came", ("Smith",)),
        ("Use EN-3 or nq5", ("EN-3",)),
        ("Our Lakes And Huts", ()),
        ("THE WHOLE LINE IS IN CAPITALS", ()),
        ('It says "Gurgling in the throat"', ()),
        ("三个苹果", ()),
        ("", ()),
    ],
)
def test_a_name_is_told_by_its_capitals_where_they_say_something(text: str, expected: tuple[str, ...]) -> None:
    assert set(names(text)) == set(expected)


def test_a_statement_is_a_sentence_that_says_something() -> None:
    text = "It costs 4.50 euros, e.g. in May. Ok!\n- Ask Dr. Reed. \n1. Wait"
    assert statements(text) == ["It costs 4.50 euros, e.g. in May.", "Ask Dr. Reed.", "Wait"]
    assert statements("三个苹果。两个梨！") == ["三个苹果。", "两个梨！"]
    assert statements("") == statements("?!") == []


def test_content_words_are_stems_without_what_carries_little() -> None:
    assert content_words("The lamps don't chain EN-3!") == ("en-3", "lamp", "dont", "chain")
    assert content_words("chained") == content_words("chains")


@pytest.mark.parametrize(
    ("text", "denies"),
    [("It is not free", True), ("It isn't", True), ("No more than three", False), ("No, it is soft", False), ("No.", True), ("", False)],
)
def test_what_denies_nothing_is_no_negation(text: str, denies: bool) -> None:
    assert negated(text) is denies


def test_a_name_stands_in_a_text_as_whole_words() -> None:
    assert stands_in("Port Merrow's", "a warden of port merrow") and not stands_in("Port", "a report")
    assert not stands_in("", "anything")


@given(st.text(max_size=200), st.text(max_size=60))
def test_any_text_can_be_read(text: str, other: str) -> None:
    assert all(numbers(number) == (number,) for number in numbers(text) if not number.startswith("-"))
    assert isinstance(negated(text), bool) and isinstance(stands_in(other, text), bool)
    assert all(content_words(part) or numbers(part) for part in statements(text)) and all(names(text))
