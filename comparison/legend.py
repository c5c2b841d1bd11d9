"""What stands behind a metric's name, wherever its numbers are shown: the variant in words, the scorer's signature, and its lenient twin."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from comparison.reading import PAIRS


def described(metric: Mapping[str, Any]) -> str:
    """The variant with tokeniser and stemmer, and the scorer's signature where it has one."""
    return str(metric["label"]) + (f" [{metric['signature']}]" if metric.get("signature") else "")


def legend(report: Mapping[str, Any]) -> list[str]:
    """A line for each metric of the report: "rouge1: ROUGE-1 F1, Porter stemmer for English, Unicode words"."""
    return [f"{name}: {described(metric)}" for name, metric in report["metrics"].items()]


def remarks(report: Mapping[str, Any]) -> list[str]:
    """What a reader should know of all numbers alike."""
    said = (report.get("prompt_format") or {}).get("statement")
    return [said] if said else []


def lenient(report: Mapping[str, Any], method: Mapping[str, Any], metric: str) -> float | None:
    """The lenient mean that belongs beside a strict one, where it has no row of its own."""
    if metric not in PAIRS or PAIRS[metric] in (report.get("metrics") or {}):
        return None
    value = ((method.get("reading") or {}).get(metric) or {}).get("lenient")
    return None if value is None else float(value)
