"""The fold about forgetting: what each fine-tune lost of the general probe, what it gained for it, and asking for that afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from comparison.forgetting import COMMAND
from comparison.probe import can_forget
from ui import forgetchart, forgotten, present
from ui.context import Context
from ui.handlers import again
from ui.handlers.compare import Shown, locate
from ui.markup import note, render

if TYPE_CHECKING:
    import plotly.graph_objects as go

NONE_TUNED = "No method of this comparison was trained on the task, so none can have forgotten anything. Tick LoRA, for example."


class View(NamedTuple):
    """What stands in the fold.

    Attributes:
        figure: None where nothing can be drawn.
        can_ask: whether the button works.
    """

    html: str
    figure: go.Figure | None
    said: str
    can_ask: bool


def view(ctx: Context, shown: Shown) -> View:
    """Everything in the fold.

    Raises:
        StoreError: what is shown is not there, or not this visitor's.
    """
    found = locate(ctx, shown)
    report = found.report
    section, points = report.get("forgetting") or {}, forgotten.points(report)
    metric = present.metric_label(str((report.get("verdict") or {}).get("primary") or ""))
    html = render(
        "forgetting",
        rows=forgotten.method_rows(report),
        kinds=forgotten.kind_labels(report),
        metric=metric,
        items=section.get("items"),
        tokens=f"{section.get('text_tokens') or 0:,}",
        drawn=bool(points),
    )
    why = why_not(ctx, shown)
    said = again.ending(found, shown, COMMAND) + note(why)
    return View(html, forgetchart.gained_forgotten(points, metric) if points else None, said, not why)


def why_not(ctx: Context, shown: Shown) -> str:
    """Why the models cannot be asked from here; "" where they can."""
    return again.why_not(ctx, shown, _objection)


def _objection(report: Mapping[str, Any]) -> str:
    return "" if any(can_forget(str(method["kind"])) for method in report["methods"] if method["status"] == "done") else NONE_TUNED


def started(ctx: Context, shown: Shown) -> tuple[str, str]:
    """Start asking and say so: the id to follow, "" where it could not be started; and HTML."""
    return again.started(ctx, shown, COMMAND, _objection)
