"""What people said, as rows of the table beside the automatic scores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

WIN_RATE = "Mean points against the answers that it stood beside in blind reviews: won 1, tied ½, lost 0. See People below."
GOOD = "Share of its answers that people found good enough in blind reviews. See People below."


class Voted(NamedTuple):
    """A share with its interval and the interval's bar in percent; the first fields of a table's cell."""

    text: str
    interval: str = ""
    left: float = 0.0
    width: float = 0.0


class PeopleRow(NamedTuple):
    label: str
    hint: str
    cells: list[Voted]


def people_rows(report: Mapping[str, Any]) -> list[PeopleRow]:
    """Win rate and "good enough" of the report's methods; nothing where no votes were counted."""
    said = report.get("people") or {}
    names = [method["name"] for method in report["methods"]]
    found = [("People: win rate", WIN_RATE, "win_rates"), ("People: good enough", GOOD, "good_enough")]
    rows = [PeopleRow(label, hint, [_voted((said.get(key) or {}).get(name)) for name in names]) for label, hint, key in found]
    return [row for row in rows if any(cell.interval for cell in row.cells)]


def _voted(rate: Mapping[str, Any] | None) -> Voted:
    if not rate or rate.get("share") is None:
        return Voted("–")
    low, high = rate["ci_low"], rate["ci_high"]
    return Voted(f"{rate['share']:.2f}", f"{low:.2f} to {high:.2f}", round(100 * low, 1), round(100 * (high - low), 1))
