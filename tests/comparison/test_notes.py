"""What was cut or left out is counted in the result and said in a note."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from comparison.plan import read_plan
from comparison.store import Store
from models.base import Completion
from models.fake import FakeModel

Complete = Callable[..., tuple[str, list[Any]]]


def test_prompts_that_lost_passages_or_demonstrations_are_counted(
    complete: Complete, mapping: dict[str, Any], task: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """E7: the count of shortened samples stands in the result, and a note says so."""
    methods = [{"kind": "zero_shot"}, {"kind": "few_shot", "shots": 8}, {"kind": "rag", "top_k": 6}]
    identity = replace(FakeModel("fake/echo").identity, context_length=484)
    monkeypatch.setattr("comparison.ready.identify", lambda spec, home: identity)
    result = store.result(complete(read_plan({**mapping, "methods": methods}, task))[0])
    report = result.report()
    zero, few, rag = report["methods"]
    assert (zero["shortened_prompts"], zero["dropped_passages"]) == (0, 0)
    assert (few["shortened_prompts"], few["dropped_passages"]) == (12, 0)
    dropped = [answer.prompt.dropped_passages for answer in result.answers("rag").answers.values()]
    assert (rag["shortened_prompts"], rag["dropped_passages"]) == (sum(map(bool, dropped)), sum(dropped))
    assert rag["dropped_passages"] > 0
    assert [note.partition(":")[0] for note in report["notes"] if "no room" in note] == ["few_shot", "rag"]


@pytest.mark.parametrize(("limit", "warned"), [(4, True), (64, False)])
def test_many_cut_answers_are_warned_of(
    complete: Complete, mapping: dict[str, Any], task: Path, store: Store, limit: int, warned: bool
) -> None:
    """E4: over 5 % of a method's answers reached max_new_tokens."""
    report = store.result(complete(read_plan({**mapping, "generation": {"max_new_tokens": limit}}, task))[0]).report()
    assert [method["cut"] > 0 for method in report["methods"]] == [warned, warned]
    assert any("cut at 4 tokens" in note and "max_new_tokens" in note for note in report["notes"]) is warned


@pytest.mark.parametrize(("cut", "warned"), [(1, False), (2, True)])
def test_the_warning_of_cut_answers_begins_above_one_in_twenty(
    complete: Complete, mapping: dict[str, Any], task: Path, store: Store, monkeypatch: pytest.MonkeyPatch, cut: int, warned: bool
) -> None:
    """E4: 1 of 24 (4.2 %) is none, 2 of 24 (8.3 %) is one."""

    def complete_one(self: FakeModel, prompt_ids: Any, config: Any) -> Completion:
        seen.append(1)
        return Completion("said", (1,), "length" if len(seen) <= cut else "stop")

    seen: list[int] = []
    monkeypatch.setattr(FakeModel, "_complete", complete_one)
    data = {**mapping["data"], "split": {"train": 0.5, "validation": 0.0, "test": 0.5}}
    plan = read_plan({**mapping, "data": data, "methods": [{"kind": "zero_shot"}]}, task)
    report = store.result(complete(plan)[0]).report()
    assert (report["methods"][0]["n"], report["methods"][0]["cut"]) == (24, cut)
    assert any("were cut" in note for note in report["notes"]) is warned
