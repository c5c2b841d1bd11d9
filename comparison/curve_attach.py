"""A finished learning curve becomes part of the comparison that it was made from: by a new report there, beside the old ones."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from comparison import jobs
from comparison.left_out import KEY, left_out
from comparison.recompute import recomputed
from comparison.store import Store, alone
from core.errors import BakeoffError
from core.files import write_json


def attach_curve(store: Store, comparison_id: str, report: Mapping[str, Any]) -> None:
    """Write the next report of the curve's origin. Does nothing for other comparisons, and where the origin is busy, gone or another's."""
    curve = report.get("curve")
    if not curve or not curve["of"]:
        return
    try:
        _attach(store, comparison_id, curve)
    except BakeoffError as error:
        logging.getLogger(__name__).warning("The curve %s stays by itself: %s", comparison_id, error)


def _attach(store: Store, comparison_id: str, curve: Mapping[str, Any]) -> None:
    origin = store.result(curve["of"])
    if origin.card()["owner"] != store.result(comparison_id).card()["owner"] or jobs.status(store, curve["of"]).active:
        return
    with alone(origin.folder):
        latest = origin.report()
        entry = attached(comparison_id, curve, str(latest["verdict"]["primary"]))
        changed = {**latest, "curves": {**(latest.get("curves") or {}), curve["over"]: entry}}
        data = latest["data"]
        fresh = recomputed(origin, changed, sorted(left_out(data)), (data.get(KEY) or {}).get("why", ""))
        write_json(origin.folder / origin.next_report_name(), fresh)
        store.close(curve["of"], fresh["status"], fresh["verdict"]["text"])


def attached(comparison_id: str, curve: Mapping[str, Any], primary: str) -> dict[str, Any]:
    """What the origin's report keeps of a curve: its points by metric, and what the verdict's metric says."""
    return {**curve, "comparison": comparison_id, "clause": (curve["metrics"].get(primary) or {}).get("clause", "")}
