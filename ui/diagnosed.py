"""What the page knows of errors: the diagnosis behind what is shown, and its numbers as rows. Pure but for reading the result's folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from comparison import pinned
from comparison.analyses import study
from comparison.diagnosis import Diagnosis, method_entry
from comparison.result import Result
from evaluation.causes import CAUSES
from ui.figures import decimals
from ui.present import Report, method_label

ABSENT = "–"


class Number(NamedTuple):
    """A number with what stands small under it."""

    text: str
    small: str = ""


class Causes(NamedTuple):
    """Counts per cause and method.

    Attributes:
        methods: labels, as columns.
        wrong: of each, (wrong answers, scored answers).
        rows: (cause's label, its count for each method); causes that none has are absent.
    """

    methods: Sequence[str]
    wrong: Sequence[tuple[int, int]]
    rows: Sequence[tuple[str, Sequence[int]]]


def diagnosis(result: Result, report: Report) -> Diagnosis:
    """The diagnosis by the scores that the report was made of."""
    return Diagnosis(study(result, report, pinned.scores_of(report, result.scores()).scores))


def entries(result: Result, report: Report) -> dict[str, Mapping[str, Any]]:
    """{method: what its entry says of errors}: as the report states it, or worked out now for a report that is older than that."""
    done = [method for method in report["methods"] if method["status"] == "done"]
    if all("causes" in method for method in done):
        return {method["name"]: method for method in done}
    found = diagnosis(result, report)
    return {method["name"]: method_entry(found, method["name"]) for method in done}


def causes(report: Report, by_method: Mapping[str, Mapping[str, Any]]) -> Causes:
    """The counts of all methods that are done, in the report's order."""
    names = [method["name"] for method in report["methods"] if method["name"] in by_method]
    labels = [method_label(method) for method in report["methods"] if method["name"] in by_method]
    wrong = [(int(by_method[name]["wrong"]["n"]), int(by_method[name]["wrong"]["of"])) for name in names]
    counts = {cause: [int(by_method[name]["causes"].get(cause, 0)) for name in names] for cause in CAUSES}
    return Causes(labels, wrong, [(CAUSES[cause], row) for cause, row in counts.items() if any(row)])


def shares(found: Sequence[Mapping[str, Any] | None]) -> list[Number]:
    """Means of shares (0 to 1) with interval and n, to the digit that the intervals support."""
    halves = [(f["ci_high"] - f["ci_low"]) / 2 for f in found if f and f["ci_low"] is not None]
    digits = decimals(halves, 0.0, 1.0)
    return [_share(f, digits) for f in found]


def _share(found: Mapping[str, Any] | None, digits: int) -> Number:
    if not found or found["mean"] is None:
        return Number(ABSENT, "none to check" if found else "")
    interval = "" if found["ci_low"] is None else f"{found['ci_low']:.{digits}f} to {found['ci_high']:.{digits}f}, "
    return Number(f"{found['mean']:.{digits}f}", f"{interval}n {found['n']}")
