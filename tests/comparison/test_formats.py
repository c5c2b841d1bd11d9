"""E30: one prompt format can decide the ranking. The run in three formats, on the fake model, and the numbers that come of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from comparison.again import last_state
from comparison.events import Answered
from comparison.format_spread import ONE_FORMAT, prompt_format
from comparison.formats import formats
from comparison.plan import read_plan
from comparison.rescore import rescore
from comparison.store import Store
from core.errors import PlanError
from core.records import Answer, Message, Prompt, Score, Unscored

Complete = Callable[..., Any]
METHODS = [{"kind": "zero_shot"}, {"kind": "few_shot", "shots": 1}]


def test_every_method_is_asked_in_two_more_formats_and_the_report_says_what_that_changes(
    mapping: dict[str, Any], task: Path, store: Store, complete: Complete
) -> None:
    comparison_id, _ = complete(read_plan({**mapping, "methods": METHODS}, task))
    before = store.result(comparison_id).report()
    assert before["prompt_format"] == {"formats": 1, "statement": ONE_FORMAT}
    list(formats(store, comparison_id))
    result = store.result(comparison_id)
    found, report = result.report()["prompt_format"], result.report()
    assert (
        found["formats"] == 3 and set(found["methods"]) == {"zero_shot", "few_shot"} and found["statement"].startswith("3 prompt formats")
    )
    mean = next(m for m in report["methods"] if m["name"] == "zero_shot")["scores"][found["metric"]]["mean"]
    assert found["methods"]["zero_shot"]["means"]["1"] == pytest.approx(mean)
    assert report["pairwise"] == before["pairwise"], "the table stays that of the first format"
    turns = next(iter(result.answers("few_shot.format2").answers.values())).prompt.messages
    assert turns[-1].content.startswith("Input: ") and turns[-1].content.endswith("Output:")
    assert last_state(result, "formats")["state"] == "done"


def test_the_second_time_nothing_is_generated_and_later_reports_keep_it(
    mapping: dict[str, Any], task: Path, store: Store, complete: Complete
) -> None:
    comparison_id, _ = complete(read_plan({**mapping, "methods": METHODS}, task))
    list(formats(store, comparison_id))
    assert not any(isinstance(event, Answered) for event in formats(store, comparison_id))
    list(rescore(store, comparison_id, ["rouge1"]))
    assert store.result(comparison_id).report()["prompt_format"]["formats"] == 3


def test_a_method_that_is_not_there_is_refused(mapping: dict[str, Any], task: Path, store: Store, complete: Complete) -> None:
    comparison_id, _ = complete(read_plan({**mapping, "methods": METHODS}, task))
    with pytest.raises(PlanError, match="few_shott"):
        list(formats(store, comparison_id, ["few_shott"]))
    assert store.result(comparison_id).report_names() == ["report.json"]


def answer(text: str) -> Answer:
    return Answer("i", text, (1,), "stop", Prompt((Message("user", "?"),)), 1)


ANSWERS = {"a": {"1": answer("x")}, "b": {"1": answer("y")}}


def table(a: list[float | None], b: list[float | None]) -> dict[str, Any]:
    def column(values: list[float | None]) -> dict[str, Any]:
        return {str(n): Unscored("cut") if value is None else Score(value) for n, value in enumerate(values)}

    return {"f1": {"a": column(a), "b": column(b)}}


def test_a_ranking_that_turns_round_is_said_over_the_items_that_all_have() -> None:
    own, second = table([1.0, 1.0, 0.0], [0.0, 0.0, 0.0]), table([0.0, 0.0, None], [1.0, 0.0, 1.0])
    found = prompt_format(ANSWERS, "f1", own, {2: second, 3: {}})
    assert found is not None and (found["formats"], found["n"]) == (2, 2)
    assert found["methods"]["a"] == {"means": {"1": 1.0, "2": 0.0}, "low": 0.0, "high": 1.0}
    assert found["best"] == {"1": "a", "2": "b"} and "changes with the format: a in format 1, b in format 2" in found["statement"]


def test_lower_is_better_turns_who_is_best() -> None:
    found = prompt_format(ANSWERS, "f1", table([1.0], [0.0]), {2: table([1.0], [0.5])}, higher=False)
    assert found is not None and found["best"] == {"1": "b", "2": "b"} and "b has the best f1 in each" in found["statement"]


def test_methods_without_prompts_have_no_format() -> None:
    bare = {"a": {"1": Answer("i", "x", (1,), "stop", Prompt(()), 0)}}
    assert prompt_format(bare, "f1", table([1.0], [1.0]), {}) is None
