"""What a training run shows while it goes on, beside its curves: its figures at this moment, and what the doctor says."""

from __future__ import annotations

from collections.abc import Sequence

from comparison.events import MethodStarted, Note, Progressed
from ui.context import Context
from ui.figures import about
from ui.handlers.compare import own
from ui.markup import render
from ui.progress import Curve

SHOWN = (
    ("loss", "Training loss", "{:.3f}"),
    ("validation_loss", "Validation loss", "{:.3f}"),
    ("token_accuracy", "Token accuracy", "{:.0%}"),
    ("validation_token_accuracy", "Token accuracy, validation", "{:.0%}"),
    ("accuracy", "Rows labelled right", "{:.0%}"),
    ("validation_accuracy", "Validation rows right", "{:.0%}"),
    ("learning_rate", "Learning rate", "{:.2g}"),
    ("grad_norm", "Gradient norm", "{:.2g}"),
    ("tokens_per_s", "Answer tokens a second", "{:,.0f}"),
    ("reward_accuracy", "Pairs ordered right", "{:.0%}"),
    ("reward_margin", "Reward margin", "{:.2f}"),
    ("reward", "Reward", "{:.2f}"),
    ("kl", "Distance (KL)", "{:.3f}"),
)


def figures(curve: Curve, eta_s: float | None = None) -> str:
    """The latest value of each figure, as HTML; "" before the first step."""
    found = [(label, form.format(curve[name][-1][1])) for name, label, form in SHOWN if curve.get(name)]
    left = [("Time left", about(eta_s))] if eta_s and eta_s >= 1 else []
    return render("trainnow", figures=[*found, *left]) if found else ""


def advice(texts: Sequence[str]) -> str:
    """Sentences of the doctor, as HTML."""
    return render("advice", texts=list(texts))


def eta_s(ctx: Context, comparison_id: str) -> float | None:
    """Time left of what a run does now, where that is training."""
    steps = [event for event in own(ctx, comparison_id).events() if isinstance(event, Progressed)]
    return steps[-1].eta_s if steps and "loss" in steps[-1].values else None


def said(ctx: Context, comparison_id: str) -> list[str]:
    """What was noted of the method that a run is at, while it trained."""
    method = ""
    texts: list[str] = []
    for event in own(ctx, comparison_id).events():
        if isinstance(event, MethodStarted):
            method, texts = event.method, []
        elif isinstance(event, Note) and event.method == method and event.text not in texts:
            texts.append(event.text)
    return texts
