"""Other languages, and misspelt words."""

from __future__ import annotations

import pytest

from evaluation.language import in_other_language, language_of, misspellings

ENGLISH = ("Each one takes 48 kilograms of dry sand.", "The light is kept by the widow of the pilot.", "Fresh water is at the tap.")
WORDS = frozenset({"nimbrel", "fret", "furler"})


@pytest.mark.parametrize(
    ("texts", "code"),
    [
        (ENGLISH, "en"),
        (("Das Feuer wird von der Witwe des Lotsen gehütet.", "Trinkwasser gibt es am Hahn."), "de"),
        ((), ""),
        (("?!",), ""),
    ],
)
def test_a_tasks_language_is_that_of_its_texts_together(texts: tuple[str, ...], code: str) -> None:
    assert language_of(texts) == code


@pytest.mark.parametrize(
    ("answer", "other"),
    [
        ("La luz la cuida la viuda del piloto.", True),
        ("De lamp moet worden vervangen door een monteur", True),
        ("Свет", True),
        ("三个苹果", True),
        ("The nimbrel furler is blocked by fret", False),
        ("Marit Oakes", False),
        ("17 mm", False),
        ("", False),
        ("No, no, no, no, no, no", False),
    ],
)
def test_an_answer_in_another_language_or_script_is_found(answer: str, other: bool) -> None:
    assert in_other_language(answer, "en", {"LATIN"}, WORDS) is other


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The old peir is closd", [("peir", "pair"), ("closd", "close")]),
        ("The furlar of the Nimbrell", [("furlar", "furler")]),
        ("The furler of the nimbrel", []),
        ("Ask Merit Oaks at EN-3, nq5, *isla-rey or a@b.example", []),
        ("A scammer trades", []),
        ("qwxzkv", []),
        ("", []),
    ],
)
def test_a_word_is_misspelt_where_one_letter_makes_it_known(text: str, expected: list[tuple[str, str]]) -> None:
    assert misspellings(text, "en", WORDS) == expected


def test_the_last_word_of_a_cut_answer_may_be_half_a_word() -> None:
    assert misspellings("a small lampp", "en", WORDS) and not misspellings("a small lampp", "en", WORDS, cut=True)


def test_without_a_dictionary_nothing_is_misspelt() -> None:
    assert misspellings("stary most jest zamkniety", "pl", WORDS) == []
