"""The fold about errors: causes as a heat map and a table, slices, and the oracle re-run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from comparison import oracle as oracle_run
from comparison.slicing import sliced_report
from evaluation.causes import CAUSES, DEFINITIONS
from evaluation.correctness import RULE
from evaluation.slices import GROUP, LENGTH, Cell, Slice, facets
from ui import diagnosed, heatmap, present
from ui.context import Context
from ui.diagnosed import ABSENT, Number
from ui.figures import decimals
from ui.handlers import again
from ui.handlers.compare import Found, Shown, locate
from ui.markup import note, render

if TYPE_CHECKING:
    import plotly.graph_objects as go


class View(NamedTuple):
    """What stands in the fold.

    Attributes:
        figure: None where nothing is wrong or nothing is scored.
        facets: what the items can be sliced by.
        oracle: HTML; `can_ask` says whether the button works.
    """

    figure: go.Figure | None
    table: str
    facets: list[str]
    metrics: list[tuple[str, str]]
    metric: str
    slices: str
    oracle: str
    can_ask: bool


class Part(NamedTuple):
    """One slice as a row."""

    name: str
    n: int
    small: bool
    cells: Sequence[Number]


class Loss(NamedTuple):
    """One method's oracle numbers as a row."""

    label: str
    actual: str
    oracle: Number
    retrieval: Number
    generator: str
    left_out: int


def view(ctx: Context, shown: Shown) -> View:
    """Everything in the fold.

    Raises:
        StoreError: what is shown is not there, or not this visitor's.
    """
    found = locate(ctx, shown)
    report = found.report
    counts = diagnosed.causes(report, diagnosed.entries(found.result, report))
    names = present.metric_names(report)
    metric = str((report.get("verdict") or {}).get("primary") or (names[0] if names else ""))
    table = render(
        "errors",
        found=counts,
        rule=RULE,
        metric=present.metric_label(metric),
        definitions=[(CAUSES[name], text) for name, text in DEFINITIONS.items()],
        width=112 + 70 * len(counts.methods),
    )
    offered = _facets(found)
    chosen = next(iter(offered), "")
    return View(
        figure=heatmap.of_causes(counts) if counts.rows else None,
        table=table,
        facets=list(offered),
        metrics=[(present.metric_label(name), name) for name in names],
        metric=metric,
        slices=slices(ctx, shown, chosen, metric),
        oracle=oracle(ctx, shown),
        can_ask=not why_not(ctx, shown),
    )


def _facets(found: Found) -> Mapping[str, Mapping[str, str]]:
    """What the items can be cut by. Where only scores were shared, values of the data are nobody's business."""
    splits = found.result.splits()
    cut = facets(splits.test, splits.labels)
    return cut if found.with_rows else {name: of_items for name, of_items in cut.items() if name == LENGTH}


def slices(ctx: Context, shown: Shown, facet: str, metric: str) -> str:
    """The slices of a facet by a metric, as HTML. An unknown facet or metric says so."""
    found = locate(ctx, shown)
    info = present.infos(found.report).get(metric)
    if facet not in _facets(found) or info is None:
        return render("empty", text="All items are alike in length, and the data have no column that tells them apart.")
    parts = sliced_report(found.result, found.report, facet, metric)
    low, high = float(info.get("low", 0.0)), float(info.get("high", 1.0))
    names = [method["name"] for method in found.report["methods"]]
    labels = [present.method_label(method) for method in found.report["methods"]]
    return render(
        "slices",
        facet=facet,
        metric=present.metric_label(metric),
        methods=labels,
        rows=[_part(part, names, low, high) for part in parts],
        grouped=facet != GROUP and any(example.group for example in found.result.splits().test),
        width=150 + 104 * len(labels),
    )


def _part(part: Slice, methods: Sequence[str], low: float, high: float) -> Part:
    cells = [part.cells[method] for method in methods]
    digits = decimals([(c.high - c.low) / 2 for c in cells if c.low is not None and c.high is not None], low, high)
    return Part(part.name, part.n, part.small, [_number(cell, digits) for cell in cells])


def _number(cell: Cell, digits: int) -> Number:
    if cell.mean is None:
        return Number(ABSENT)
    interval = "" if cell.low is None else f"{cell.low:.{digits}f} to {cell.high:.{digits}f}"
    return Number(f"{cell.mean:.{digits}f}", interval)


def why_not(ctx: Context, shown: Shown) -> str:
    """Why the methods cannot be asked again from here; "" where they can."""
    return again.why_not(ctx, shown, _objection)


def _objection(report: Mapping[str, Any]) -> str:
    if any(_retrieves(method) for method in report["methods"]):
        return ""
    return "No method of this comparison retrieves, so there is no passage to put in the place of another."


def _retrieves(method: Mapping[str, Any]) -> bool:
    spec = method.get("spec") or {}
    return method["status"] == "done" and "top_k" in spec and spec.get("with_retrieval", True) is not False


def started(ctx: Context, shown: Shown) -> tuple[str, str]:
    """Start the oracle re-run and say so: the id to follow, "" where it could not be started; and HTML."""
    return again.started(ctx, shown, oracle_run.COMMAND, _objection)


def oracle(ctx: Context, shown: Shown) -> str:
    """What the last oracle re-run found, or why there is none, as HTML."""
    found = locate(ctx, shown)
    report = found.report
    entries = [(method, method["oracle"]) for method in report["methods"] if method.get("oracle")]
    metric = str(entries[0][1]["metric"]) if entries else ""
    info = present.infos(report).get(metric) or {}
    rows = [_loss(method, entry, info) for method, entry in entries if (entry["scores"].get(metric) or {}).get("mean") is not None]
    said = render("oracle", rows=rows, metric=present.metric_label(metric), best=info.get("high", 1.0))
    return said + again.ending(found, shown, oracle_run.COMMAND) + note(why_not(ctx, shown))


def _loss(method: Mapping[str, Any], entry: Mapping[str, Any], info: Mapping[str, Any]) -> Loss:
    row = entry["scores"][entry["metric"]]
    digits = decimals([], float(info.get("low", 0.0)), float(info.get("high", 1.0)))

    def between(low: float | None, high: float | None) -> str:
        return "" if low is None or high is None else f"{low:.{digits}f} to {high:.{digits}f}"

    return Loss(
        label=present.method_label(method),
        actual=f"{row['actual']:.{digits}f}",
        oracle=Number(f"{row['mean']:.{digits}f}", between(row["ci_low"], row["ci_high"])),
        retrieval=Number(f"{row['retrieval_loss']:.{digits}f}", between(row["retrieval_ci_low"], row["retrieval_ci_high"])),
        generator=f"{row['generator_loss']:.{digits}f}",
        left_out=int(row["left_out"]),
    )
