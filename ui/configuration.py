"""The configuration fold: what was run, on what, and which rows were found twice. A pure function of the report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ui.present import Report, method_label, spec_of

PLACES = {
    "train": "in training rows, of which all but near ones were taken out",
    "demonstrations": "in demonstrations",
    "index": "in documents, which stay whole",
}
LEAKS = {"exact": "exact", "normalised": "normalised", "ngram": "13-gram", "embedding": "by embedding"}


def _leaks(counts: Mapping[str, Any]) -> str:
    """Counts by how alike the texts are; what was not looked for is null, and not said."""
    return ", ".join(f"{words} {counts[kind]}" for kind, words in LEAKS.items() if counts.get(kind) is not None)


def setup(report: Report) -> list[tuple[str, list[tuple[str, str]]]]:
    """The configuration fold: what was run, on what, and which rows were found twice."""
    plan, environment, data = (report.get(key) or {} for key in ("plan", "environment", "data"))
    versions = environment.get("versions") or {}
    machine = [(k.replace("_", " "), _flat(v)) for k, v in environment.items() if k != "versions"]
    methods = [
        (method_label(m), _flat({k: v for k, v in spec_of(report, m["name"]).items() if k not in ("kind", "name")}))
        for m in report["methods"]
    ]
    near = data.get("near_duplicates") or {}
    places = {**PLACES, **({"index": "in documents, of which they were cut out"} if near.get("documents") == "cut" else {})}
    twice = [(places.get(where, f"in {where}"), _leaks(counts)) for where, counts in (data.get("leakage") or {}).items()]
    groups = [
        ("Methods", [(name, text or "no settings") for name, text in methods]),
        ("Data", [("rows", _flat(data.get("counts") or {})), ("base model", _flat(plan.get("model") or {}))]),
        ("Test items that also stand elsewhere", twice),
        ("Machine and run", machine),
        ("Versions", [(str(k), str(v)) for k, v in versions.items()]),
    ]
    return [(label, facts) for label, facts in groups if facts]


def _flat(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{str(k).replace('_', ' ')} {_flat(v)}" for k, v in value.items() if v not in (None, "", {}, []))
    if isinstance(value, list | tuple):
        return ", ".join(_flat(v) for v in value)
    return str(value)
