"""Points, the Pareto line, and figures."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from browsing import opened, ready_to_run, run_and_wait
from hypothesis import given
from hypothesis import strategies as st

from ui import charts
from ui.charts import Point
from ui.context import Context
from ui.handlers import chart, compare
from ui.handlers.compare import Shown

POINTS = st.lists(st.tuples(st.floats(0.01, 100), st.floats(0, 1)), min_size=1, max_size=12).map(
    lambda pairs: [Point(str(i), x, y, y, y) for i, (x, y) in enumerate(pairs)]
)


@given(POINTS, st.booleans())
def test_nothing_beats_a_point_of_the_pareto_line_and_something_beats_every_other(found: list[Point], higher: bool) -> None:
    sign = 1 if higher else -1
    front = charts.pareto(found, higher=higher)
    for point in found:
        beaten = any(q.x <= point.x and sign * q.y >= sign * point.y and (q.x, q.y) != (point.x, point.y) for q in found)
        if not beaten:
            assert (point.x, point.y) in {(p.x, p.y) for p in front}
    assert all(not any(q.x <= p.x and sign * q.y >= sign * p.y and (q.x, q.y) != (p.x, p.y) for q in found) for p in front)


def test_points_have_a_score_and_a_cost(report: dict[str, Any]) -> None:
    report["methods"][0]["cost"]["generate_s"] = None
    report["methods"][1]["scores"]["token_f1"]["mean"] = None
    assert [p.label for p in charts.points(report, "token_f1", "Time per answer")] == ["LoRA", "RAG", "LoRA + retrieval"]


def test_time_per_answer_and_in_all_hold_the_wording_of_prompts(report: dict[str, Any]) -> None:
    report["methods"] = report["methods"][2:3]
    report["methods"][0]["cost"] |= {"prepare_s": 4.0, "generate_s": 96.0, "word_s": 48.0}
    assert charts.points(report, "token_f1", "Time per answer")[0].x == 3.0
    assert charts.points(report, "token_f1", "Time in all")[0].x == 148.0


def test_each_axis_is_drawn_with_intervals(report: dict[str, Any]) -> None:
    for axis in charts.AXES:
        figure = charts.quality_cost(report, "token_f1", axis)
        points = figure.data[1]
        assert list(points.x) == sorted(points.x) and len(points.x) == 5
        assert all(abs(up - 0.07) < 0.01 for up in points.error_y.array)
        assert figure.layout.xaxis.type == "log"


def test_a_report_without_scores_gives_an_empty_chart_and_no_error(report: dict[str, Any]) -> None:
    report["methods"] = []
    assert len(charts.quality_cost(report, "token_f1").data[1].x) == 0


def test_loss_curves_have_their_own_steps() -> None:
    figure = charts.loss({"loss": [(1, 2.0), (2, 1.5)], "validation_loss": [(2, 1.7)], "epoch": [(1, 0.5)]})
    assert [(trace.name, list(trace.x)) for trace in figure.data] == [("training", [1, 2]), ("validation", [2])]


def test_the_table_and_the_csv_hold_what_is_drawn(ctx: Context, finished: str) -> None:
    shown = Shown("comparison", finished)
    drawn = chart.draw(ctx, shown, "token_f1", "Tokens per answer")
    rows = list(csv.DictReader(io.StringIO(chart.as_csv(ctx, shown, "token_f1", "Tokens per answer"))))
    report = compare.locate(ctx, shown).report
    found = charts.points(report, "token_f1", "Tokens per answer")
    assert [(row["method"], float(row["token_f1"]), float(row["ci_low"])) for row in rows] == [(p.label, p.y, p.low) for p in found]
    assert [float(row["prompt and answer tokens per answer"]) for row in rows] == [p.x for p in found]
    assert {row["on_pareto_line"] for row in rows} <= {"True", "False"}
    assert all(p.label in drawn.table and f"{p.y:.3f}" in drawn.table for p in found)


def test_a_method_without_a_point_is_named_under_the_chart(ctx: Context, finished: str, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = Shown("comparison", finished)
    found = compare.locate(ctx, shown)
    failed = [*found.report["methods"], {"name": "lora", "kind": "lora", "status": "failed", "reason": "x", "scores": {}, "cost": {}}]
    monkeypatch.setattr(chart, "locate", lambda *_: found._replace(report={**found.report, "methods": failed}))
    assert "Not drawn, since they lack this score or this cost: LoRA." in chart.draw(ctx, shown, "", "Tokens per answer").table


def test_a_method_that_is_named_like_a_formula_is_none_in_the_csv(ctx: Context, finished: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """F29"""
    shown = Shown("comparison", finished)
    found = compare.locate(ctx, shown)
    named = [{**method, "name": "=cmd|' /C calc'!A0", "kind": "rag"} for method in found.report["methods"]]
    monkeypatch.setattr(chart, "locate", lambda *_: found._replace(report={**found.report, "methods": named}))
    assert all(line.startswith("'=") for line in chart.as_csv(ctx, shown, "", "").splitlines()[1:])


@pytest.mark.browser
def test_the_chart_can_be_taken_along(serve: Callable[..., str], chromium: Any, examples_folder: Path, tmp_path: Path) -> None:
    page = opened(chromium, serve("--examples", str(examples_folder)))
    ready_to_run(page)
    run_and_wait(page)
    page.locator("#chart .js-plotly-plot").wait_for()
    page.locator("#chart_fold .label-wrap").click()
    taken = {}
    for form in ("png", "svg", "csv"):
        with page.expect_download() as download:
            page.locator(f"#chart_{form}").click()
        assert download.value.suggested_filename == f"quality-and-cost.{form}"
        download.value.save_as(tmp_path / form)
        taken[form] = (tmp_path / form).read_bytes()
    assert taken["png"].startswith(b"\x89PNG") and b"<svg" in taken["svg"][:100] and b"RAG" in taken["svg"]
    rows = list(csv.DictReader(io.StringIO(taken["csv"].decode("utf-8-sig"))))
    assert [row["method"] for row in rows] == page.locator("#chart_table tbody th").all_inner_texts()
