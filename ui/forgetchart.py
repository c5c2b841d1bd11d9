"""The plotly figure of gained against forgotten. A pure function of values, dressed like the other charts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ui.charts import ACCENT, GREY, LINE, dress
from ui.forgotten import Point

if TYPE_CHECKING:
    import plotly.graph_objects as go


def gained_forgotten(points: Sequence[Point], metric: str) -> go.Figure:
    """What each fine-tune gained on the task (up) against what it forgot (right), with 95 % intervals; the upper left is where to be."""
    import plotly.graph_objects as go

    figure = go.Figure()
    figure.add_scatter(
        x=[p.forgotten[0] for p in points],
        y=[p.gained[0] for p in points],
        mode="markers+text",
        text=[p.label for p in points],
        textposition=["top right" if place % 2 == 0 else "bottom right" for place in range(len(points))],
        textfont={"size": 13, "color": GREY},
        marker={"size": 10, "color": ACCENT},
        error_x=_bars([p.forgotten for p in points]),
        error_y=_bars([p.gained for p in points]),
        hovertemplate="%{text}<br>forgotten %{x:.2f}<br>gained %{y:.2f}<extra></extra>",
        name="fine-tunes",
    )
    dress(figure, "forgotten: share of general questions", f"gained over zero-shot, {metric}")
    figure.add_vline(x=0, line={"color": LINE, "width": 2})
    figure.add_hline(y=0, line={"color": LINE, "width": 2})
    low, high = min([0.0, *(p.forgotten[1] for p in points)]), max([0.0, *(p.forgotten[2] for p in points)])
    room = max(0.05, high - low)
    figure.update_xaxes(range=[low - 0.08 * room, high + 0.35 * room])
    return figure


def _bars(ends: Sequence[tuple[float, float, float]]) -> dict[str, Any]:
    return {
        "type": "data",
        "array": [high - value for value, _, high in ends],
        "arrayminus": [value - low for value, low, _ in ends],
        "color": LINE,
        "thickness": 2,
        "width": 0,
    }
