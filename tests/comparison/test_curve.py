"""Learning curves: an ordinary comparison of one method at several sizes, whose known points cost nothing, and which reaches its origin's verdict."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from comparison.curve import curve_of, curve_plan
from comparison.plan import read_plan
from comparison.recompute import recompute
from comparison.store import Store
from core.errors import PlanError

Complete = Callable[..., tuple[str, list[Any]]]
PLAN: dict[str, Any] = {
    "name": "Desk",
    "primary": "judge",
    "judge": {"model": "same"},
    "data": {"path": "x.jsonl"},
    "metrics": ["judge", "token_f1"],
    "methods": [
        {"kind": "few_shot", "name": "near", "shots": 3, "selection": "similar"},
        {"kind": "lora", "name": "both", "with_retrieval": True},
        {"kind": "lora", "rank": 4},
    ],
}


def names(plan: dict[str, Any]) -> list[str]:
    return [method["name"] for method in plan["methods"]]


def test_shots_go_from_none_to_eight_with_the_methods_other_settings() -> None:
    plan = curve_plan(PLAN, "shots", 100)
    assert names(plan) == ["shots-0", "shots-1", "shots-2", "shots-4", "shots-8"]
    assert plan["methods"][0] == {"kind": "zero_shot", "name": "shots-0"}
    assert plan["methods"][4] == {"kind": "few_shot", "name": "shots-8", "shots": 8, "selection": "similar"}
    assert plan["curve"] == {"over": "shots", "of": "", "method": "near"}
    assert plan["metrics"] == ["token_f1"] and "judge" not in plan and "primary" not in plan
    assert names(curve_plan(PLAN, "shots", 3)) == ["shots-0", "shots-1", "shots-2"]


def test_rows_are_a_quarter_half_and_all_of_them() -> None:
    plan = curve_plan(PLAN, "train_rows", 122)
    assert [method["train_rows"] for method in plan["methods"]] == [30, 61, 122]
    assert all(method["kind"] == "lora" and method["rank"] == 4 for method in plan["methods"])
    assert curve_plan(PLAN, "train_rows", 122, method="both", steps=[10, 5])["methods"][0]["with_retrieval"] is True
    bare = curve_plan({**PLAN, "methods": []}, "train_rows", 40)
    assert (bare["methods"][0], bare["curve"]["method"]) == ({"kind": "lora", "name": "rows-10", "train_rows": 10}, "lora")


@pytest.mark.parametrize(
    ("over", "rows", "more", "word"),
    [
        ("epochs", 100, {}, "shots or train_rows"),
        ("shots", 100, {"method": "lora"}, "needs a method of kind few_shot"),
        ("shots", 100, {"steps": [0, 200]}, "between 0 and the 100"),
        ("train_rows", 100, {"steps": [0, 50]}, "between 1 and the 100"),
        ("shots", 100, {"steps": [4, 4]}, "2 to 12 points; there are 1"),
        ("train_rows", 0, {}, "there are 0"),
    ],
)
def test_what_makes_no_curve_is_refused(over: str, rows: int, more: dict[str, Any], word: str) -> None:
    with pytest.raises(PlanError, match=word):
        curve_plan(PLAN, over, rows, **more)


def test_a_curve_reuses_what_is_known_and_reaches_the_verdict_of_its_origin(
    complete: Complete, mapping: dict[str, Any], task: Path, store: Store
) -> None:
    origin, _ = complete(read_plan(mapping, task))
    result = store.result(origin)
    plan = curve_plan(result.plan(), "shots", 28, steps=[0, 2, 4], of=origin)
    report = store.result(complete(read_plan(plan, result.folder))[0]).report()
    reused = {method["name"]: method["cost"]["reused"] for method in report["methods"]}
    assert [reused[name]["batches"] for name in ("shots-0", "shots-2", "shots-4")] == [3, 3, 0]
    points = report["curve"]["metrics"]["token_f1"]["points"]
    means = {method["name"]: method["scores"]["token_f1"]["mean"] for method in report["methods"]}
    assert [(point["x"], point["mean"]) for point in points] == [(0, means["shots-0"]), (2, means["shots-2"]), (4, means["shots-4"])]
    assert result.report_names() == ["report.json", "report.2.json"]
    after = result.report()
    assert after["curves"]["shots"]["comparison"] == report["id"]
    assert "from 2 to 4 shots few-shot" in after["verdict"]["text"]
    recompute(store, origin, [result.splits().test[0].id])
    assert "from 2 to 4 shots few-shot" in result.report()["verdict"]["text"]


def test_a_curve_of_another_owner_or_of_nothing_stays_by_itself(
    complete: Complete, mapping: dict[str, Any], task: Path, store: Store
) -> None:
    origin, _ = complete(read_plan(mapping, task))
    card = store.folder(origin) / "comparison.json"
    card.write_text(card.read_text().replace('"local"', '"somebody"'))
    for of in (origin, "20260101-000000-0000-00000000"):
        plan = curve_plan({**mapping, "name": of}, "shots", 28, steps=[1, 2], of=of)
        assert store.result(complete(read_plan(plan, task))[0]).report()["curve"]["of"] == of
    assert store.result(origin).report_names() == ["report.json"]


def test_a_point_that_failed_is_left_out_and_two_are_needed_for_a_step() -> None:
    method = {"name": "shots-1", "status": "done", "spec": {"shots": 1}, "scores": {"f1": {"mean": 0.5, "ci_low": 0.4, "ci_high": 0.6}}}
    failed = {"name": "shots-2", "status": "failed", "spec": {"shots": 2}, "scores": {}}
    report = {"plan": {"curve": {"over": "shots"}}, "methods": [failed, method], "metrics": {"f1": {"label": "F1"}}, "pairwise": []}
    found = curve_of(report)
    assert found is not None
    assert found["metrics"]["f1"] == {"points": [{"x": 1, "mean": 0.5, "ci_low": 0.4, "ci_high": 0.6}], "step": None, "clause": ""}
    assert curve_of({**report, "plan": {}}) is None


def test_the_command_runs_a_curve_of_a_finished_comparison(command: Callable[..., Any], write_plan: Callable[..., Path]) -> None:
    import json

    first = json.loads(command("run", write_plan(), "--json").stdout)
    done = command("curve", first["id"], "--over", "shots", "--steps", "0,1", "--json")
    assert done.returncode == 0, done.stderr
    assert [point["x"] for point in json.loads(done.stdout)["curve"]["metrics"]["token_f1"]["points"]] == [0, 1]
    wrong = command("curve", first["id"], "--over", "shots", "--steps", "a,b")
    assert wrong.returncode == 2 and "whole numbers" in wrong.stderr
