"""Causes of wrong answers, one rule at a time; the labelled cases stand in test_labelled.py."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.records import Example, Score, Unscored
from evaluation.causes import CAUSES, TaskFacts, WrongAnswer, causes, repeated, task_facts
from evaluation.correctness import is_right

REFERENCE = "The ferry leaves from the north quay at nine"
FACTS = TaskFacts(language="en", scripts=frozenset({"LATIN"}))


def found(text: str, facts: TaskFacts = FACTS, **more: Any) -> set[str]:
    return {cause.name for cause in causes(WrongAnswer(text, more.pop("reference", REFERENCE), **more), facts)}


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, {"knowledge"}),
        ({"retrieves": True, "retrieved": "yes"}, {"context_ignored"}),
        ({"retrieves": True, "retrieved": "no"}, {"retrieval_miss"}),
        ({"retrieves": True, "retrieved": "unknown"}, {"knowledge"}),
        ({"retrieved": "yes"}, {"knowledge"}),
        ({"finish_reason": "length"}, {"knowledge", "cut_off"}),
    ],
)
def test_wrong_content_is_laid_to_retriever_generator_or_knowledge(more: dict[str, Any], expected: set[str]) -> None:
    assert found("It sails from the fish hall", **more) == expected


@pytest.mark.parametrize("text", ["", "  ", "?", "I don't know.", "I'm sorry, but I cannot help with that."])
def test_nothing_and_a_refusal_are_one_cause(text: str) -> None:
    assert found(text) == {"empty_or_refusal"}
    assert found(text, retrieves=True, retrieved="no") == {"empty_or_refusal", "retrieval_miss"}


def test_declining_what_cannot_be_answered_is_no_refusal() -> None:
    assert found("I don't know.", reference="The handbook does not say.", answerable=False) == {"format"}
    assert "knowledge" in found("At nine", reference="The handbook does not say.", answerable=False)


def test_the_right_content_in_another_form_is_format_whoever_retrieved_it() -> None:
    text = "At nine the ferry leaves, from the north quay"
    assert found(text) == found(text, retrieves=True, retrieved="no") == {"format"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [("claims", {"knowledge"}), ("It is the claims team", {"format", "knowledge"}), ("The berths", {"format"}), ("It rains", {"format"})],
)
def test_with_labels_form_is_the_bare_label_and_content_the_one_it_names(text: str, expected: set[str]) -> None:
    facts = TaskFacts(labels=("claims", "berths"), language="en", scripts=frozenset({"LATIN"}))
    assert found(text, facts, reference="berths") == expected


def test_signs_that_all_references_have_are_part_of_the_form() -> None:
    examples = [Example(str(n), "", f"note {n}", f"sky {n} | rain > fell | next: none") for n in range(6)]
    facts = task_facts(examples)
    assert facts.marks == {"|", ">", ":"} and not facts.as_json and facts.language == "en"
    assert "format" in found("rain fell at 2", facts, reference=examples[2].reference)
    assert task_facts(examples[:4]).marks == frozenset(), "four references show no rule"


def test_json_is_a_form_of_its_own() -> None:
    facts = task_facts([Example(str(n), "", f"order {n}", f'{{"amount": {n}}}') for n in range(6)])
    assert facts.as_json
    assert "format" in found("amount: 3", facts, reference='{"amount": 3}')
    assert "format" not in found('{"amount": 4}', facts, reference='{"amount": 3}')


@pytest.mark.parametrize(
    ("text", "loop"),
    [
        ("no no no", "no"),
        ("no no", ""),
        ("the quay, the quay, the quay", "the quay"),
        ("it leaves at nine and it leaves at nine and", "it leaves at nine and"),
        ("one two three four, and one two three four, or one two three four", "one two three four"),
        ("the ferry and the quay and the hall", ""),
        ("it is a scene in a book by her. no. it is a scene in a book by him", "it is a scene in a book by"),
        ("", ""),
    ],
)
def test_a_loop_is_words_that_come_again_and_again(text: str, loop: str) -> None:
    assert repeated(text) == loop


def test_repeating_what_the_reference_repeats_is_no_fault() -> None:
    assert "repetitive" not in found("knock knock knock twice", reference="knock knock knock")


def test_too_long_and_too_short_go_by_the_references_length() -> None:
    assert "too_long" in found("word " * 20) and "too_long" not in found("some other words that are not many but several of them here")
    assert found("From the quay") == {"too_short"}
    assert "too_short" not in found("The bus"), "it is wrong, not short"


def test_another_language_hides_what_an_answer_knows() -> None:
    assert found("Le bateau part du quai nord à neuf heures") == {"other_language"}


def test_every_wrong_answer_has_a_cause_and_causes_come_in_order() -> None:
    for text in ("", "x", REFERENCE, "no " * 40, "12", "三", "🙂", "{"):
        names = [cause.name for cause in causes(WrongAnswer(text, REFERENCE), FACTS)]
        assert names and names == sorted(names, key=list(CAUSES).index)
    assert causes(WrongAnswer("a", ""), task_facts([]))


@settings(deadline=None)
@given(st.text(max_size=120), st.text(max_size=60))
def test_any_answer_to_any_reference_gets_a_cause(text: str, reference: str) -> None:
    for facts in (FACTS, TaskFacts(), TaskFacts(labels=("a", "b"))):
        assert causes(WrongAnswer(text, reference), facts)


@pytest.mark.parametrize(
    ("scored", "info", "right"),
    [
        (Score(0.5), {}, True),
        (Score(0.49), {}, False),
        (Score(50), {"low": 0, "high": 100}, True),
        (Score(2.9), {"low": 1, "high": 5}, False),
        (Score(0.2), {"higher_is_better": False}, True),
        (Unscored("no label"), {}, None),
        (None, {}, None),
    ],
)
def test_right_is_from_the_middle_of_the_range_on(scored: Any, info: dict[str, Any], right: bool | None) -> None:
    assert is_right(scored, info) is right
