"""Links to frozen results."""

from __future__ import annotations

from comparison import share
from core.errors import StoreError
from ui.context import Context
from ui.handlers.compare import EXAMPLE_LINK, Shown, own


def token(ctx: Context, shown: Shown, with_rows: bool) -> str:
    """What stands behind `?comparison=` in a link to what is shown: a random token that pins the report of this moment.

    Args:
        with_rows: prompts, answers and references may be read, too.

    Raises:
        StoreError: there is nothing to share, or it is not this owner's.
    """
    if shown.kind == "share":
        return shown.key
    if shown.kind == "example":
        return f"{EXAMPLE_LINK}{shown.key}"
    if shown.kind != "comparison":
        raise StoreError("There is no result to share yet.", "Run a comparison, or open an example.")
    own(ctx, shown.key)
    return share.create(ctx.store, shown.key, ctx.owner, with_rows=bool(with_rows))
