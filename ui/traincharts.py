"""Small charts of a training run beside its losses: token accuracy, learning rate, gradient norm, tokens a second, and what preferences show.

A pure function of the curves.
"""

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
    Panel("Rows labelled right", "accuracy", "validation_accuracy"),
    Panel("Learning rate", "learning_rate"),
    Panel("Gradient norm", "grad_norm"),
    Panel("Answer tokens a second", "tokens_per_s"),
    Panel("Pairs ordered right", "reward_accuracy", "validation_reward_accuracy"),
    Panel("Reward margin, chosen over rejected", "reward_margin", "validation_reward_margin"),
    Panel("Reward", "reward"),
    Panel("Distance from the start (KL)", "kl"),
    Panel("Tokens an answer", "answer_tokens"),
)
HEIGHT = 140


def details(curve: Curve) -> go.Figure:
    """Small charts of what there are curves of, one below the other, over the same steps; validation is accented and has dots."""
    from plotly.subplots import make_subplots

    panels = [panel for panel in PANELS if curve.get(panel.steps) or curve.get(panel.epochs)] or list(PANELS[:1])
    spacing = 0.28 / len(panels)
    figure = make_subplots(rows=len(panels), cols=1, shared_xaxes=True, vertical_spacing=spacing, subplot_titles=[p.title for p in panels])
    for row, panel in enumerate(panels, 1):
        looks = ((panel.steps, "training", GREY, "lines"), (panel.epochs, "validation", ACCENT, "lines+markers"))
        for name, label, colour, mode in looks:
            values = curve.get(name) or []
            if values:
                mode = mode if len(values) > 1 else "markers"
                line = {"color": colour, "width": 1.5}
                x, y = [step for step, _ in values], [value for _, value in values]
                figure.add_scatter(x=x, y=y, mode=mode, name=f"{panel.title}, {label}", line=line, row=row, col=1)
    dress(figure, "", "")
    figure.update_layout(height=HEIGHT * len(panels), margin={"l": 8, "r": 12, "t": 28, "b": 8})
    figure.update_annotations(font={"color": GREY, "size": 13})
    figure.update_xaxes(rangemode="tozero", tickformat="d", nticks=8)
    figure.update_xaxes(title={"text": "step", "font": {"color": GREY, "size": 13}}, row=len(panels), col=1)
    figure.update_yaxes(nticks=4)
    return figure
