"""A report's numbers anew without some items, from saved scores: nothing is generated, no metric and no model is loaded."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from comparison import jobs
from comparison.analyses import analysed
from comparison.leaks import read_leaks
from comparison.left_out import leaving_out, left_out
from comparison.report import Frame, Outcome, build_report, groups_of
from comparison.result import Result
from comparison.store import Store, alone
from core.errors import PlanError, StoreError
from core.files import write_json
from core.records import Scored, Unscored
from evaluation.base import Item, MetricInfo, Resources

LEAKED, LISTED, NONE = "leaked", "listed", "none"
WHY = {
    LEAKED: "something still gives them away (training rows near them, or the documents)",
    LISTED: "the same or nearly the same text was found elsewhere, though some of it was taken out",
}


@dataclass(frozen=True)
class StatedMetric:
    """A metric as a report states it: what its numbers mean, without what worked them out."""

    info: MetricInfo

    def score(self, items: Sequence[Item], resources: Resources) -> list[Scored]:
        return [Unscored("only saved scores are used") for _ in items]


def stated_metrics(report: Mapping[str, Any]) -> list[StatedMetric]:
    """The report's metrics, in its order."""
    known = MetricInfo.__dataclass_fields__
    rows = {name: {key: value for key, value in entry.items() if key in known} for name, entry in report["metrics"].items()}
    return [StatedMetric(MetricInfo(**{**row, "name": name})) for name, row in rows.items()]


def recomputed(result: Result, report: Mapping[str, Any], items: Sequence[str], why: str = "") -> dict[str, Any]:
    """The report without these items; with none, over all items again. Reads the result's folder and writes nothing.

    Raises:
        PlanError: an item is not among the test items, or none would be left.
    """
    splits = result.splits()
    known = {e.id for e in splits.test}
    unknown = [item for item in items if item not in known]
    if unknown:
        raise PlanError(f"'{unknown[0][:60]}' is none of the {len(known)} test items.", f"Give ids of items, {LEAKED}, {LISTED} or {NONE}.")
    if not known - set(items):
        raise PlanError(f"All {len(known)} test items would be left out.", "Leave fewer out.")
    changed = leaving_out(report, items, why or "they were named")
    outcomes = [Outcome.from_entry(entry) for entry in report["methods"]]
    primary = (report["plan"].get("primary") if isinstance(report["plan"], Mapping) else None) or report["verdict"]["primary"]
    scores, metrics = result.scores(), stated_metrics(report)
    fresh = build_report(Frame.from_report(changed, primary), outcomes, metrics, scores, groups_of(splits.test))
    return analysed(result, {**fresh, "metrics": report["metrics"]}, scores)


def chosen(result: Result, report: Mapping[str, Any], without: Sequence[str]) -> tuple[list[str], str]:
    """Item ids, and why they are left out, for what was asked: ids, or one of the words above.

    Raises:
        PlanError: a word stands beside others, or nothing was said.
    """
    if len(without) == 1 and without[0] in (LEAKED, LISTED):
        found = read_leaks(result.folder, report)
        items = found["given_away" if without[0] == LEAKED else "found"]
        return sorted({test for tests in items.values() for test in tests}), WHY[without[0]]
    if list(without) == [NONE]:
        return [], ""
    if not without or set(without) & {LEAKED, LISTED, NONE}:
        raise PlanError(f"--without must be ids of items, or one of {LEAKED}, {LISTED}, {NONE} alone.", "For example --without leaked.")
    return list(dict.fromkeys(without)), "they were named"


def recompute(store: Store, comparison_id: str, without: Sequence[str]) -> str:
    """Write the next report without some items; its name. Where the latest report leaves out just these, no file is written.

    Args:
        without: ids of test items, or "leaked" (those that something still gives away), "listed" (all that were found elsewhere), "none".

    Raises:
        PlanError: see `chosen` and `recomputed`.
        StoreError: the comparison is active, or has no report.
    """
    with alone(store.folder(comparison_id)):
        if jobs.status(store, comparison_id).active:
            raise StoreError(f"{comparison_id} is still running.", "Wait until it is done, or stop it.")
        result = store.result(comparison_id)
        report = result.report()
        items, why = chosen(result, report, without)
        if set(items) == left_out(report["data"]):
            return result.report_names()[-1]
        fresh: dict[str, Any] = json.loads(json.dumps(recomputed(result, report, items, why)))
        name = result.next_report_name()
        write_json(result.folder / name, fresh)
        store.close(comparison_id, fresh["status"], fresh["verdict"]["text"])
        return name
