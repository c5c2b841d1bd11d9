"""`recall`: how well a plan's methods find, at several k, without generating an answer."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from comparison.command import JsonOption, StoreOption, plain_errors, print_json

if TYPE_CHECKING:
    from comparison.recall_sweep import MethodRecall


class Part(StrEnum):
    """Of which items."""

    validation = "validation"
    test = "test"


def recall(
    plan: Annotated[Path, typer.Argument(metavar="PLAN", help="A plan: YAML or JSON.")],
    part: Annotated[
        Part, typer.Option("--part", help="Whose questions are searched for; choose settings by validation alone.")
    ] = Part.test,
    overrides: Annotated[list[str] | None, typer.Option("--set", help="Change a setting: methods.0.top_k=8. May be repeated.")] = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Recall, precision, nDCG and MRR at 1 to 20 passages of each rag method of a plan. Indexes are built; nothing is generated."""
    from comparison.plan import read_plan
    from comparison.ready import make_ready
    from comparison.recall_sweep import MethodRecall, recall_sweep
    from comparison.store import Store
    from comparison.terminal import Printer

    found: list[MethodRecall] = []
    with plain_errors(as_json):
        kept, show = Store(store), Printer()
        ready = make_ready(read_plan(plan, overrides=overrides or ()), kept.models)
        for step in recall_sweep(kept, ready, "validation" if part is Part.validation else "test"):
            if isinstance(step, MethodRecall):
                found.append(step)
            else:
                show(step)
    if as_json:
        print_json([{"name": one.name, "by": one.by, "items": one.items, **one.measures} for one in found])
        return
    typer.echo("\n".join(as_text(one) for one in found))


def as_text(found: MethodRecall) -> str:
    """A method's line: recall at each k, then MRR and nDCG."""
    if not found.measures:
        return f"{found.name}: it is not known of any of the {found.items} items which document or passage holds the answer."
    shown = [name for name in found.measures if name.startswith("recall@") or name == "mrr"]
    last = [name for name in found.measures if name.startswith("ndcg@")][-1:]
    return f"{found.name}, {found.items} items, by {found.by}: " + ", ".join(
        f"{n} {found.measures[n]['mean']:.3f}" for n in [*shown, *last]
    )


def add_to(app: typer.Typer) -> None:
    app.command()(recall)
