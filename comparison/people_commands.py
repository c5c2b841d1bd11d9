"""Commands about blind reviews: `review` makes and closes links, `votes` counts what came in by them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from comparison.command import IdArgument, JsonOption, StoreOption, plain_errors, print_json

if TYPE_CHECKING:
    from comparison.store import Store


def _owner(store: Store, comparison_id: str) -> str:
    """Who runs a command has the folder, and acts for whoever owns the comparison."""
    return str(store.result(comparison_id).card()["owner"])


def review(
    comparison_id: IdArgument,
    method: Annotated[
        list[str] | None, typer.Option("--method", help="A method to show; may be repeated. Default: all that are done.")
    ] = None,
    items: Annotated[int, typer.Option("--items", help="How many test items; 20 is usual.")] = 20,
    close: Annotated[bool, typer.Option("--close", help="Close all review links of the comparison instead.")] = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a link for a blind review: who has it compares answers without knowing whose they are."""
    from comparison import review as reviews
    from comparison.store import Store

    with plain_errors(as_json):
        kept = Store(store)
        owner = _owner(kept, comparison_id)
        if close:
            closed = reviews.revoke(kept, comparison_id, owner)
            print_json({"closed": closed}) if as_json else typer.echo(f"{closed} review links closed")
            return
        token = reviews.create(kept, comparison_id, owner, method or (), items)
        print_json({"token": token, "link": f"/?review={token}"}) if as_json else typer.echo(f"/?review={token}")


def votes(
    comparison_id: IdArgument,
    export: Annotated[
        Path | None, typer.Option("--export", help="Write preference pairs (JSON lines: prompt, chosen, rejected) here.")
    ] = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Count the votes into a new report; with --export, write them as preference pairs."""
    from comparison.preferences import preferences
    from comparison.recount import recount
    from comparison.store import Store
    from core.files import write_whole

    with plain_errors(as_json):
        kept = Store(store)
        result = kept.result(comparison_id)
        name = recount(kept, comparison_id)
        found = result.report(name)["people"]
        if export is not None:
            pairs = preferences(result)
            write_whole(export, pairs.to_jsonl())
            typer.echo(f"{pairs.in_words()} in {export}", err=True)
    if as_json:
        print_json({"report": name, "people": found})
    else:
        typer.echo(_in_words(name, found))


def _in_words(name: str, found: dict[str, Any]) -> str:
    lines = [f"{name}: votes {found['votes']}, raters {found['raters']}, items {found['items']}, ties {found['ties']}"]
    width = max(len(method) for method in found["win_rates"])
    for method, won in found["win_rates"].items():
        lines.append(f"{method:<{width}}  wins {_rate(won)}  good enough {_rate(found['good_enough'][method])}")
    for what, alpha in found["alpha"].items():
        value = f"{alpha['value']:.2f}" if alpha["value"] is not None else f"none ({alpha['reason']})"
        lines.append(f"Krippendorff's alpha, {what.replace('_', ' ')}: {value}")
    return "\n".join(lines)


def _rate(rate: dict[str, Any]) -> str:
    return f"{rate['share']:.2f} [{rate['ci_low']:.2f}, {rate['ci_high']:.2f}]" if rate["n"] else "-"


def add_to(app: typer.Typer) -> None:
    app.command()(review)
    app.command()(votes)
