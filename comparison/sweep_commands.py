"""`estimate`: what a plan's fine-tunes would take. `sweep`: several settings of one, the best chosen by validation loss. `keep`: what a stopped
run had trained, as weights.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from comparison.command import IdArgument, JsonOption, StoreOption, plain_errors, print_json
from comparison.following import follow_new, lead


def estimate(
    plan: Annotated[Path, typer.Argument(metavar="PLAN", help="A plan: YAML or JSON.")],
    method: Annotated[str | None, typer.Option("--method", help="One fine-tune, by its name; by default all of them.")] = None,
    overrides: Annotated[list[str] | None, typer.Option("--set", help="Change a setting: methods.0.rank=8. May be repeated.")] = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Time, memory, tokens and steps of a plan's fine-tunes, from a few steps really taken, with the setting to change where one does not fit."""
    from comparison.estimating import MethodEstimate, estimates
    from comparison.plan import read_plan
    from comparison.ready import make_ready
    from comparison.store import Store
    from comparison.terminal import Printer

    with plain_errors(as_json):
        kept, show = Store(store), Printer()
        found: list[MethodEstimate] = []
        for step in estimates(kept, make_ready(read_plan(plan, overrides=overrides or ()), kept.models), method):
            if isinstance(step, MethodEstimate):
                found.append(step)
            else:
                show(step)
    if as_json:
        print_json([one.to_json() for one in found])
        return
    for one in found:
        typer.echo(f"{one.name}: {one.words}" + (f" {one.estimate.remedy}" if one.estimate and one.estimate.remedy else ""))


def sweep(
    plan: Annotated[Path, typer.Argument(metavar="PLAN", help="A plan: YAML or JSON.")],
    more: Annotated[list[str] | None, typer.Argument(metavar="[NAME=VALUES]...", help="Further settings, as after --set.")] = None,
    values: Annotated[list[str] | None, typer.Option("--set", help="A setting and the values to try: rank=4,8. May be repeated.")] = None,
    method: Annotated[str | None, typer.Option("--method", help="Which fine-tune; by default the plan's first, else lora.")] = None,
    seeds: Annotated[int, typer.Option("--seeds", min=1, max=10, help="How often each setting is trained.")] = 1,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train a fine-tune under several settings, and choose by validation loss alone: no test item is asked."""
    from comparison.plan import load_plan
    from comparison.store import Store
    from comparison.sweep import read_values, sweep_plan

    with plain_errors(as_json):
        lead()
        kept = Store(store)
        mapping = sweep_plan(load_plan(plan), read_values([*(values or ()), *(more or ())]), method=method, seeds=seeds)
        follow_new(kept, mapping, plan.parent, as_json)


def keep(comparison_id: IdArgument, store: StoreOption = None, as_json: JsonOption = False) -> None:
    """Make usable weights of what a stopped or interrupted comparison had trained; `resume` still goes on where it was."""
    from comparison.stopped import keep as keep_weights
    from comparison.store import Store

    with plain_errors(as_json):
        found = keep_weights(Store(store), comparison_id)
    if as_json:
        print_json([one._asdict() for one in found])
        return
    for one in found:
        typer.echo(f"{one.method}: {one.words}; weights in artefacts/{one.fingerprint}")
    if not found:
        typer.echo("No epoch of an unfinished training has ended.")


def add_to(app: typer.Typer) -> None:
    app.command()(estimate)
    app.command()(sweep)
    app.command()(keep)
