"""What fine-tunes have forgotten, as a row of the table, as rows of the fold, and as points of gained against forgotten. Pure functions of the report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from comparison.naming import method_label
from evaluation.probing import KIND_WORDS
from ui.figures import decimals
from ui.furtherrows import FurtherRow, Measured

ABSENT = "–"
HINT = (
    "Share of the general questions right before training minus the share right after, with its 95 % interval; below 0 it answers more of them. "
    "See Forgetting below."
)


class MethodRow(NamedTuple):
    """One fine-tune in the fold. `kinds` begin with all together: right before → after, and the interval of the share that was forgotten."""

    label: str
    gained: Measured
    forgotten: Measured
    kinds: list[tuple[str, str]]
    perplexity: str


class Point(NamedTuple):
    """One fine-tune in the plane; each axis with its interval, equal to the value where there is none."""

    label: str
    forgotten: tuple[float, float, float]
    gained: tuple[float, float, float]


def entries(report: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """(label, forgetting) of the methods that were asked and have a number."""
    found = [(method_label(method), method.get("forgetting") or {}) for method in report["methods"]]
    return [(label, entry) for label, entry in found if entry.get("difference") is not None]


def signed(value: float | None, digits: int = 2) -> str:
    """With a real minus sign, and no minus before zero."""
    return ABSENT if value is None else f"{value:.{digits}f}".replace("-", "−") if round(value, digits) else f"{0:.{digits}f}"


def between(entry: Mapping[str, Any], digits: int = 2) -> str:
    low, high = entry.get("ci_low"), entry.get("ci_high")
    return "" if low is None or high is None else f"{signed(low, digits)} to {signed(high, digits)}"


def forgotten_rows(report: Mapping[str, Any]) -> list[FurtherRow]:
    """The table's row; nothing where nobody was asked."""
    known = dict(entries(report))
    if not known:
        return []
    ends = [end for entry in known.values() for end in (entry["difference"], entry.get("ci_low"), entry.get("ci_high")) if end is not None]
    low, high = min(0.0, *ends), max(0.0, *ends)
    digits = decimals([(e["ci_high"] - e["ci_low"]) / 2 for e in known.values() if e.get("ci_low") is not None], 0.0, 1.0)
    cells = [_cell(method.get("forgetting") or {}, low, high, digits) for method in report["methods"]]
    return [FurtherRow("Forgotten", HINT, cells)]


def _cell(entry: Mapping[str, Any], low: float, high: float, digits: int) -> Measured:
    if entry.get("difference") is None:
        return Measured(ABSENT)
    cell = Measured(signed(entry["difference"], digits), between(entry, digits))
    if not cell.interval or high <= low:
        return cell
    width = max(1.0, 100 * (entry["ci_high"] - entry["ci_low"]) / (high - low))
    return cell._replace(left=round(max(0.0, min(100 - width, 100 * (entry["ci_low"] - low) / (high - low))), 1), width=round(width, 1))


def method_rows(report: Mapping[str, Any]) -> list[MethodRow]:
    """One row for each fine-tune, kinds in the probe's order."""
    asked = report.get("forgetting") or {}
    return [
        MethodRow(
            label=label,
            gained=Measured(signed((entry.get("task") or {}).get("difference")), between(entry.get("task") or {})),
            forgotten=Measured(signed(entry["difference"]), between(entry)),
            kinds=[_kind(entry, asked["items"]), *(_kind(entry["kinds"][kind], asked["kinds"][kind]) for kind in asked["kinds"])],
            perplexity=_perplexity(entry),
        )
        for label, entry in entries(report)
    ]


def _kind(entry: Mapping[str, Any], asked: int) -> tuple[str, str]:
    if not entry["n"]:
        return ABSENT, ""
    fewer = f" of {entry['n']}" if entry["n"] != asked else ""
    return f"{entry['right_before']} → {entry['right_after']}{fewer}", between(entry)


def _perplexity(entry: Mapping[str, Any]) -> str:
    both = entry.get("perplexity_before"), entry.get("perplexity_after")
    return ABSENT if None in both else " → ".join(f"{value:,.1f}" for value in both if value is not None)


def kind_labels(report: Mapping[str, Any]) -> list[tuple[str, int]]:
    """(label, how many questions), all together first."""
    section = report.get("forgetting") or {}
    return [("All", section["items"]), *((KIND_WORDS.get(kind, kind), n) for kind, n in section["kinds"].items())] if section else []


def points(report: Mapping[str, Any]) -> list[Point]:
    """Fine-tunes for which both what they gained over zero-shot and what they forgot is known."""
    found = [(label, entry, entry.get("task") or {}) for label, entry in entries(report)]
    return [Point(label, _ends(entry), _ends(task)) for label, entry, task in found if task.get("difference") is not None]


def _ends(entry: Mapping[str, Any]) -> tuple[float, float, float]:
    value = float(entry["difference"])
    low, high = entry.get("ci_low"), entry.get("ci_high")
    return value, value if low is None else float(low), value if high is None else float(high)
