"""The plotly figure of gained against forgotten. A pure function of values, dressed like the other charts."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ui.charts import ACCENT, GREY, LINE, dress
from ui.forgotten import Point

if TYPE_CHECKING:
    import plotly.graph_objects as go

HEIGHT = 320


SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "star", "hexagon", "triangle-down", "x", "pentagon", "bowtie")
BARS = "rgba(128,130,138,0.7)"


def gained_forgotten(points: Sequence[Point], metric: str) -> go.Figure:
    """What each fine-tune gained on the task (up) against what it forgot (right), with 95 % intervals; the upper left is where to be.

    Each has a sign of its own, named below: labels beside the points would lie on each other, for variants of one kind land near each other.
    """
    import plotly.graph_objects as go

    figure = go.Figure()
    for place, point in enumerate(points):
        sign = SYMBOLS[place % len(SYMBOLS)] + ("-open" if place >= len(SYMBOLS) else "")
        figure.add_scatter(
            x=[point.forgotten[0]],
            y=[point.gained[0]],
            mode="markers",
            marker={"size": 12, "color": ACCENT, "symbol": sign, "line": {"width": 1, "color": ACCENT}},
            error_x=_bars(point.forgotten),
            error_y=_bars(point.gained),
            hovertemplate="forgotten %{x:.2f}<br>gained %{y:.2f}<extra>" + _escaped(point.label) + "</extra>",
            name=_escaped(point.label),
        )
    dress(figure, "forgotten: share of general questions", f"gained over zero-shot, {metric}")
    figure.add_vline(x=0, line={"color": LINE, "width": 2})
    figure.add_hline(y=0, line={"color": LINE, "width": 2})
    low, high = min([0.0, *(p.forgotten[1] for p in points)]), max([0.0, *(p.forgotten[2] for p in points)])
    room = max(0.05, high - low)
    figure.update_xaxes(range=[low - 0.08 * room, high + 0.08 * room], nticks=6)
    legend = {"orientation": "h", "x": 0, "y": -0.24, "yanchor": "top", "font": {"color": GREY, "size": 13}}
    figure.update_layout(showlegend=True, legend=legend, height=HEIGHT + 24 * len(points))
    return figure


def _escaped(text: str) -> str:
    """plotly reads some tags in names."""
    return html.escape(text, quote=False)


def _bars(ends: tuple[float, float, float]) -> dict[str, Any]:
    value, low, high = ends
    return {"type": "data", "array": [high - value], "arrayminus": [value - low], "color": BARS, "thickness": 1.5, "width": 4}
