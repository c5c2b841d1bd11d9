"""A report's scores by parts of the test set: for the command line and for the page alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from comparison import pinned
from comparison.analyses import study
from comparison.result import Result
from core.errors import PlanError, nearest
from evaluation.slices import COLUMN, GROUP, Slice, facets, sliced


def sliced_report(result: Result, report: Mapping[str, Any], by: str, metric: str) -> list[Slice]:
    """The slices of a finished comparison by the scores that its report was made of.

    Raises:
        PlanError: the items cannot be cut so, or the report has no such metric.
    """
    if metric not in report["metrics"]:
        raise PlanError(f"--metric must be a metric of the report; got '{metric}'.", nearest(metric, list(report["metrics"])))
    known = study(result, report, pinned.scores_of(report, result.scores()).scores)
    cut = facets(known.splits.test, known.splits.labels)
    facet = next((name for name in (by, COLUMN + by) if name in cut), None)
    if facet is None:
        offered = [name.removeprefix(COLUMN) for name in cut]
        raise PlanError(f"--by must be something that tells the items apart; got '{by}'.", nearest(by, offered))
    info = report["metrics"][metric]
    scores = {method["name"]: known.scores.get(metric, {}).get(method["name"], {}) for method in report["methods"]}
    groups = {} if facet == GROUP else {example.id: example.group for example in known.splits.test if example.group}
    return sliced(cut[facet], scores, low=float(info["low"]), high=float(info["high"]), groups=groups)
