"""Plotly figures: quality against cost with intervals and the Pareto line, and loss curves. Pure functions of values.

Text is a middle grey that reads on both themes, and backgrounds are transparent, since a figure does not know which theme it stands in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ui.costs import answering_s, each
from ui.present import Report, method_label, metric_label

if TYPE_CHECKING:
    import plotly.graph_objects as go

ACCENT, GREY, LINE = "#14877e", "#80828a", "rgba(128,130,138,0.25)"
FONT = "system-ui, -apple-system, Segoe UI, Roboto, sans-serif"

CostOf = Callable[[Mapping[str, Any], int], float | None]


class Axis(NamedTuple):
    title: str
    of: CostOf


def _tokens(cost: Mapping[str, Any], n: int) -> float | None:
    both = [cost.get("prompt_tokens"), cost.get("completion_tokens")]
    return None if not n or None in both else (both[0] + both[1]) / n  # type: ignore[operator]


def _whole(cost: Mapping[str, Any], n: int) -> float | None:
    prepared, answered = cost.get("prepare_s"), answering_s(cost)
    return None if prepared is None or answered is None else prepared + answered


AXES = {
    "Time per answer": Axis("seconds per answer (log)", lambda cost, n: each(answering_s(cost), n)),
    "Tokens per answer": Axis("prompt and answer tokens per answer (log)", _tokens),
    "Time in all": Axis("seconds to prepare and answer all items (log)", _whole),
}


def cost_title(axis: str) -> str:
    """What an axis measures, without how it is drawn."""
    return AXES[axis].title.removesuffix(" (log)")


class Point(NamedTuple):
    """One method in the plane; `low` and `high` are its interval, equal to `y` where there is none."""

    label: str
    x: float
    y: float
    low: float
    high: float


def points(report: Report, metric: str, axis: str) -> list[Point]:
    """Methods that have both a score and a cost above 0, cheapest first."""
    found = []
    for method in report["methods"]:
        score = (method.get("scores") or {}).get(metric) or {}
        x = AXES[axis].of(method.get("cost") or {}, method.get("n") or 0)
        y = score.get("mean")
        if x is not None and x > 0 and y is not None:
            low, high = score.get("ci_low"), score.get("ci_high")
            found.append(Point(method_label(method), x, y, y if low is None else low, y if high is None else high))
    return sorted(found, key=lambda p: (p.x, -p.y))


def pareto(candidates: Sequence[Point], *, higher: bool = True) -> list[Point]:
    """Points that no other beats in both cost and quality, cheapest first."""
    kept: list[Point] = []
    for point in sorted(candidates, key=lambda p: (p.x, -p.y if higher else p.y)):
        if not kept or (point.y > kept[-1].y if higher else point.y < kept[-1].y):
            kept.append(point)
    return kept


def quality_cost(report: Report, metric: str, axis: str = "Time per answer", *, higher: bool = True) -> go.Figure:
    """Quality (up) against cost (right, log), 95 % intervals, and a line through the methods that nothing beats in both."""
    import plotly.graph_objects as go

    found = points(report, metric, axis)
    front = pareto(found, higher=higher)
    figure = go.Figure()
    figure.add_scatter(
        x=[p.x for p in front],
        y=[p.y for p in front],
        mode="lines",
        line={"color": ACCENT, "width": 1.5, "dash": "dot"},
        hoverinfo="skip",
        name="Pareto line",
    )
    figure.add_scatter(
        x=[p.x for p in found],
        y=[p.y for p in found],
        mode="markers+text",
        text=[p.label for p in found],
        textposition=_sides(found),
        textfont={"size": 13, "color": GREY},
        marker={
            "size": 10,
            "color": [ACCENT if p in front else GREY for p in found],
            "symbol": ["circle" if p in front else "circle-open" for p in found],
        },
        error_y={
            "type": "data",
            "array": [p.high - p.y for p in found],
            "arrayminus": [p.y - p.low for p in found],
            "color": LINE,
            "thickness": 2,
            "width": 0,
        },
        hovertemplate="%{text}<br>" + metric_label(metric) + " %{y:.3f}<br>%{x:.3g}<extra></extra>",
        name="methods",
    )
    dress(figure, AXES[axis].title, metric_label(metric))
    figure.update_xaxes(type="log", tickvals=_ticks(found), ticktext=[f"{t:g}" for t in _ticks(found)], range=_room(found))
    return figure


def _room(found: Sequence[Point]) -> list[float] | None:
    """The log axis's range, with room for labels at both ends."""
    import math

    if not found:
        return None
    low, high = math.log10(found[0].x), math.log10(found[-1].x)
    pad = max(0.12, 0.16 * (high - low))
    return [low - pad, high + pad]


def _sides(found: Sequence[Point]) -> list[str]:
    """Where each label stands: the first side on which it lies on no label before it. Distances are in shares of the plane; rough, since fonts differ."""
    import math

    if not found:
        return []
    span_x = max(0.05, math.log10(found[-1].x / found[0].x))
    low, high = min(p.low for p in found), max(p.high for p in found)
    places = [(math.log10(p.x / found[0].x) / span_x, (p.y - low) / max(1e-9, high - low)) for p in found]
    sides: list[str] = []
    taken: list[tuple[float, float, float]] = []
    for point, (x, y) in zip(found, places, strict=True):
        width = 0.014 * len(point.label) + 0.02
        options = {
            "top right": (x, y + 0.05),
            "bottom right": (x, y - 0.05),
            "top left": (x - width, y + 0.05),
            "bottom left": (x - width, y - 0.05),
        }
        ends = {side: box for side, box in options.items() if box[0] >= -0.1 and box[0] + width <= 1.12} or options
        others = [(q[0] - 0.012, q[0] + 0.012, q[1]) for q in places if q != (x, y)]
        taken_now = [*taken, *others]
        free = [
            side
            for side, (left, middle) in ends.items()
            if all(left > r or left + width < q or abs(middle - m) > 0.07 for q, r, m in taken_now)
        ]
        side = (free or list(ends))[0]
        left, middle = options[side]
        taken.append((left, left + width, middle))
        sides.append(side)
    return sides


def _ticks(found: Sequence[Point]) -> list[float]:
    """Round values on a log axis: 1, 2, 5 and their tens; more of them where the points span little."""
    import math

    if not found:
        return []
    low, high = 0.7 * found[0].x, 1.4 * found[-1].x
    steps = (1, 2, 5) if high / low > 12 else (1, 1.5, 2, 3, 4, 5, 7)
    powers = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 1)
    return [round(s * 10.0**p, 6) for p in powers for s in steps if low <= s * 10.0**p <= high]


def loss(curves: Mapping[str, Sequence[tuple[float, float]]]) -> go.Figure:
    """Training and validation loss over optimizer steps."""
    import plotly.graph_objects as go

    figure = go.Figure()
    looks = {
        "loss": ("training", GREY, "lines" if len(curves.get("loss") or []) > 1 else "markers"),
        "validation_loss": ("validation", ACCENT, "lines+markers"),
    }
    for name, (label, colour, mode) in looks.items():
        values = curves.get(name) or []
        if values:
            figure.add_scatter(
                x=[s for s, _ in values], y=[v for _, v in values], mode=mode, name=label, line={"color": colour, "width": 2}
            )
    dress(figure, "step", loss_unit(curves))
    figure.update_xaxes(rangemode="tozero", tickformat="d", nticks=8)
    figure.update_layout(showlegend=True, legend={"orientation": "h", "y": 1.12, "x": 0, "font": {"color": GREY}})
    return figure


def loss_unit(curves: Mapping[str, Sequence[tuple[float, float]]]) -> str:
    """What the loss is of: tokens of answers, pairs of answers, rows with a label, or drawn answers by their reward."""
    if curves.get("reward_margin"):
        return "loss (nats per pair; chance is 0.69)"
    if curves.get("accuracy"):
        return "loss (nats per row)"
    return "loss of the policy" if curves.get("reward") else "loss (nats per token)"


def dress(figure: go.Figure, x: str, y: str) -> None:
    """The looks that all charts share, and the titles of the axes."""
    axis = {"gridcolor": LINE, "zeroline": False, "linecolor": LINE, "tickfont": {"color": GREY, "size": 12}, "automargin": True}
    figure.update_layout(
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": FONT, "color": GREY, "size": 13},
        margin={"l": 8, "r": 12, "t": 16, "b": 8},
        height=340,
        showlegend=False,
        dragmode=False,
    )
    figure.update_xaxes(title={"text": x, "font": {"color": GREY, "size": 13}}, **axis)
    figure.update_yaxes(title={"text": y, "font": {"color": GREY, "size": 13}}, **axis)
