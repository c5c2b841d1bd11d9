"""The noise floor: what the report of an A/A run says, and what is left to say where another run would answer the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

IGNORED = ("name", "seed")


def item_sampling(report: Mapping[str, Any], name: str) -> str:
    """What is left where nothing else is noise: the interval of the method's mean, by the primary metric."""
    primary = report["verdict"]["primary"]
    method: Mapping[str, Any] = next((m for m in report["methods"] if m["name"] == name), {})
    score = (method.get("scores") or {}).get(primary) or {}
    if score.get("ci_low") is None:
        return ", and for that there is no interval."
    return f": {primary} {score['mean']:.3f}, 95 % interval [{score['ci_low']:.3f}, {score['ci_high']:.3f}] on {score['n']} items."


def noise_floor(report: Mapping[str, Any]) -> dict[str, Any] | None:
    """The report's `noise_floor`: how far two runs of one method under two seeds are apart. None for a report that is not of an A/A run."""
    methods = report["methods"]
    if len(methods) != 2 or any(method["status"] != "done" for method in methods):
        return None
    first, second = (method.get("spec") or {} for method in methods)
    alike = [{key: value for key, value in spec.items() if key not in IGNORED} for spec in (first, second)]
    if alike[0] != alike[1] or "seed" not in first or first["seed"] == second["seed"]:
        return None
    keys = ("difference", "ci_low", "ci_high", "p_value", "note")
    found = {pair["metric"]: {key: pair.get(key) for key in keys} for pair in report["pairwise"]}
    text = _in_words(report, found)
    return {"method": methods[0]["name"], "seeds": [first["seed"], second["seed"]], "metrics": found, "text": text}


def _in_words(report: Mapping[str, Any], found: Mapping[str, Mapping[str, Any]]) -> str:
    primary = report["verdict"]["primary"]
    pair = found.get(primary) or {}
    if pair.get("difference") is None:
        return "The two runs have no items in common that could be compared."
    size = f"{primary} of one method under two seeds differs by {abs(pair['difference']):.3f}"
    if pair["ci_low"] is None:
        return f"{size}; {pair['note'] or 'there is no interval'}."
    reach = max(abs(pair["ci_low"]), abs(pair["ci_high"]))
    return (
        f"{size}, 95 % interval [{pair['ci_low']:.3f}, {pair['ci_high']:.3f}]: on this test set, methods that differ by less than {reach:.3f} "
        "may differ by their seeds alone."
    )
