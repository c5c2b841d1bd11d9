"""A fine-tune handed out from the page, finished or stopped: its zip for the browser, or a push to the Hub with a token that stays in this one call."""

from __future__ import annotations

import base64
import json
import tempfile
from collections.abc import Callable
from pathlib import Path

from comparison.handing import HubClient, hub_client, zip_to
from comparison.handing import push as put
from comparison.trained import TrainedMethod, trained
from core.errors import PlanError, StoreError
from core.files import folder_bytes
from ui.context import Context
from ui.handlers.compare import own
from ui.markup import render

MOST = 64 * 2**20
"""Bytes that a browser is given at once."""


def _found(ctx: Context, key: str) -> TrainedMethod:
    """Raises:
    BakeoffError: nothing is chosen, it is somebody else's, or its weights are gone.
    """
    if not key:
        raise StoreError("There is no fine-tune to take along yet.", "Launch one, and wait until it is done.")
    comparison_id, _, name = key.partition("/")
    own(ctx, comparison_id)
    return trained(ctx.store, comparison_id, name)


def merging(ctx: Context, key: str) -> str:
    """How a fine-tune becomes one model with its base, as HTML; "" where nobody has a terminal. A merged model is too large for a browser."""
    comparison_id, _, name = key.partition("/")
    if ctx.settings.public or not name:
        return ""
    return render("caption", text=f"Merged into its base, as one model: python -m comparison merge {comparison_id} {name} --output FOLDER")


def archive(ctx: Context, key: str) -> str:
    """{"name", "data"} as JSON, the data in base64: the browser makes a file of it, and none is served.

    Raises:
        BakeoffError: see `_found`; or it is too large for a browser.
    """
    found = _found(ctx, key)
    size = folder_bytes(found.weights)
    if size > MOST:
        comparison_id, _, name = key.partition("/")
        raise StoreError(
            f"These weights have {size / 2**20:,.0f} MB; the page hands out at most {MOST / 2**20:.0f} MB.",
            f"Type: python -m comparison adapter {comparison_id} {name} --output {found.file_name}.zip",
        )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "weights.zip"
        zip_to(found, path)
        data = base64.b64encode(path.read_bytes()).decode()
    return json.dumps({"name": f"{found.file_name}.zip", "data": data})


def push(ctx: Context, key: str, repo: str, token: str, private: bool, client: Callable[[str | None], HubClient] = hub_client) -> str:
    """Push to the Hub; the address. Where several people use the app, nobody pushes in the name of the machine it runs on.

    Raises:
        BakeoffError: see `_found`; no token, no repository, or the Hub refuses.
    """
    if ctx.settings.public and not token.strip():
        raise PlanError(
            "A push needs a token of yours; the field is empty.", "Make one with write access at huggingface.co/settings/tokens."
        )
    found = _found(ctx, key)
    return put(found, repo.strip(), lambda: client(token.strip() or None), private=private)
