"""What the general probe has brought, as fields of the report: each fine-tune's `forgetting`, and what it has gained on the task for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from comparison.probe import probe_name
from evaluation.forgetting import forgetting


def forgotten(report: Mapping[str, Any], probe: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """{method: {"forgetting": entry}} of the methods that were asked; {} where nobody was.

    Args:
        probe: what `comparison.probe.read_probe` gives.
    """
    models = probe.get("models") or {}
    found: dict[str, dict[str, Any]] = {}
    for method in report["methods"]:
        tuned = models.get(probe_name(method["name"]))
        base = models.get(tuned["base"]) if tuned else None
        if tuned and base and method["status"] == "done":
            losses = base.get("loss"), tuned.get("loss")
            entry = forgetting(base["scores"], tuned["scores"], probe["kinds"], losses)
            reason = tuned.get("reason") or base.get("reason") or None
            found[method["name"]] = {"forgetting": {**entry, "reason": reason, "task": _gained(report, method["name"])}}
    return found


def probe_section(probe: Mapping[str, Any]) -> dict[str, Any]:
    """The report's own `forgetting`: which probe it was, how many items, and how many tokens of the general text were read."""
    read = max((model.get("tokens") or 0 for model in probe["models"].values()), default=0)
    items = {kind: len(ids) for kind, ids in probe["kinds"].items()}
    return {"set": probe["set"], "items": sum(items.values()), "kinds": items, "text_tokens": read}


def _gained(report: Mapping[str, Any], method: str) -> dict[str, Any] | None:
    """By how much the method beats zero-shot by the verdict's metric, positive where it is better; None where there is no zero-shot."""
    metric = (report.get("verdict") or {}).get("primary")
    zero = next((m["name"] for m in report["methods"] if m.get("kind") == "zero_shot" and m["status"] == "done"), None)
    pair = next((p for p in report.get("pairwise") or () if p["metric"] == metric and {p["a"], p["b"]} == {method, zero}), None)
    if pair is None or pair["difference"] is None:
        return None
    better = bool(((report.get("metrics") or {}).get(metric) or {}).get("higher_is_better", True))
    sign = 1.0 if (pair["a"] == method) == better else -1.0
    ends = sorted(sign * end for end in (pair["ci_low"], pair["ci_high"]) if end is not None)
    whole = len(ends) == 2
    return {
        "metric": metric,
        "over": zero,
        "difference": 0.0 + sign * pair["difference"],
        "ci_low": ends[0] if whole else None,
        "ci_high": ends[1] if whole else None,
    }
