"""`curve`: a learning curve of one method of a comparison."""

from __future__ import annotations

from typing import Annotated

import typer

from comparison.command import IdArgument, JsonOption, StoreOption, plain_errors
from comparison.following import follow_new, lead
from core.errors import PlanError


def curve(
    comparison_id: IdArgument,
    over: Annotated[str, typer.Option("--over", help="shots: few-shot with 0, 1, 2, 4, 8; train_rows: a quarter, half and all of them.")],
    method: Annotated[str | None, typer.Option("--method", help="Which method to vary; by default the first of the right kind.")] = None,
    steps: Annotated[str, typer.Option("--steps", help="Other sizes, with commas: 0,2,8.")] = "",
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run a comparison's method with more and more shots or training rows; what was answered before is found again."""
    from comparison.curve import curve_plan
    from comparison.store import Store

    with plain_errors(as_json):
        lead()
        kept = Store(store)
        result = kept.result(comparison_id)
        rows = int(result.splits().about["counts"]["train"])
        mapping = curve_plan(result.plan(), over, rows, method=method, steps=_numbers(steps), of=comparison_id)
        follow_new(kept, mapping, result.folder, as_json)


def _numbers(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",") if part.strip()]
    except ValueError:
        raise PlanError(f"--steps must be whole numbers with commas; got '{text[:60]}'.", "For example --steps 0,2,8.") from None


def add_to(app: typer.Typer) -> None:
    app.command()(curve)
