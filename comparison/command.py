"""What all commands share: their common options, and how they end on an error that a person is meant to read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from core.errors import BakeoffError

StoreOption = Annotated[
    Path | None,
    typer.Option("--store", help="Folder of comparisons and artefacts; by default BAKEOFF_HOME, else the platform's user data folder."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON value on stdout.")]
IdArgument = Annotated[str, typer.Argument(metavar="ID", help="A comparison's id; see `list`.")]


@contextmanager
def plain_errors(as_json: bool) -> Iterator[None]:
    """End with the exit code and the one plain message of an error that a person is meant to read."""
    try:
        yield
    except BakeoffError as error:
        if as_json:
            print_json({"error": {"kind": type(error).__name__, "message": error.message, "remedy": error.remedy}})
        typer.echo(f"{error.message}\n{error.remedy}".strip(), err=True)
        raise typer.Exit(error.exit_code) from None


def print_json(value: Any) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False, indent=1, allow_nan=False))
