"""Item by item: one test item with the answers of all methods, of those that a filter keeps, in the order of one score where a cell was chosen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from comparison import pinned
from core.records import Answer
from ui import diagnosed, itemview, present
from ui.context import Context
from ui.handlers.compare import Found, Shown, locate
from ui.itemview import Order
from ui.markup import note, render

ONLY_SCORES = "Only the scores were shared, not the prompts and answers."
RIGHT_WAY, OTHER_WAY = "lowest first", "highest first"


class Page(NamedTuple):
    """One item with all answers; `place` counts from 0 among the `total` that the filter keeps."""

    html: str
    place: int
    total: int


class Sorted(NamedTuple):
    """What stands over items that are in the order of a score.

    Attributes:
        words: by which score, and which end is first.
        turn: what a button would turn the order into.
    """

    words: str
    turn: str


def page(ctx: Context, shown: Shown, wanted: str, place: int, order: Order | None = None, pair: tuple[str, str] = ("", "")) -> Page:
    """The item at a place of those that the filter keeps; beyond the ends it wraps around.

    Args:
        order: by which score they stand; None for the order of the test set.
        pair: the methods A and B of the filters that name them.
    """
    found = locate(ctx, shown)
    if not found.with_rows:
        return Page(render("empty", text=ONLY_SCORES), 0, 0)
    result, report = found.result, found.report
    answers, known = _answers(found, shown), pinned.scores_of(report, result.scores())
    latency = {name: result.timings(name) for name in answers}
    test = {e.id: e for e in result.splits().test}
    primary = (report.get("verdict") or {}).get("primary") or ""
    kept = itemview.keep(list(test), wanted, answers, known.scores, primary, present.infos(report).get(primary), pair)
    if not kept:
        return Page(render("empty", text=f"No item falls under “{wanted}”."), 0, 0)
    if order is not None:
        kept = itemview.in_order(kept, order, known.scores)
    place %= len(kept)
    example = test[kept[place]]
    question = itemview.Question(example.id, example.instruction, example.input, example.reference)
    told = diagnosed.diagnosis(result, report)
    findings = {name: told.finding(name, example.id) for name in answers}
    cards = itemview.cards(report, question, answers, known.scores, latency, findings)
    return Page(render("items", q=question, cards=cards) + _changed(known.changed), place, len(kept))


def _answers(found: Found, shown: Shown) -> Mapping[str, Mapping[str, Answer]]:
    """Answers by method. Behind a link they are those that its report knew: a method that failed then may have answered since."""
    names = [m["name"] for m in found.report["methods"] if shown.kind != "share" or m["status"] == "done"]
    return {name: found.result.answers(name).answers for name in names}


def _changed(metrics: list[str]) -> str:
    names = ", ".join(present.metric_label(name) for name in metrics)
    return (
        note(f"The scores of single items by {names} were worked out anew after this report, so they are left out here.") if names else ""
    )


def methods(ctx: Context, shown: Shown) -> list[tuple[str, str]]:
    """The methods with answers that A and B can be, as (label, name); the best two by the deciding metric come first."""
    report = locate(ctx, shown).report
    primary = (report.get("verdict") or {}).get("primary") or ""
    higher = (present.infos(report).get(primary) or {}).get("higher_is_better", True)
    done = [m for m in report["methods"] if m["status"] == "done"]

    def rank(method: Mapping[str, Any]) -> float:
        mean = ((method.get("scores") or {}).get(primary) or {}).get("mean")
        return float("inf") if mean is None else -mean if higher else mean

    return [(present.method_label(method), method["name"]) for method in sorted(done, key=rank)]


def chosen(ctx: Context, shown: Shown, cell: Mapping[str, Any]) -> Order | None:
    """The order that a cell of the table stands for, the lowest score first; None where it is no cell of this report."""
    report = locate(ctx, shown).report
    metric, method = str(cell.get("metric", "")), str(cell.get("method", ""))
    known = any(m["name"] == method and metric in (m.get("scores") or {}) for m in report["methods"])
    return Order(metric, method) if known else None


def described(ctx: Context, shown: Shown, order: Order) -> Sorted:
    """The order in words."""
    report = locate(ctx, shown).report
    method = next((present.method_label(m) for m in report["methods"] if m["name"] == order.method), order.method)
    ways = (OTHER_WAY, RIGHT_WAY) if order.highest else (RIGHT_WAY, OTHER_WAY)
    return Sorted(f"Sorted by {present.metric_label(order.metric)} of {method}, {ways[0]}", ways[1].capitalize())
