"""A report states which item scores it was made of."""

from __future__ import annotations

from typing import Any

from comparison import pinned
from core.records import Score, Unscored

SCORES = {
    "token_f1": {"rag": {"a": Score(0.5), "b": Unscored("no answer: cut")}, "lora": {"a": Score(1.0), "b": Score(0.0)}},
    "rouge1": {"rag": {"a": Score(0.25), "b": Score(0.75)}},
}


def report(stated: dict[str, dict[str, Any]], metrics: tuple[str, ...] = ("token_f1", "rouge1")) -> dict[str, Any]:
    return {"metrics": {key: {} for key in metrics}, "methods": [{"name": name, **stated.get(name, {})} for name in ("rag", "lora")]}


def test_what_a_report_was_made_of_is_found_again() -> None:
    stated = report(pinned.digests(SCORES))
    assert pinned.scores_of(stated, SCORES) == (SCORES, [])


def test_the_order_of_items_changes_no_digest_and_a_value_or_a_reason_does() -> None:
    one = SCORES["token_f1"]["rag"]
    assert pinned.digest(dict(reversed(one.items()))) == pinned.digest(one)
    assert len({pinned.digest(one), pinned.digest({**one, "a": Score(0.4)}), pinned.digest({**one, "b": Unscored("another")})}) == 3


def test_scores_that_were_worked_out_anew_are_left_out_and_named() -> None:
    stated = report(pinned.digests(SCORES))
    later = {**SCORES, "token_f1": {**SCORES["token_f1"], "rag": {"a": Score(0.6), "b": Score(0.6)}}}
    found = pinned.scores_of(stated, later)
    assert found.scores == {"token_f1": {"lora": SCORES["token_f1"]["lora"]}, "rouge1": SCORES["rouge1"]}
    assert found.changed == ["token_f1"]


def test_metrics_and_methods_that_came_later_are_not_shown() -> None:
    stated = report(pinned.digests({"token_f1": SCORES["token_f1"]}), ("token_f1",))
    later = {**SCORES, "token_f1": {**SCORES["token_f1"], "zero_shot": {"a": Score(0.1)}}}
    assert pinned.scores_of(stated, later) == ({"token_f1": SCORES["token_f1"]}, [])


def test_a_method_that_failed_then_and_was_scored_since_is_not_shown() -> None:
    digests = pinned.digests({"token_f1": {"rag": SCORES["token_f1"]["rag"]}})
    stated = report({**digests, "lora": {pinned.KEY: {}}}, ("token_f1",))
    assert pinned.scores_of(stated, SCORES) == ({"token_f1": {"rag": SCORES["token_f1"]["rag"]}}, [])


def test_an_older_report_without_digests_shows_its_metrics() -> None:
    assert pinned.scores_of(report({}, ("rouge1",)), SCORES) == ({"rouge1": SCORES["rouge1"]}, [])
