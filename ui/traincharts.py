"""Small charts of a training run beside its losses: token accuracy, learning rate, gradient norm, tokens a second. A pure function of the curves."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ui.charts import ACCENT, GREY, dress
from ui.progress import Curve

if TYPE_CHECKING:
    import plotly.graph_objects as go


class Panel(NamedTuple):
    """One small chart: the curve of the training steps, and that of the epochs' ends ("" where there is none)."""

    title: str
    steps: str
    epochs: str = ""


PANELS = (
    Panel("Token accuracy", "token_accuracy", "validation_token_accuracy"),
    Panel("Learning rate", "learning_rate"),
    Panel("Gradient norm", "grad_norm"),
    Panel("Answer tokens a second", "tokens_per_s"),
)


def details(curve: Curve) -> go.Figure:
    """Four small charts, one below the other, over the same steps; validation is accented and has dots."""
    from plotly.subplots import make_subplots

    figure = make_subplots(rows=len(PANELS), cols=1, shared_xaxes=True, vertical_spacing=0.07, subplot_titles=[p.title for p in PANELS])
    for row, panel in enumerate(PANELS, 1):
        looks = ((panel.steps, "training", GREY, "lines"), (panel.epochs, "validation", ACCENT, "lines+markers"))
        for name, label, colour, mode in looks:
            values = curve.get(name) or []
            if values:
                mode = mode if len(values) > 1 else "markers"
                line = {"color": colour, "width": 1.5}
                x, y = [step for step, _ in values], [value for _, value in values]
                figure.add_scatter(x=x, y=y, mode=mode, name=f"{panel.title}, {label}", line=line, row=row, col=1)
    dress(figure, "", "")
    figure.update_layout(height=560, margin={"l": 8, "r": 12, "t": 28, "b": 8})
    figure.update_annotations(font={"color": GREY, "size": 13})
    figure.update_xaxes(rangemode="tozero", tickformat="d", nticks=8)
    figure.update_xaxes(title={"text": "step", "font": {"color": GREY, "size": 13}}, row=len(PANELS), col=1)
    figure.update_yaxes(nticks=4)
    return figure
