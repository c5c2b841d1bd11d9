"""`slices`: a metric by parts of the test set, as the page's fold about errors shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from comparison.command import IdArgument, JsonOption, StoreOption, plain_errors, print_json

if TYPE_CHECKING:
    from evaluation.slices import Cell


def slices(
    comparison_id: IdArgument,
    by: Annotated[str, typer.Option("--by", help="Input length, Label, Group, or the name of a column of the data.")] = "Input length",
    metric: Annotated[str | None, typer.Option("--metric", help="Which metric; by default the one that the verdict is about.")] = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Each method's mean by parts of the test set, with n and interval."""
    from comparison.slicing import sliced_report
    from comparison.store import Store

    with plain_errors(as_json):
        result = Store(store).result(comparison_id)
        report = result.report()
        chosen = metric or report["verdict"]["primary"]
        found = sliced_report(result, report, by, chosen)
    if as_json:
        rows = [{"slice": part.name, "n": part.n, "methods": {name: cell._asdict() for name, cell in part.cells.items()}} for part in found]
        print_json({"by": by, "metric": chosen, "slices": rows})
        return
    for part in found:
        typer.echo(f"{part.name} (n {part.n}{', too few for an interval' if part.small else ''})")
        for name, cell in part.cells.items():
            typer.echo(f"  {name}: {_words(cell)}")


def _words(cell: Cell) -> str:
    if cell.mean is None:
        return "no scores"
    return f"{cell.mean:.3f}" + ("" if cell.low is None or cell.high is None else f" [{cell.low:.3f}, {cell.high:.3f}]")


def add_to(app: typer.Typer) -> None:
    app.command()(slices)
