"""Exports: nothing in them runs, whatever the texts hold; and the database can be made anew from the folders."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from comparison import jobs, share
from comparison.events import Answered, Scored
from comparison.export import export, safe_cell, to_csv, to_html, to_markdown
from comparison.plan import Plan, read_plan
from comparison.reindex import reindex
from comparison.result import Result
from comparison.run import run
from comparison.store import LOCAL_OWNER, Store
from core.errors import PlanError

Complete = Callable[..., tuple[str, list[Any]]]
NASTY = ["=cmd|' /C calc'!A0", "+1", "-1", "@x", "\tx", "<img src=x onerror=alert(1)>", "a | b", "[link](javascript:alert(1))"]


@pytest.fixture
def nasty(complete: Complete, mapping: dict[str, Any], tmp_path: Path, store: Store) -> Result:
    """A comparison whose inputs and references are formulas and tags."""
    rows = [{"input": f"{NASTY[n % 8]} number {n} {n * n}", "output": NASTY[n % 8]} for n in range(40)]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    plan = {**mapping, "name": "<script>alert(1)</script>", "data": {"path": "rows.jsonl"}, "knowledge": None}
    return store.result(complete(read_plan(plan, tmp_path))[0])


@pytest.mark.parametrize("cell", NASTY[:5])
def test_a_cell_that_would_be_a_formula_is_text(cell: str) -> None:
    """F29."""
    assert safe_cell(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", [-0.5, 12, None, "plain", ""])
def test_numbers_and_plain_text_are_untouched(cell: object) -> None:
    """F29: -0.5 must stay a number."""
    assert safe_cell(cell) == cell


def test_no_cell_of_the_csv_is_a_formula_and_scores_are_numbers(nasty: Result) -> None:
    """F29, on a whole export."""
    rows = list(csv.DictReader(io.StringIO(to_csv(nasty, nasty.report()), newline="")))
    assert len(rows) == 2 * nasty.report()["data"]["counts"]["test"]
    assert any(row["reference"] == "'-1" for row in rows)
    for row in rows:
        assert not row["input"].startswith(("=", "+", "-", "@", "\t"))
        assert 0 <= float(row["token_f1"]) <= 1


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.seen.add(tag)


def test_the_page_escapes_everything_and_needs_nothing_from_outside(nasty: Result) -> None:
    """F28, on the exported page."""
    page = to_html(nasty, nasty.report())
    tags = Tags()
    tags.feed(page)
    assert not tags.seen & {"script", "img", "iframe", "link", "a"}
    assert "&lt;script&gt;" in page
    assert "http://" not in page and "https://" not in page


def test_markdown_keeps_texts_as_text(nasty: Result) -> None:
    text = to_markdown(nasty, nasty.report())
    assert "<script>" not in text
    assert text.startswith("# &lt;script&gt;")


def test_an_unknown_format_names_the_known_ones(nasty: Result, tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="csv"):
        export(nasty, "cvs", tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_a_frozen_folder_reads_like_the_one_in_the_store(complete: Complete, plan: Plan, store: Store, tmp_path: Path) -> None:
    result = store.result(complete(plan)[0])
    export(result, "folder", tmp_path / "result")
    frozen = Result(tmp_path / "result")
    assert frozen.report() == result.report()
    assert frozen.scores() == result.scores()
    assert frozen.splits() == result.splits()
    assert frozen.answers("few_shot").answers == result.answers("few_shot").answers
    assert frozen.timings("few_shot") == result.timings("few_shot")
    assert to_csv(frozen, frozen.report()) == to_csv(result, result.report())
    everything = b"".join(path.read_bytes() for path in (tmp_path / "result").rglob("*") if path.is_file() and path.suffix != ".gz")
    assert str(tmp_path).encode() not in everything
    assert not (tmp_path / "result" / "comparison.json").exists()


def test_a_lost_database_is_rebuilt_from_the_folders(complete: Complete, plan: Plan, store: Store) -> None:
    first, _ = complete(plan)
    token = share.create(store, first, LOCAL_OWNER)
    stopped = jobs.admit(store, read_plan({**plan.mapping, "name": "Other", "metrics": ["rouge1"]}), handle=jobs.own_handle()).id
    next(run(plan, store, stopped))
    before = jobs.listing(store)
    for path in store.root.glob("bakeoff.db*"):
        path.unlink()
    again = Store(store.root, store.models)
    assert jobs.listing(again) == []
    assert reindex(again) == 2
    after = jobs.listing(again)
    keys = ("id", "name", "created", "owner", "verdict")
    assert [{key: row[key] for key in keys} for row in after] == [{key: row[key] for key in keys} for row in before]
    assert [row["status"] for row in after] == ["interrupted", "done"]
    found = share.resolve(again, token)
    assert found is not None
    assert found.comparison == first
    _, events = complete(plan, again)
    assert {e.method: e.generated for e in events if isinstance(e, Answered)} == {"zero_shot": 0, "few_shot": 0}
    assert {e.reused for e in events if isinstance(e, Scored)} == {True}
    jobs.requeue(again, stopped, jobs.own_handle())
    list(run(plan, again, stopped))
    assert jobs.status(again, stopped).state == "done"
