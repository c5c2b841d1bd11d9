"""Points, the Pareto line, and figures."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ui import charts
from ui.charts import Point

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
