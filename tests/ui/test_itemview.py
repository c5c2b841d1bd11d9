"""Items side by side, and the filters."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.records import Answer, FinishReason, Message, Passage, Prompt, Retrieved, Score, Unscored
from ui import itemview
from ui.itemview import Question
from ui.markup import render


def answer(example: str, text: str, finish: FinishReason = "stop") -> Answer:
    found = (Retrieved(Passage("p", "keg.md", "<b>keg</b>", 3, 13), 0.71, 0),)
    return Answer(example, text, (1, 2, 3), finish, Prompt((Message("user", f"ask {example}"),), ("d",), found), 9)


ANSWERS = {
    "zero_shot": {"a": answer("a", "red"), "b": answer("b", "blue"), "c": answer("c", "green", "length")},
    "few_shot": {"a": answer("a", "red "), "b": answer("b", "navy"), "c": answer("c", "green")},
}
SCORES = {
    "token_f1": {
        "zero_shot": {"a": Score(0.9), "b": Score(0.1), "c": Unscored("no words")},
        "few_shot": {"a": Score(1), "b": Score(0.0), "c": Score(0.2)},
    }
}


@pytest.mark.parametrize(
    ("wanted", "kept"),
    [
        ("All", "abc"),
        ("They differ", "b"),
        ("Only one right", ""),
        ("All wrong", "b"),
        ("Cut", "c"),
        ("Unscored", "c"),
        ("no such filter", "abc"),
    ],
)
def test_a_filter_keeps_what_it_names(wanted: str, kept: str) -> None:
    assert itemview.keep(["a", "b", "c"], wanted, ANSWERS, SCORES, "token_f1") == list(kept)


@pytest.mark.parametrize(
    ("info", "wanted", "kept"),
    [
        ({"low": 0, "high": 100}, "All wrong", "abc"),
        ({"low": 0, "high": 100}, "Only one right", ""),
        ({"low": 0, "high": 1}, "All wrong", "c"),
        ({"low": 0, "high": 1}, "Only one right", "b"),
        ({"low": 0, "high": 1, "higher_is_better": False}, "All wrong", "a"),
    ],
)
def test_right_is_from_the_middle_of_the_metrics_own_range(info: dict[str, Any], wanted: str, kept: str) -> None:
    values = {"zero_shot": (0.9, 0.8, 0.2), "rag": (0.9, 0.1, 0.3)}
    scores = {"chrf": {name: {i: Score(v) for i, v in zip("abc", found, strict=True)} for name, found in values.items()}}
    assert itemview.keep(["a", "b", "c"], wanted, {}, scores, "chrf", info) == list(kept)


def test_an_item_that_could_not_be_asked_says_why(report: dict[str, Any]) -> None:
    report["methods"][1]["failures"] = {"z": "the question is longer than the context"}
    cards = itemview.cards(report, Question("z", "", "?", "x"), ANSWERS, SCORES, {})
    assert (cards[0].missing, cards[1].missing) == ("No answer to this item.", "the question is longer than the context")


def test_a_card_shows_scores_tokens_prompt_and_passages(report: dict[str, Any]) -> None:
    report["methods"] = report["methods"][:2]
    cards = itemview.cards(report, Question("c", "", "colour?", "green"), ANSWERS, SCORES, {"zero_shot": {"c": 0.42}})
    assert cards[0].facts == "9 + 3 tokens, 0.42 s" and cards[0].cut and not cards[1].cut
    assert cards[0].scores == [("Token F1", "unscored (no words)")] and cards[1].scores == [("Token F1", "0.20")]
    assert cards[0].turns == [("user", "ask c")] and cards[0].passages[0].score == 0.71


def test_a_method_without_an_answer_says_so(report: dict[str, Any]) -> None:
    cards = itemview.cards(report, Question("a", "", "colour?", "red"), ANSWERS, SCORES, {})
    assert cards[4].missing == "No answer to this item."


def test_hostile_answers_are_text_on_the_page(report: dict[str, Any]) -> None:
    evil = "<img src=x onerror=alert(1)>"
    report["methods"] = report["methods"][:1]
    cards = itemview.cards(report, Question("a", evil, evil, evil), {"zero_shot": {"a": answer("a", f"{evil} <b>bold</b>")}}, {}, {})
    html = render("items", q=Question("a", evil, evil, evil), cards=cards)
    assert "<img" not in html and "<b>" not in html.replace("<b>{{", "") and "&lt;img" in html


@given(st.text(max_size=60), st.text(max_size=60))
def test_pieces_lose_and_add_nothing(said: str, reference: str) -> None:
    assert "".join(piece.text for piece in itemview.pieces(said, reference)) == said


def test_words_of_the_reference_are_marked() -> None:
    pieces = itemview.pieces("The keg holds milk", "the keg holds 20 litres")
    assert [(p.text.strip(), p.shared) for p in pieces] == [("The keg holds", True), ("milk", False)]
