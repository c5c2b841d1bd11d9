"""Plotly figures of costs over requests, and of learning curves. Pure functions of values, dressed like the other charts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

from evaluation.breakeven import Line, break_even
from ui.charts import ACCENT, GREY, LINE, dress

if TYPE_CHECKING:
    import plotly.graph_objects as go

DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
COLOURS = (ACCENT, "#8a5a9e", "#b0721e", "#4a6fa5", "#a04848", GREY)
LEAST, MOST = 1_000, 10_000_000


def reach(lines: Sequence[Line]) -> int:
    """The largest number of requests that is drawn: past every crossing that there is."""
    found = [row.requests for a, b in combinations(lines, 2) if (row := break_even(a, b)).requests]
    return min(MOST, max([LEAST, *(int(10 ** math.ceil(math.log10(2 * requests))) for requests in found)]))


def steps(lines: Sequence[Line]) -> list[int]:
    """Powers of ten from 1 to the end of the chart, at most six."""
    powers = [10**power for power in range(round(math.log10(reach(lines))) + 1)] if lines else []
    return powers if len(powers) <= 6 else [powers[0], *powers[-5:]]


def totals(lines: Sequence[Line], names: Mapping[str, str], unit: str) -> go.Figure:
    """What N requests cost in all (up), by N (right), both logarithmic; where two lines cross is their break-even."""
    import plotly.graph_objects as go

    figure = go.Figure()
    end = reach(lines)
    xs = [10 ** (exponent / 12) for exponent in range(round(12 * math.log10(end)) + 1)]
    for place, line in enumerate(lines):
        figure.add_scatter(
            x=xs,
            y=[line.at(x) for x in xs],
            mode="lines",
            name=names[line.method],
            line={"color": COLOURS[place % len(COLOURS)], "dash": DASHES[place % len(DASHES)], "width": 2},
            hovertemplate=f"{names[line.method]}<br>%{{x:,.0f}} requests<br>%{{y:.3g}} {unit}<extra></extra>",
        )
    crossings = [(x := (a.fixed - b.fixed) / (b.each - a.each), a.at(x)) for a, b in combinations(lines, 2) if break_even(a, b).requests]
    figure.add_scatter(
        x=[x for x, _ in crossings],
        y=[y for _, y in crossings],
        mode="markers",
        name="break-even",
        marker={"symbol": "circle-open", "size": 9, "color": GREY},
        hovertemplate="break-even at %{x:,.0f} requests<extra></extra>",
        showlegend=bool(crossings),
    )
    dress(figure, "requests (log)", "seconds in all (log)" if unit == "s" else f"{unit} in all (log)")
    figure.update_xaxes(type="log", dtick=1, tickformat=",")
    figure.update_yaxes(type="log", dtick=1, exponentformat="none")
    figure.update_layout(showlegend=True, legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "font": {"color": GREY}})
    return figure


def learning(points: Sequence[Mapping[str, Any]], thing: str, metric: str) -> go.Figure:
    """A metric over shots or training rows, with 95 % intervals."""
    import plotly.graph_objects as go

    figure = go.Figure()
    figure.add_scatter(
        x=[p["x"] for p in points],
        y=[p["mean"] for p in points],
        mode="lines+markers",
        line={"color": ACCENT, "width": 2},
        marker={"size": 9, "color": ACCENT},
        error_y={
            "type": "data",
            "array": [_or(p["ci_high"], p["mean"]) - p["mean"] for p in points],
            "arrayminus": [p["mean"] - _or(p["ci_low"], p["mean"]) for p in points],
            "color": LINE,
            "thickness": 2,
            "width": 0,
        },
        hovertemplate="%{x:,} " + thing + "<br>" + metric + " %{y:.3f}<extra></extra>",
        name=metric,
    )
    dress(figure, thing, metric)
    figure.update_xaxes(tickvals=[p["x"] for p in points], rangemode="tozero")
    return figure


def _or(value: float | None, other: float) -> float:
    return other if value is None else value
