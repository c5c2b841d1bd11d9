"""`aa`: run one method of a comparison twice, and say how far apart the two are."""

from __future__ import annotations

from typing import Annotated

import typer

from comparison.command import IdArgument, JsonOption, StoreOption, plain_errors, print_json
from comparison.following import follow_new, lead


def aa(
    comparison_id: IdArgument,
    method: Annotated[
        str | None, typer.Option("--method", help="Which method; by default the first that is trained, else one that another seed changes.")
    ] = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run a method of a comparison twice under two seeds: what they differ by is the noise floor."""
    from comparison.aa import twins
    from comparison.noise import item_sampling
    from comparison.plan import read_plan
    from comparison.store import Store

    with plain_errors(as_json):
        lead()
        kept = Store(store)
        result = kept.result(comparison_id)
        found = twins(read_plan(result.plan(), result.folder), method)
        if found.mapping is None:
            text = found.why + item_sampling(result.report(), found.method)
            print_json({"noise_floor": {"method": found.method, "seeds": [], "metrics": {}, "text": text}}) if as_json else typer.echo(text)
            return
        follow_new(kept, found.mapping, result.folder, as_json)


def add_to(app: typer.Typer) -> None:
    app.command()(aa)
