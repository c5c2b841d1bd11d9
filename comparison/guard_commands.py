"""`recompute`: a comparison's numbers without some items."""

from __future__ import annotations

from typing import Annotated

import typer

from comparison.command import IdArgument, JsonOption, StoreOption, plain_errors, print_json


def recompute(
    comparison_id: IdArgument,
    without: Annotated[
        list[str],
        typer.Option(
            "--without",
            help="leaked: items that something still gives away; listed: all items found elsewhere; none: all items again; or ids, repeated.",
        ),
    ],
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Work out the numbers without some test items; nothing is generated, the old report stays, a new one is written."""
    from comparison.recompute import recompute as write
    from comparison.store import Store
    from comparison.table import text_table

    with plain_errors(as_json):
        kept = Store(store)
        report = kept.result(comparison_id).report(write(kept, comparison_id, without))
    if as_json:
        print_json(report)
    else:
        typer.echo(text_table(report))


def add_to(app: typer.Typer) -> None:
    app.command()(recompute)
