"""`oracle`, `formats` and `forgetting`: ask the methods of a comparison again with other prompts, and say what that changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from comparison.command import IdArgument, JsonOption, StoreOption, plain_errors, print_json
from comparison.following import lead

if TYPE_CHECKING:
    from comparison.events import Event
    from comparison.store import Store

Methods = Annotated[list[str] | None, typer.Option("--method", help="A method to ask again; may be repeated. Default: all that can be.")]


def oracle(comparison_id: IdArgument, method: Methods = None, store: StoreOption = None, as_json: JsonOption = False) -> None:
    """Answer again with the gold passage in the prompt: it separates what the retriever loses from what the generator loses."""
    from comparison.oracle import oracle as again

    report = _report_after(comparison_id, store, as_json, lambda kept: again(kept, comparison_id, method or ()))
    found = {entry["name"]: entry["oracle"] for entry in report["methods"] if "oracle" in entry}
    if as_json:
        print_json(found)
    else:
        typer.echo("\n".join(_losses(name, entry) for name, entry in found.items()) or "No item has a known gold passage.")


def formats(comparison_id: IdArgument, method: Methods = None, store: StoreOption = None, as_json: JsonOption = False) -> None:
    """Answer again in two other prompt formats: it shows how far scores and ranking hang on the layout of prompts alone."""
    from comparison.formats import formats as again

    report = _report_after(comparison_id, store, as_json, lambda kept: again(kept, comparison_id, method or ()))
    found: dict[str, Any] = report["prompt_format"]
    if as_json:
        print_json(found)
        return
    for name, row in found.get("methods", {}).items():
        typer.echo(f"{name}: " + ", ".join(f"{mean:.3f} in format {number}" for number, mean in row["means"].items()))
    typer.echo(found["statement"])


def forgetting(comparison_id: IdArgument, method: Methods = None, store: StoreOption = None, as_json: JsonOption = False) -> None:
    """Ask the fine-tunes and the untuned model 168 general questions: what has tuning made them forget?"""
    from comparison.forgetting import forgetting as again

    report = _report_after(comparison_id, store, as_json, lambda kept: again(kept, comparison_id, method or ()))
    found = {entry["name"]: entry["forgetting"] for entry in report["methods"] if "forgetting" in entry}
    if as_json:
        print_json(found)
    else:
        typer.echo("\n".join(_forgotten(name, entry) for name, entry in found.items()))


def _report_after(comparison_id: str, store: Path | None, as_json: bool, run: Callable[[Store], Iterator[Event]]) -> dict[str, Any]:
    """The report once `run` is through, which waits for its turn and is shown as it goes; the comparison is then again what it was."""
    from comparison import jobs
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
                for event in run(kept):
                    show(event)
        except BaseException:
            kept.close(comparison_id, before["status"], before["verdict"]["text"])
            raise
        return kept.result(comparison_id).report()


def _losses(name: str, entry: Mapping[str, Any]) -> str:
    row = entry["scores"].get(entry["metric"]) or {}
    if row.get("mean") is None:
        return f"{name}: no item has both an oracle answer and a score by {entry['metric']}"
    return (
        f"{name}: {entry['metric']} {row['actual']:.3f} as it was, {row['mean']:.3f} with the gold passage, on {row['n']} items "
        f"({row['left_out']} left out); retrieval loss {row['retrieval_loss']:.3f}, generator loss {row['generator_loss']:.3f}"
    )


def _forgotten(name: str, entry: Mapping[str, Any]) -> str:
    interval = "" if entry["ci_low"] is None else f" [{entry['ci_low']:.3f}, {entry['ci_high']:.3f}]"
    text = f"{name}: {entry['right_before']} of {entry['n']} right before, {entry['right_after']} after"
    text += f"; forgotten {entry['difference']:.3f}{interval}" if entry["difference"] is not None else "; nothing can be compared"
    both = entry["perplexity_before"], entry["perplexity_after"]
    return text if None in both else f"{text}; perplexity of a general text {both[0]:.2f} before, {both[1]:.2f} after"


def add_to(app: typer.Typer) -> None:
    for command in (oracle, formats, forgetting):
        app.command()(command)
