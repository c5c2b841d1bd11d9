"""Asking the methods of one's own comparison again with other prompts: whether that can be done from here, its start, and how it ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from comparison import again, jobs
from core.errors import BakeoffError, StoreError
from ui.context import Context
from ui.handlers.compare import Found, Shown, locate, own
from ui.markup import note

ELSEWHERE = {
    "example": "This is a bundled result. Run the example yourself; then its methods can be asked again.",
    "share": "A shared result can only be read; whoever owns it can ask its methods again.",
}
Objection = Callable[[Mapping[str, Any]], str]
"""From a report to why its methods cannot be asked so; "" where they can."""


def why_not(ctx: Context, shown: Shown, objection: Objection) -> str:
    """Why the methods cannot be asked again from here; "" where they can."""
    if shown.kind != "comparison":
        return ELSEWHERE.get(shown.kind, "Nothing is shown yet.")
    return objection(locate(ctx, shown).report) or ("It is running." if jobs.status(ctx.store, shown.key).active else "")


def ask(ctx: Context, shown: Shown, command: str, objection: Objection) -> str:
    """Start it; the comparison's id.

    Raises:
        StoreError: it cannot be asked again, with the reason.
    """
    if reason := why_not(ctx, shown, objection):
        raise StoreError(reason, "")
    own(ctx, shown.key)
    again.start(ctx.store, shown.key, command)
    return shown.key


def started(ctx: Context, shown: Shown, command: str, objection: Objection) -> tuple[str, str]:
    """Start it and say so: the id to follow, "" where it could not be started; and HTML."""
    try:
        return ask(ctx, shown, command, objection), note(
            "Asking again. How far it is stands under the page's header; this page then shows the new report."
        )
    except BakeoffError as error:
        return "", note(error.message, error.remedy, tone="bad")


def ending(found: Found, shown: Shown, command: str) -> str:
    """Why the last attempt brought no numbers. Its words may name files, so only the owner reads them."""
    last = again.last_state(found.result, command) if shown.kind == "comparison" else {}
    if last.get("state") not in ("failed", "cancelled"):
        return ""
    said = "The last attempt was stopped." if last["state"] == "cancelled" else f"The last attempt failed. {last.get('reason', '')}"
    return note(said, last.get("remedy", ""), tone="bad")
