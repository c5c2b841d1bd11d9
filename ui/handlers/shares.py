"""Links to frozen results: making them, seeing which there are, and closing them."""

from __future__ import annotations

import time
from typing import NamedTuple

from comparison import share
from comparison.share import Link
from core.errors import PlanError, StoreError, nearest
from ui.context import Context
from ui.handlers.compare import EXAMPLE_LINK, Shown, own
from ui.markup import render

DAY_S = 86_400.0
EXPIRIES = {"Never": None, "After a day": 1, "After a week": 7, "After 30 days": 30, "After a year": 365}
"""Words for when a link closes by itself, and the days until then."""


class Listing(NamedTuple):
    """Attributes:
    html: the links of what is shown.
    open: (words, id) of those that can be closed.
    """

    html: str
    open: list[tuple[str, str]]


def token(ctx: Context, shown: Shown, with_rows: bool, expiry: str = "Never") -> str:
    """What stands behind `?comparison=` in a link to what is shown: a random token that pins the report of this moment.

    Args:
        with_rows: prompts, answers and references may be read, too.
        expiry: one of `EXPIRIES`.

    Raises:
        StoreError: there is nothing to share, or it is not this owner's.
        PlanError: there is no such expiry.
    """
    if shown.kind == "share":
        return shown.key
    if shown.kind == "example":
        return f"{EXAMPLE_LINK}{shown.key}"
    if shown.kind != "comparison":
        raise StoreError("There is no result to share yet.", "Run a comparison, or open an example.")
    if expiry not in EXPIRIES:
        raise PlanError(f"A link cannot close '{expiry[:40]}'.", nearest(expiry, EXPIRIES))
    own(ctx, shown.key)
    days = EXPIRIES[expiry]
    expires = None if days is None else time.time() + days * DAY_S
    return share.create(ctx.store, shown.key, ctx.owner, with_rows=bool(with_rows), expires=expires)


def listing(ctx: Context, shown: Shown) -> Listing:
    """The links to a comparison of this owner's; what else is shown has none that could be closed."""
    if shown.kind != "comparison":
        return Listing("", [])
    found = share.links(ctx.store, shown.key, ctx.owner)
    rows = [(_when(link.created), _shows(link), _until(link), link.state) for link in found]
    open_ = [(f"made {_when(link.created)}, {_shows(link)}", link.id) for link in found if link.state == "open"]
    return Listing(render("links", rows=rows), open_)


def close(ctx: Context, shown: Shown, link: str | None) -> str:
    """Close one link, or all of them where none is named; what was done, in words.

    Raises:
        StoreError: there is no such link, or it is not this owner's.
    """
    if shown.kind != "comparison":
        raise StoreError("Nothing is shown that has links of yours.", "Open a comparison from the Library tab.")
    count = share.revoke(ctx.store, shown.key, ctx.owner, link)
    if not count:
        return "No link was open."
    return "The link is closed." if count == 1 else f"{count} links are closed."


def _when(moment: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(moment))


def _shows(link: Link) -> str:
    return "with prompts and answers" if link.with_rows else "scores only"


def _until(link: Link) -> str:
    return "no end" if link.expires is None else _when(link.expires)
