"""`oracle`: ask the methods that retrieve again with the gold passage, and say what retriever and generator lose."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from comparison.command import IdArgument, JsonOption, StoreOption, plain_errors, print_json
from comparison.following import lead


def oracle(
    comparison_id: IdArgument,
    method: Annotated[
        list[str] | None, typer.Option("--method", help="A method that retrieves; may be repeated. Default: all that do.")
    ] = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Answer again with the gold passage in the prompt: it separates what the retriever loses from what the generator loses."""
    from comparison import jobs
    from comparison.oracle import oracle as run_oracle
    from comparison.slot import Slot
    from comparison.store import Store
    from comparison.terminal import Printer

    with plain_errors(as_json):
        lead()
        kept, show = Store(store), Printer()
        before = kept.result(comparison_id).report()
        jobs.requeue(kept, comparison_id, jobs.own_handle())
        try:
            with Slot(kept) as slot:
                for place in slot.wait(comparison_id):
                    show(place)
                for event in run_oracle(kept, comparison_id, method or ()):
                    show(event)
        except BaseException:
            kept.close(comparison_id, before["status"], before["verdict"]["text"])
            raise
        report = kept.result(comparison_id).report()
    found = {entry["name"]: entry["oracle"] for entry in report["methods"] if "oracle" in entry}
    if as_json:
        print_json(found)
    else:
        typer.echo("\n".join(_line(name, entry) for name, entry in found.items()) or "No item has a known gold passage.")


def _line(name: str, entry: Mapping[str, Any]) -> str:
    row = entry["scores"].get(entry["metric"]) or {}
    if row.get("mean") is None:
        return f"{name}: no item has both an oracle answer and a score by {entry['metric']}"
    return (
        f"{name}: {entry['metric']} {row['actual']:.3f} as it was, {row['mean']:.3f} with the gold passage, on {row['n']} items "
        f"({row['left_out']} left out); retrieval loss {row['retrieval_loss']:.3f}, generator loss {row['generator_loss']:.3f}"
    )


def add_to(app: typer.Typer) -> None:
    app.command()(oracle)
