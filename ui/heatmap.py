"""Counts per cause and method as a heat map. Its numbers stand in the table beside it, too. A pure function of values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ui.charts import ACCENT, FONT, GREY
from ui.diagnosed import Causes

if TYPE_CHECKING:
    import plotly.graph_objects as go

PALE = "#c9dfdb"
ROW_PX, HEAD_PX = 34, 70


def of_causes(found: Causes) -> go.Figure:
    """Causes down, methods across; the stronger the colour, the larger the share of the method's answers. Text says the count."""
    import plotly.graph_objects as go

    totals = [max(1, of) for _, of in found.wrong]
    share = [[count / total if count else None for count, total in zip(counts, totals, strict=True)] for _, counts in found.rows]
    figure = go.Figure()
    figure.add_heatmap(
        x=list(found.methods),
        y=[label for label, _ in found.rows],
        z=share,
        text=[[count or "" for count in counts] for _, counts in found.rows],
        texttemplate="%{text}",
        zmin=0,
        zmax=1,
        colorscale=[[0, PALE], [1, ACCENT]],
        showscale=False,
        xgap=2,
        ygap=2,
        hoverongaps=False,
        hovertemplate="%{y}, %{x}<br>%{text} answers, %{z:.0%}<extra></extra>",
    )
    figure.update_layout(
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": FONT, "size": 13},
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        height=HEAD_PX + ROW_PX * max(1, len(found.rows)),
        dragmode=False,
    )
    looks = {"tickfont": {"color": GREY, "size": 12}, "automargin": True, "showgrid": False, "zeroline": False, "fixedrange": True}
    figure.update_xaxes(side="top", **looks)
    figure.update_yaxes(autorange="reversed", **looks)
    return figure
