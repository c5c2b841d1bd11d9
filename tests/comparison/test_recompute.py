"""A report's numbers without some items (E10, E11, E12): from saved scores alone, said in the report, and undone in one step."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from statistics import mean
from typing import Any

import pytest

from comparison.left_out import left_out
from comparison.plan import read_plan
from comparison.recompute import recompute, recomputed
from comparison.rescore import rescore
from comparison.result import Result
from comparison.store import Store
from core.errors import PlanError, StoreError
from core.records import Score
from models.fake import FakeModel

Complete = Callable[..., tuple[str, list[Any]]]


@pytest.fixture
def leaky(tmp_path: Path, task: Path, complete: Complete, mapping: dict[str, Any], store: Store) -> str:
    """A comparison of the small task, two of whose test questions stand in the documents."""
    work = tmp_path / "work"
    (work / "handbook").mkdir(parents=True)
    (work / "questions.jsonl").write_bytes((task / "questions.jsonl").read_bytes())
    page = work / "handbook" / "page.md"
    page.write_text("Nothing yet stands here.")
    plan = read_plan({**mapping, "data": {**mapping["data"], "near_from": 1.0}}, work)
    first = store.result(complete(plan)[0])
    page.write_text("\n\n".join(f"A visitor asked: {e.input} Nobody could tell him." for e in first.splits().test[:2]))
    return complete(read_plan({**mapping, "name": "Leaky", "data": {**mapping["data"], "near_from": 1.0}}, work))[0]


def numbers(result: Result, report: dict[str, Any], method: str) -> list[float]:
    scores = result.scores()["token_f1"][method]
    return [s.value for item, s in scores.items() if isinstance(s, Score) and item not in left_out(report["data"])]


def test_leaked_items_are_left_out_of_every_number(leaky: str, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """E11: the two planted items; means, n, pairs and power are of the ten others, a note says so, and no model is asked."""
    monkeypatch.setattr(FakeModel, "generate", None)
    result = store.result(leaky)
    before = (result.folder / "report.json").read_bytes()
    assert recompute(store, leaky, ["leaked"]) == "report.2.json"
    report = result.report()
    assert (report["data"]["left_out"]["count"], report["data"]["counts"]["test"]) == (2, 12)
    for method in report["methods"]:
        summary = method["scores"]["token_f1"]
        assert (summary["n"], summary["unscored"]) == (10, 0)
        assert summary["mean"] == pytest.approx(mean(numbers(result, report, method["name"])))
    assert sum(note.startswith("Recomputed without 2 of 12 test items: ") for note in report["notes"]) == 1
    assert (result.folder / "report.json").read_bytes() == before
    assert set(report["metrics"]) == {"token_f1", "exact_match"} and report["verdict"]["primary"] == "token_f1"


def test_none_brings_all_items_back_and_the_same_wish_writes_nothing_new(leaky: str, store: Store) -> None:
    result = store.result(leaky)
    first = result.report()
    recompute(store, leaky, ["listed"])
    assert recompute(store, leaky, ["listed"]) == "report.2.json"
    assert recompute(store, leaky, ["none"]) == "report.3.json"
    assert json.loads((result.folder / "report.3.json").read_text()) == first
    assert recompute(store, leaky, ["none"]) == "report.3.json"


def test_items_can_be_named(leaky: str, store: Store) -> None:
    items = [e.id for e in store.result(leaky).splits().test][3:6]
    recompute(store, leaky, items)
    report = store.result(leaky).report()
    assert report["data"]["left_out"]["items"] == sorted(items)
    assert report["methods"][0]["scores"]["token_f1"]["n"] == 9


def test_scoring_by_a_further_metric_leaves_the_same_items_out(leaky: str, store: Store) -> None:
    recompute(store, leaky, ["leaked"])
    list(rescore(store, leaky, ["rouge1"]))
    report = store.result(leaky).report()
    assert [report["methods"][0]["scores"][metric]["n"] for metric in ("token_f1", "rouge1")] == [10, 10]
    assert report["data"]["left_out"]["count"] == 2


@pytest.mark.parametrize(
    ("without", "word"),
    [(["nobody"], "none of the 12"), ([], "must be ids"), (["leaked", "x"], "must be ids"), (["none", "listed"], "must be ids")],
)
def test_what_cannot_be_left_out_is_refused(leaky: str, store: Store, without: list[str], word: str) -> None:
    with pytest.raises(PlanError, match=word):
        recompute(store, leaky, without)
    assert store.result(leaky).report_names() == ["report.json"]


def test_leaving_everything_out_is_refused(leaky: str, store: Store) -> None:
    result = store.result(leaky)
    with pytest.raises(PlanError, match="All 12 test items"):
        recompute(store, leaky, [e.id for e in result.splits().test])
    with pytest.raises(StoreError, match="no comparison"):
        recompute(store, "20260101-000000-0000-00000000", ["leaked"])


def test_a_comparison_of_before_there_was_a_guard_is_recomputed_from_its_report(leaky: str, store: Store) -> None:
    (store.folder(leaky) / "leaks.json").unlink()
    recompute(store, leaky, ["leaked"])
    assert store.result(leaky).report()["data"]["left_out"]["count"] == 2


def test_a_frozen_result_is_recomputed_without_writing(leaky: str, store: Store, tmp_path: Path) -> None:
    from comparison.export import freeze

    freeze(store.result(leaky), tmp_path / "frozen")
    frozen = Result(tmp_path / "frozen")
    items = [e.id for e in frozen.splits().test][:4]
    assert recomputed(frozen, frozen.report(), items)["methods"][0]["scores"]["token_f1"]["n"] == 8
    assert frozen.report_names() == ["report.json"]


def test_the_command_prints_the_new_table_and_says_what_is_left_out(
    command: Callable[..., Any], write_plan: Callable[..., Path], tmp_path: Path
) -> None:
    done = command("run", write_plan(), "--json")
    comparison_id = json.loads(done.stdout)["id"]
    again = command("recompute", comparison_id, "--without", "nobody", "--json")
    assert again.returncode == 2 and "error" in json.loads(again.stdout)
    item = next(iter(json.loads((tmp_path / "home" / "comparisons" / comparison_id / "splits.json").read_text())["test"]))["id"]
    shown = command("recompute", comparison_id, "--without", item)
    assert shown.returncode == 0, shown.stderr
    assert "token_f1" in shown.stdout and "Note: Recomputed without 1 of 12 test items" in shown.stdout
