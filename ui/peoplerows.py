"""What people said, as rows of the table beside the automatic scores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ui.furtherrows import FurtherRow, Measured

WIN_RATE = "Mean points against the answers that it stood beside in blind reviews: won 1, tied ½, lost 0. See People below."
GOOD = "Share of its answers that people found good enough in blind reviews. See People below."


def people_rows(report: Mapping[str, Any]) -> list[FurtherRow]:
    """Win rate and "good enough" of the report's methods; nothing where no votes were counted."""
    said = report.get("people") or {}
    names = [method["name"] for method in report["methods"]]
    found = [("People: win rate", WIN_RATE, "win_rates"), ("People: good enough", GOOD, "good_enough")]
    rows = [FurtherRow(label, hint, [_voted((said.get(key) or {}).get(name)) for name in names]) for label, hint, key in found]
    return [row for row in rows if any(cell.interval for cell in row.cells)]


def _voted(rate: Mapping[str, Any] | None) -> Measured:
    if not rate or rate.get("share") is None:
        return Measured("–")
    low, high = rate["ci_low"], rate["ci_high"]
    return Measured(f"{rate['share']:.2f}", f"{low:.2f} to {high:.2f}", round(100 * low, 1), round(100 * (high - low), 1))
