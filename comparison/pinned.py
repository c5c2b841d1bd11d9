"""Which scores of single items a report was made of.

A report never changes, but the scores beside it may: a re-scoring works a metric out anew where the metric or its model has changed. So a
report states a hash of each metric's item scores, and whoever shows items beside an older report leaves out what has changed since.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from comparison.result import ScoreTable, scored_to_json
from core.fingerprint import fingerprint
from core.records import Scored

KEY = "score_digests"


class Pinned(NamedTuple):
    """Attributes:
    scores: those that the report was made of.
    changed: metrics whose scores were worked out anew since, for at least one method.
    """

    scores: ScoreTable
    changed: list[str]


def digest(scores: Mapping[str, Scored]) -> str:
    """Hash of one method's scores by one metric, whatever their order."""
    return fingerprint([[item, scored_to_json(scores[item])] for item in sorted(scores)])


def digests(scores: ScoreTable) -> dict[str, dict[str, Any]]:
    """What a report's methods state: {method: {"score_digests": {metric: hash}}}."""
    methods = {method for by_method in scores.values() for method in by_method}
    return {
        method: {KEY: {metric: digest(by_method[method]) for metric, by_method in scores.items() if method in by_method}}
        for method in methods
    }


def scores_of(report: Mapping[str, Any], scores: ScoreTable) -> Pinned:
    """The item scores that a report was made of, among those on disk. Of a report that states no hashes, its metrics count."""
    kept: ScoreTable = {}
    changed: dict[str, None] = {}
    stated = {method["name"]: method.get(KEY) for method in report["methods"]}
    for metric in report.get("metrics") or {}:
        for method, found in scores.get(metric, {}).items():
            if method not in stated:
                continue
            known = stated[method]
            if known is None or known.get(metric) == digest(found):
                kept.setdefault(metric, {})[method] = found
            elif metric in known:
                changed[metric] = None
    return Pinned(kept, list(changed))
