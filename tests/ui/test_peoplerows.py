"""What people said stands in the table, once the votes are counted."""

from __future__ import annotations

from typing import Any

from ui import present
from ui.peoplerows import people_rows


def rate(share: float | None) -> dict[str, Any]:
    return {"share": share, "ci_low": None if share is None else 0.25, "ci_high": None if share is None else 0.75, "n": 4}


def test_win_rate_and_good_enough_stand_beside_the_automatic_scores(report: dict[str, Any]) -> None:
    first, second, *rest = [method["name"] for method in report["methods"]]
    report["people"] = {"win_rates": {first: rate(0.5), second: rate(0.25)}, "good_enough": {first: rate(None)}}
    table = present.table(report)
    rows = {row.label: row for group in table.groups for row in group.rows}
    cells = rows["People: win rate"].cells
    assert [cell.text for cell in cells] == ["0.50", "0.25", *["–"] * len(rest)]
    assert (cells[0].interval, cells[0].left, cells[0].width) == ("0.25 to 0.75", 25.0, 50.0)
    assert "People: good enough" not in rows, "nobody said anything of it"


def test_a_report_without_votes_has_no_such_rows(report: dict[str, Any]) -> None:
    assert people_rows(report) == []
