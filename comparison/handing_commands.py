"""`merge`, `adapter` and `push`: a finished fine-tune as a folder, as a zip, or on the Hub."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from comparison.command import IdArgument, StoreOption, plain_errors

MethodArgument = Annotated[str, typer.Argument(metavar="METHOD", help="The fine-tune's name in that comparison.")]


def merge(
    comparison_id: IdArgument,
    method: MethodArgument,
    output: Annotated[Path, typer.Option("--output", help="A new folder for the merged model.")],
    store: StoreOption = None,
) -> None:
    """Merge a fine-tune into its base: a safetensors folder with tokenizer, refused where it would answer otherwise."""
    with plain_errors(False):
        from comparison.handing import merge_into
        from comparison.store import Store
        from comparison.trained import trained

        found = merge_into(trained(Store(store), comparison_id, method), output)
        typer.echo(f"{output}: logits differ by {found.difference:.2g} of their spread (at most {found.tolerance:g})")


def adapter(
    comparison_id: IdArgument,
    method: MethodArgument,
    output: Annotated[Path, typer.Option("--output", help="A new .zip file.")],
    store: StoreOption = None,
) -> None:
    """Write a fine-tune's weights with their model card as a zip."""
    with plain_errors(False):
        from comparison.handing import zip_to
        from comparison.store import Store
        from comparison.trained import trained

        size = zip_to(trained(Store(store), comparison_id, method), output)
        typer.echo(f"{output}: {size / 2**20:.1f} MB")


def push(
    comparison_id: IdArgument,
    method: MethodArgument,
    repo: Annotated[str, typer.Option("--repo", help="organisation/name on the Hub; made where it does not exist.")],
    public: Annotated[bool, typer.Option("--public", help="Make a new repository public; by default it is private.")] = False,
    store: StoreOption = None,
) -> None:
    """Push a fine-tune's weights with their model card to the Hub, with this machine's login or HF_TOKEN."""
    with plain_errors(False):
        from comparison.handing import hub_client
        from comparison.handing import push as put
        from comparison.store import Store
        from comparison.trained import trained

        typer.echo(put(trained(Store(store), comparison_id, method), repo, hub_client, private=not public))


def add_to(app: typer.Typer) -> None:
    for command in (merge, adapter, push):
        app.command()(command)
