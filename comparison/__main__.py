"""`python -m comparison`: everything that the page can do, without the page.

Progress goes to stderr. With `--json`, stdout holds one JSON value: the answer, or {"error": {...}} on exit 2.
Exit codes: 0 done · 2 the plan or the data is wrong · 3 some method failed · 130 cancelled.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from comparison import (
    aa_commands,
    again_commands,
    curve_commands,
    guard_commands,
    handing_commands,
    judge_commands,
    people_commands,
    recall_commands,
    slice_commands,
    sweep_commands,
)
from comparison.command import IdArgument, JsonOption, StoreOption, plain_errors, print_json
from comparison.following import admit, follow, lead
from core.errors import BakeoffError, Cancelled

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Compare ways of adapting a language model on one test set.",
)


@app.command()
def run(
    plan: Annotated[Path, typer.Argument(metavar="PLAN", help="A plan: YAML or JSON.")],
    store: StoreOption = None,
    overrides: Annotated[
        list[str] | None, typer.Option("--set", help="Change a setting: methods.0.shots=8. The value is read as YAML; may be repeated.")
    ] = None,
    as_json: JsonOption = False,
    comparison_id: Annotated[
        str | None, typer.Option("--id", help="Run as this comparison, which was made before (what the app uses).")
    ] = None,
) -> None:
    """Run a plan to its end and print the table."""
    from comparison import jobs
    from comparison.plan import read_plan
    from comparison.ready import make_ready
    from comparison.store import Store, default_home

    with plain_errors(as_json):
        lead()
        if comparison_id is not None:
            kept = Store(store)
            jobs.claim(kept, comparison_id)
            try:
                follow(kept, comparison_id, read_plan(plan, overrides=overrides or ()), None, as_json)
            except BakeoffError as error:
                if not isinstance(error, Cancelled):
                    kept.close(comparison_id, "failed", reason=str(error))
                raise
            return
        read = read_plan(plan, overrides=overrides or ())
        ready = make_ready(read, default_home() / "models")
        kept = Store(store)
        follow(kept, admit(kept, read), read, ready, as_json)


@app.command()
def resume(comparison_id: IdArgument, store: StoreOption = None, as_json: JsonOption = False) -> None:
    """Go on with a comparison that was stopped or killed; a finished one is shown."""
    from comparison import jobs
    from comparison.ending import settle
    from comparison.plan import read_plan
    from comparison.store import Store
    from comparison.table import text_table
    from comparison.terminal import Printer

    with plain_errors(as_json):
        lead()
        kept = Store(store)
        result = kept.result(comparison_id)
        if result.report_names() and all(method["status"] == "done" for method in result.report()["methods"]):
            report = result.report()
            for event in settle(kept, comparison_id):
                Printer()(event)
            if as_json:
                print_json(report)
            else:
                typer.echo(text_table(report))
            return
        plan = read_plan(result.plan(), result.folder)
        jobs.requeue(kept, comparison_id, jobs.own_handle())
        follow(kept, comparison_id, plan, None, as_json)


@app.command("list")
def list_comparisons(store: StoreOption = None, as_json: JsonOption = False) -> None:
    """All comparisons of the store, the newest first."""
    import time

    from comparison import jobs
    from comparison.store import Store

    with plain_errors(as_json):
        rows = jobs.listing(Store(store))
    if as_json:
        print_json(rows)
        return
    for row in rows:
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(row["created"]))
        typer.echo(f"{row['id']}  {when}  {row['status']:<11}  {row['name']}")


@app.command()
def show(comparison_id: IdArgument, store: StoreOption = None, as_json: JsonOption = False) -> None:
    """The latest report of a comparison."""
    from comparison.store import Store
    from comparison.sweep_run import as_text, of_result
    from comparison.table import text_table

    with plain_errors(as_json):
        result = Store(store).result(comparison_id)
        found = of_result(result)
        report = found or result.report()
    if as_json:
        print_json(report)
    else:
        typer.echo(as_text(report) if found else text_table(report))


@app.command()
def score(
    comparison_id: IdArgument,
    metric: Annotated[list[str], typer.Option("--metric", help="A metric to add; may be repeated. See `metrics`.")],
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Score saved answers by further metrics; the old report stays, a new one is written."""
    from comparison.rescore import rescore
    from comparison.store import Store
    from comparison.table import text_table
    from comparison.terminal import Printer

    with plain_errors(as_json):
        kept, printer = Store(store), Printer()
        for event in rescore(kept, comparison_id, metric):
            printer(event)
        report = kept.result(comparison_id).report()
    if as_json:
        print_json(report)
    else:
        typer.echo(text_table(report))


@app.command()
def export(
    comparison_id: IdArgument,
    output: Annotated[Path, typer.Option("--output", help="The file to write, or the folder for format folder.")],
    form: Annotated[str, typer.Option("--format", help="html, json, csv, md, or folder (as in examples/<name>/result).")] = "html",
    store: StoreOption = None,
) -> None:
    """Write a result as a file."""
    from comparison.export import export as write
    from comparison.store import Store

    with plain_errors(False):
        write(Store(store).result(comparison_id), form, output)


@app.command()
def reindex(store: StoreOption = None) -> None:
    """Rebuild the database from the folders."""
    from comparison.reindex import reindex as rebuild
    from comparison.store import Store

    with plain_errors(False):
        typer.echo(f"{rebuild(Store(store))} comparisons")


@app.command()
def methods(as_json: JsonOption = False) -> None:
    """Every adaptation method with its settings."""
    import adapters  # noqa: F401  (registers them)
    from adapters.base import methods as known

    rows = [{"name": name, "about": _first_line(kind.Spec), "schema": kind.Spec.model_json_schema()} for name, kind in known.items()]
    if as_json:
        print_json(rows)
        return
    for row in rows:
        typer.echo(f"{row['name']}: {row['about']}")
        for name, field in row["schema"]["properties"].items():  # type: ignore[index]
            typer.echo(f"  {name}: {field.get('description', '')}")


@app.command()
def metrics(as_json: JsonOption = False) -> None:
    """Every metric with its range, unit and direction."""
    from dataclasses import asdict

    import evaluation  # noqa: F401  (registers them)
    from comparison.legend import described
    from evaluation.base import metrics as known

    rows = [asdict(metric.info) for _, metric in known.items()]
    if as_json:
        print_json(rows)
        return
    for row in rows:
        direction = "neither is better" if row["neutral"] else "higher is better" if row["higher_is_better"] else "lower is better"
        typer.echo(f"{row['name']}: {described(row)}; {row['low']:g} to {row['high']:g} {row['unit']}, {direction}")


def _first_line(kind: type) -> str:
    return (kind.__doc__ or "").strip().partition("\n")[0]


people_commands.add_to(app)
judge_commands.add_to(app)
guard_commands.add_to(app)
handing_commands.add_to(app)
curve_commands.add_to(app)
aa_commands.add_to(app)
again_commands.add_to(app)
slice_commands.add_to(app)
sweep_commands.add_to(app)
recall_commands.add_to(app)

if __name__ == "__main__":
    sys.exit(app())
