"""What was cut or left out is counted in the result and said in a note."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from comparison import jobs, lines
from comparison.export import export
from comparison.plan import read_plan
from comparison.run import run
from comparison.store import Store
from core.errors import DataError
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


def test_no_path_of_the_machine_is_in_reports_events_or_exports(
    complete: Complete, mapping: dict[str, Any], tmp_path: Path, store: Store, task: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F18: bad rows, skipped documents, and whatever a failing method or metric says go by names."""
    home = tmp_path / "secret-home"
    home.mkdir()
    (home / "questions.jsonl").write_text((task / "questions.jsonl").read_text() + "no row\n")
    (home / "handbook").mkdir()
    (home / "handbook" / "page.md").write_text("Text.")
    (home / "handbook" / "picture.png").write_bytes(b"\x89PNG")
    (home / "count.py").write_text("raise ValueError(__file__)")
    metrics = ["token_f1", {"evaluate": "count.py", "name": "count"}]
    plan = read_plan({**mapping, "metrics": metrics, "methods": [{"kind": "zero_shot"}, {"kind": "rag"}]}, home)
    monkeypatch.setattr("adapters.rag.BoundRag.prompts", lambda *_: open(home / "handbook" / "gone.md"))  # noqa: SIM115, PTH123
    monkeypatch.setattr("evaluation.hub_metric.HubMetric.load", lambda self: open(self.source + "c"))  # noqa: SIM115, PTH123
    result = store.result(complete(plan)[0])
    report = result.report()
    assert report["data"]["bad_rows"]["first"][0]["file"] == "questions.jsonl"
    assert [method["status"] for method in report["methods"]] == ["done", "failed"]
    assert report["methods"][0]["scores"]["count"]["n"] == 0
    texts = [(result.folder / name).read_text() for name in ("report.json", "events.jsonl", "splits.json", "environment.json")]
    for form in ("json", "csv", "md", "html", "folder"):
        export(result, form, tmp_path / "out" / form)
    texts += [path.read_text() for path in (tmp_path / "out").rglob("*") if path.is_file() and path.suffix != ".gz"]
    texts += ["".join(json.dumps(line.record) for line in lines.read(result.folder / "scores.jsonl.gz"))]
    assert [text for text in texts if "secret-home" in text] == []


def test_a_run_that_cannot_go_on_says_why_and_the_remedy_without_a_path(
    complete: Complete, mapping: dict[str, Any], tmp_path: Path, store: Store, task: Path
) -> None:
    (tmp_path / "questions.jsonl").write_bytes((task / "questions.jsonl").read_bytes())
    plan = read_plan({**mapping, "knowledge": None, "methods": [{"kind": "zero_shot"}]}, tmp_path)
    comparison_id, _ = complete(plan)
    (tmp_path / "questions.jsonl").unlink()
    jobs.requeue(store, comparison_id, jobs.own_handle())
    with pytest.raises(DataError, match=r"no file 'questions\.jsonl'") as error:
        list(run(plan, store, comparison_id))
    said = (store.folder(comparison_id) / "events.jsonl").read_text()
    assert error.value.remedy and error.value.remedy in said
    assert str(tmp_path) not in said
