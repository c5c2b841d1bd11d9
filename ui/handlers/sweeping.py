"""Sweeps on the Fine-tuning tab: start one, show the newest, and take over what it chose."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from comparison.sweep import read_values, sweep_plan
from comparison.sweep_run import of_result, snippet_text
from core.errors import PlanError, StoreError
from ui.context import Context
from ui.figures import duration
from ui.handlers import library, runs
from ui.handlers.compare import own
from ui.markup import render
from ui.task import Task

SWEPT = {"rank": "Ranks", "learning_rate": "Learning rates", "epochs": "Epochs"}
LOOKED_AT = 100


class Found(NamedTuple):
    """The newest sweep: its comparison, "" where there is none, and its table as HTML."""

    id: str
    html: str


def start(ctx: Context, task: Task, kind: str, settings: Mapping[str, Any], texts: Mapping[str, str], seeds: float | None) -> str:
    """Start a sweep over the fields that are filled; its comparison's id.

    Args:
        settings: all others, as the form has them.
        texts: by setting, values with commas.

    Raises:
        BakeoffError: nothing to try, or a value, the data or the model is wrong.
    """
    filled = [f"{name}={text.strip()}" for name, text in texts.items() if text and text.strip()]
    if not filled:
        raise PlanError("A sweep needs values to try; all fields are empty.", "For example 4, 8 under Ranks.")
    over = read_values(filled)
    base = {name: value for name, value in settings.items() if name not in over}
    plan = task.plan([{"kind": kind, **base}], list(task.metrics))
    return runs.start(ctx, task, sweep_plan(plan, over, method=kind, seeds=int(seeds or 1)))


def newest(ctx: Context) -> Found:
    """This owner's newest finished sweep."""
    for row in library.rows(ctx)[:LOOKED_AT]:
        found = of_result(own(ctx, row.id)) if row.status in ("done", "failed") else None
        if found is not None:
            return Found(row.id, render("sweep", name=found["name"], rows=_rows(found), **_about(found)))
    return Found("", "")


def _about(found: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "sentence": found["sentence"],
        "snippet": snippet_text(found) if found["snippet"] else "",
        "seeds": found["seeds"],
        "validation_rows": found["validation_rows"],
    }


def _rows(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    rows = []
    for place, row in enumerate(found["rows"]):
        losses = row["losses"]
        spread = f"{min(losses):.3f} to {max(losses):.3f}" if len(losses) > 1 else ""
        rows.append(
            {
                "name": row["name"],
                "chosen": place == found["chosen"],
                "loss": None if row["validation_loss"] is None else f"{row['validation_loss']:.3f}",
                "spread": spread,
                "of": row.get("validation_rows", found["validation_rows"]),
                "apart": row.get("apart", ""),
                "best": ", ".join(map(str, row.get("best_epochs") or ())),
                "time": duration(row.get("seconds")),
                "reason": row["reason"],
            }
        )
    return rows


def chosen(ctx: Context, comparison_id: str) -> tuple[str, dict[str, Any]]:
    """The kind and the settings that a sweep chose.

    Raises:
        StoreError: there is no such sweep, or all of it failed.
    """
    found = of_result(own(ctx, comparison_id)) if comparison_id else None
    if found is None or not found["snippet"]:
        raise StoreError("There is no sweep with a chosen setting yet.", "Run one, and wait until it is done.")
    (method,) = found["snippet"]["methods"]
    return str(method["kind"]), {name: value for name, value in method.items() if name != "kind"}
