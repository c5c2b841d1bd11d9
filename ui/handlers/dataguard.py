"""The data guard fold: which test items were found elsewhere, and the numbers without them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from comparison.leaks import read_leaks
from comparison.left_out import left_out
from comparison.recompute import LEAKED, LISTED, NONE, chosen, recompute, recomputed
from core.errors import BakeoffError
from ui import present
from ui.context import Context
from ui.handlers.compare import Found, Shown, locate
from ui.markup import note, render

PLACES = {"train": "Training rows", "demonstrations": "Demonstrations", "index": "Documents"}
KINDS = {"exact": "Exact", "normalised": "Normalised", "ngram": "13 words in a row", "embedding": "Near, by embedding"}
SHOWN = 40
NOT_LOOKED = "not looked for"


class Row(NamedTuple):
    """One place: what was counted, by kind, and what became of it."""

    place: str
    counts: list[str]
    done: str


class Pair(NamedTuple):
    """A test item beside a text that gives it away."""

    place: str
    kind: str
    question: str
    reference: str
    text: str
    answer: str
    where: str
    said: str


class Fold(NamedTuple):
    """What stands in the fold.

    Attributes:
        leaked, listed: how many items something still gives away, and how many were found elsewhere at all; 0 where no button is offered.
        out: how many the shown report leaves out.
    """

    html: str
    leaked: int
    listed: int
    out: int


class Recomputed(NamedTuple):
    """What a button did: HTML for the fold, and what the tab shows from now on, or None where it stays."""

    html: str
    shown: Shown | None


def fold(ctx: Context, shown: Shown) -> Fold:
    """Everything in the fold. Texts and names only where rows may be shown.

    Raises:
        StoreError: what is shown is not there, or not this visitor's.
    """
    found = locate(ctx, shown)
    leakage = found.report["data"].get("leakage") or {}
    kept = read_leaks(found.result.folder, found.report) if found.with_rows else {}
    near = found.report["data"].get("near_duplicates") or kept.get("near") or {}
    pairs = _pairs(found, kept) if found.with_rows else []
    html = render(
        "dataguard",
        kinds=list(KINDS.values()),
        rows=[_row(place, entry, near) for place, entry in leakage.items()],
        near=near,
        pairs=pairs[:SHOWN],
        more=max(0, len(pairs) - SHOWN),
        with_rows=found.with_rows,
        answers=(leakage.get("index") or {}).get("answers"),
        with_answer=(leakage.get("index") or {}).get("with_answer"),
        out=found.report["data"].get("left_out"),
    )
    if shown.kind == "share" or not found.with_rows:
        return Fold(html, 0, 0, 0)
    leaked, listed = (len(chosen(found.result, found.report, [which])[0]) for which in (LEAKED, LISTED))
    return Fold(html, leaked, listed if listed > leaked else 0, len(left_out(found.report["data"])))


def _row(place: str, entry: Mapping[str, Any], near: Mapping[str, Any]) -> Row:
    counts = [NOT_LOOKED if entry.get(kind) is None else f"{entry[kind]:,}" for kind in KINDS]
    if place == "train":
        done = "all taken out" if near.get("rows") == "drop" else "taken out, near ones stay"
    elif place == "index":
        done = "cut out" if near.get("documents") == "cut" else "still there"
    else:
        done = "what is left of the rows"
    return Row(PLACES.get(place, place), counts, done)


def _pairs(found: Found, kept: Mapping[str, Any]) -> list[Pair]:
    """What is still there first; a row that is a demonstration, too, is shown once."""
    test = {e.id: e for e in found.result.splits().test}
    rows = [pair for pair in kept["pairs"] if pair["place"] != "demonstrations" and pair["test"] in test]
    shown = []
    for pair in sorted(rows, key=lambda pair: (pair["gone"], -(pair.get("similarity") or 2.0))):
        item = test[pair["test"]]
        near = f"cosine {pair['similarity']:.2f}" if pair.get("similarity") is not None else ""
        state = ("cut out" if pair["place"] == "index" else "taken out") if pair["gone"] else "still there"
        holds = "with the answer" if pair.get("answer") else ""
        said = ", ".join(part for part in (near, holds, state) if part)
        where = str(pair["other"]) if pair["place"] == "index" else ""
        kind, place = KINDS.get(pair["kind"], pair["kind"]), PLACES.get(pair["place"], pair["place"])
        shown.append(Pair(place, kind, item.question, item.reference, pair.get("text", ""), pair.get("reference", ""), where, said))
    return shown


def without(ctx: Context, shown: Shown, which: str) -> Recomputed:
    """The numbers without some items. A comparison of one's own gets a new report; an example, which is read only, shows them in the fold.

    Args:
        which: "leaked", "listed" or "none".
    """
    try:
        found = locate(ctx, shown)
        if shown.kind == "comparison":
            recompute(ctx.store, shown.key, [which])
            return Recomputed(note("Worked out anew; the verdict and the table above are the new report's.", tone="good"), _next(shown))
        if shown.kind == "share" or not found.with_rows:
            return Recomputed(note("A frozen result stays as it is."), None)
        items, why = chosen(found.result, found.report, [which])
        report = recomputed(found.result, found.report, items, why)
    except BakeoffError as error:
        return Recomputed(render("problem", message=error.message, remedy=error.remedy), None)
    if not items:
        return Recomputed("", None)
    return Recomputed(render("recomputed", verdict=present.verdict(report), table=present.table(report), why=report["notes"][-1]), None)


def _next(shown: Shown) -> Shown:
    return shown._replace(edition=shown.edition + 1)


CHOICES = (LEAKED, LISTED, NONE)
