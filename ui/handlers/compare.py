"""The Compare tab: which result is shown, and what stands in each of its places. Nothing here loads a model."""

from __future__ import annotations

from typing import NamedTuple

from comparison import share
from comparison.result import Result
from core.errors import StoreError
from ui import configuration, present
from ui.context import Context
from ui.handlers import examples
from ui.markup import render

EXAMPLE_LINK = "example:"


class Shown(NamedTuple):
    """Which result the tab shows; lives in `gr.State`.

    Attributes:
        kind: "example", "comparison" (one of the owner's), "share" (a frozen one behind a link), or "" for none.
        key: the example's name, the comparison's id, or the link's token.
        edition: raised when the same result has a new report, so that the tab shows that one.
    """

    kind: str = ""
    key: str = ""
    edition: int = 0


class View(NamedTuple):
    """The tab's places: HTML, and the choices of the chart."""

    verdict: str
    table: str
    how: str
    setup: str
    metrics: list[tuple[str, str]]
    primary: str


def landing(ctx: Context, wanted: str) -> Shown:
    """What to show first: what the address names, else the first finished example.

    Args:
        wanted: the address's `comparison`: a share token, or an id of the owner's; "" for none.

    Raises:
        StoreError: there is no such comparison for this visitor.
    """
    if wanted:
        example = wanted.removeprefix(EXAMPLE_LINK)
        kind = "example" if example != wanted else "comparison" if _owns(ctx, wanted) else "share"
        shown = Shown(kind, example)
        locate(ctx, shown)
        return shown
    finished = [card.name for card in examples.cards(ctx.settings.examples) if card.finished]
    return Shown("example", finished[0]) if finished else Shown()


def _owns(ctx: Context, comparison_id: str) -> bool:
    try:
        own(ctx, comparison_id)
    except StoreError:
        return False
    return True


def own(ctx: Context, comparison_id: str) -> Result:
    """A comparison of this owner. One message for what is not there and what is not theirs.

    Raises:
        StoreError: as above.
    """
    store = ctx.store
    share.check_owner(store, comparison_id, ctx.owner)
    return store.result(comparison_id)


class Found(NamedTuple):
    """A result, the report that counts for it, and whether its texts may be shown."""

    result: Result
    report: present.Report
    with_rows: bool = True


def locate(ctx: Context, shown: Shown) -> Found:
    """The result behind what is shown, and the report that counts for it.

    Raises:
        StoreError: it does not exist, has no report yet, or is not this visitor's.
    """
    if shown.kind == "example":
        result = examples.result(ctx, shown.key)
        if result is None:
            raise StoreError(f"The example '{shown.key}' has no result yet.", "Press Run to make one.")
        return Found(result, result.report())
    if shown.kind == "comparison":
        result = own(ctx, shown.key)
        return Found(result, result.report())
    if shown.kind == "share":
        opened = share.resolve(ctx.store, shown.key)
        if opened is None:
            raise StoreError("This link opens nothing: it is mistyped, was closed, or its result is gone.", "Ask for a new one.")
        result = ctx.store.result(opened.comparison)
        return Found(result, share.shared_report(ctx.store, opened), opened.with_rows)
    raise StoreError("Nothing is shown yet.", "Open an example, or a comparison from the Library tab.")


def view(ctx: Context, shown: Shown) -> View:
    """Everything of the tab but the chart and the items."""
    found = locate(ctx, shown)
    report, known = found.report, present.infos(found.report)
    names = present.metric_names(report)
    primary = (report.get("verdict") or {}).get("primary") or (names[0] if names else "")
    return View(
        verdict=render("verdict", name=report.get("name") or "", state=_state(shown), verdict=present.verdict(report)),
        table=render("table", table=present.table(report, links=found.with_rows)),
        how=render("how", metrics=[(present.metric_label(n), known[n]) for n in names if n in known]),
        setup=render("setup", groups=configuration.setup(report)),
        metrics=[(present.metric_label(n), n) for n in names],
        primary=primary,
    )


def _state(shown: Shown) -> str:
    return {"example": "bundled example, a finished run", "share": "a frozen result, read only"}.get(shown.kind, "")
