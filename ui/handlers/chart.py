"""Quality against cost: the chart, the same as a table, and as lines of CSV."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, NamedTuple

from comparison.export import safe_cell
from ui import charts, present
from ui.charts import Point
from ui.context import Context
from ui.handlers.compare import Shown, locate
from ui.markup import render
from ui.present import Report

if TYPE_CHECKING:
    import plotly.graph_objects as go


class Chosen(NamedTuple):
    """What the chart is about: an unknown metric or axis has fallen back to the first."""

    report: Report
    metric: str
    axis: str
    higher: bool


class Drawn(NamedTuple):
    """The chart, and its points as HTML."""

    figure: go.Figure
    table: str


def _choose(ctx: Context, shown: Shown, metric: str, axis: str) -> Chosen:
    report = locate(ctx, shown).report
    names = present.metric_names(report)
    known = metric if metric in names else (names[0] if names else "")
    higher = (present.infos(report).get(known) or {}).get("higher_is_better", True)
    return Chosen(report, known, axis if axis in charts.AXES else next(iter(charts.AXES)), higher)


def draw(ctx: Context, shown: Shown, metric: str, axis: str) -> Drawn:
    """The chart of a metric against a cost, and the table beside it."""
    chosen = _choose(ctx, shown, metric, axis)
    figure = charts.quality_cost(chosen.report, chosen.metric, chosen.axis, higher=chosen.higher)
    return Drawn(figure, _table(chosen))


def _table(chosen: Chosen) -> str:
    found = charts.points(chosen.report, chosen.metric, chosen.axis)
    front = charts.pareto(found, higher=chosen.higher)
    drawn = {point.label for point in found}
    rows = [(p.label, f"{p.y:.3f}", _interval(p), f"{p.x:.3g}", "yes" if p in front else "no") for p in found]
    absent = [label for m in chosen.report["methods"] if (label := present.method_label(m)) not in drawn]
    heads = (present.metric_label(chosen.metric), "95 % interval", charts.cost_title(chosen.axis).capitalize(), "Nothing beats it in both")
    return render("chart_table", heads=heads, rows=rows, absent=absent)


def _interval(point: Point) -> str:
    return f"{point.low:.3f} to {point.high:.3f}" if point.low < point.high else "–"


def as_csv(ctx: Context, shown: Shown, metric: str, axis: str) -> str:
    """The points as CSV; what a spreadsheet would take for a formula gets an apostrophe in front."""
    chosen = _choose(ctx, shown, metric, axis)
    found = charts.points(chosen.report, chosen.metric, chosen.axis)
    front = charts.pareto(found, higher=chosen.higher)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(["method", chosen.metric, "ci_low", "ci_high", charts.cost_title(chosen.axis), "on_pareto_line"])
    for p in found:
        writer.writerow([safe_cell(cell) for cell in (p.label, p.y, p.low, p.high, p.x, p in front)])
    return out.getvalue()
