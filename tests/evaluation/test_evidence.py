"""Hit, partial or miss, and a prompt's passages as a ranking."""

from __future__ import annotations

import pytest

from core.records import Example, Passage
from evaluation.evidence import ANSWER, evidence

KEEPER = Example("a", "", "Who keeps the light?", "Ottilie Brandt")
NAMED = Example("a", "", "Who keeps the light?", "Ottilie Brandt", columns={"document": "light.md"})
BOTH = Example("a", "", "Who keeps the light?", "The sister of the pilot's widow", columns={"document": "light.md; pier.md"})

HOLDS = Passage("light.md#0", "guide/light.md", "The light is kept by Ottilie Brandt.", 0, 36)
BESIDE = Passage("light.md#1", "guide/light.md", "Its lamp burns oil.", 37, 56)
PIER = Passage("pier.md#0", "guide/pier.md", "The light is kept by Ottilie Brandt, they say on the pier.", 0, 58)
RAIN = Passage("rain.md#0", "guide/rain.md", "Rain.", 0, 5)


@pytest.mark.parametrize(
    ("passages", "outcome"),
    [([RAIN, HOLDS], "hit"), ([BESIDE, RAIN], "partial"), ([RAIN], "miss"), ([PIER], "miss"), ([], "miss")],
)
def test_with_a_named_document_a_part_is_another_passage_of_it(passages: list[Passage], outcome: str) -> None:
    found = evidence(NAMED, passages, known=True)
    assert found.outcome == outcome and found.gold == {"light.md"}


def test_a_passage_stands_for_its_document_as_the_data_name_it() -> None:
    found = evidence(NAMED, [RAIN, BESIDE, HOLDS], known=True)
    assert found.ids == ("guide/rain.md", "light.md", "light.md") and found.answer == (False, False, True)


@pytest.mark.parametrize(("passages", "outcome"), [([HOLDS, PIER], "hit"), ([PIER], "partial"), ([RAIN], "miss")])
def test_where_the_answer_is_worded_otherwise_all_named_documents_make_a_hit(passages: list[Passage], outcome: str) -> None:
    found = evidence(BOTH, passages, known=False)
    assert found.outcome == outcome and found.answer is None and found.gold == {"light.md", "pier.md"}


@pytest.mark.parametrize(
    ("passages", "known", "outcome"),
    [([HOLDS], False, "hit"), ([RAIN, PIER], True, "hit"), ([BESIDE], True, "miss"), ([BESIDE], False, None)],
)
def test_without_a_named_document_the_answer_is_what_must_be_found(passages: list[Passage], known: bool, outcome: str | None) -> None:
    found = evidence(KEEPER, passages, known)
    assert found.outcome == outcome and found.gold == ({ANSWER} if outcome else set())


def test_a_label_is_nothing_to_look_for_in_a_passage() -> None:
    labelled = Example("a", "", "My crate is wet", "Brandt", columns={"document": "light.md"})
    assert evidence(labelled, [BESIDE], known=True, labels=("Brandt", "Pier")).outcome == "hit"
    assert evidence(Example("a", "", "My crate is wet", "Brandt"), [HOLDS], known=False, labels=("Brandt", "Pier")).outcome is None


def test_a_column_that_names_no_documents_can_be_left_aside() -> None:
    emailed = Example("a", "", "Who keeps the light?", "Ottilie Brandt", columns={"source": "email"})
    assert evidence(emailed, [HOLDS], known=True).outcome == "miss"
    assert evidence(emailed, [HOLDS], known=True, by_document=False).gold == {ANSWER}
