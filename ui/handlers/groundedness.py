"""The fold about groundedness: what of the answers stands in their passages, what came of the gold passage, and who abstains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from evaluation.base import metrics
from evaluation.groundedness import SUPPORT
from ui import diagnosed, present
from ui.context import Context
from ui.diagnosed import ABSENT, Number
from ui.handlers.compare import Shown, locate
from ui.markup import render

LABELS = {
    "supported_statements": "Statements that a passage supports",
    "supported_numbers": "Numbers that stand in a passage",
    "supported_names": "Names that stand in a passage",
}
ABSTENTION = "abstention"


class Row(NamedTuple):
    label: str
    cells: Sequence[Number]


def view(ctx: Context, shown: Shown) -> str:
    """The whole fold as HTML.

    Raises:
        StoreError: what is shown is not there, or not this visitor's.
    """
    found = locate(ctx, shown)
    by_method = diagnosed.entries(found.result, found.report)
    methods = [method for method in found.report["methods"] if method["name"] in by_method]
    grounded = [method for method in methods if by_method[method["name"]].get("groundedness")]
    abstaining = [method for method in methods if by_method[method["name"]].get(ABSTENTION)]
    return render(
        "groundedness",
        methods=[present.method_label(method) for method in grounded],
        rows=_rows([by_method[method["name"]]["groundedness"] for method in grounded]) if grounded else [],
        abstention=[present.method_label(method) for method in abstaining],
        abstention_row=diagnosed.shares([by_method[method["name"]][ABSTENTION] for method in abstaining]),
        definitions=[(LABELS[name], metric.info.how) for name, metric in SUPPORT.items()],
        abstains=metrics.get(ABSTENTION).info.how,
        width=170 + 120 * max(1, len(grounded), len(abstaining)),
    )


def _rows(found: Sequence[Mapping[str, Any]]) -> list[Row]:
    shares = [Row(label, diagnosed.shares([entry[name] for entry in found])) for name, label in LABELS.items()]
    return [
        *shares,
        Row("Gold passage retrieved", [_retrieved(e["retrieved"]) for e in found]),
        Row("… and used", [_used(e["used"]) for e in found]),
    ]


def _retrieved(counts: Mapping[str, int]) -> Number:
    known = counts["yes"] + counts["no"]
    if not known:
        return Number(ABSENT, f"{counts['unknown']} not known")
    return Number(f"{counts['yes']} of {known}", f"{counts['unknown']} not known" if counts["unknown"] else "")


def _used(counts: Mapping[str, int]) -> Number:
    there = counts["used"] + counts["ignored"]
    return Number(f"{counts['used']} of {there}", f"{counts['ignored']} ignored") if there else Number(ABSENT)
