"""Item by item: the order of a score, and what a link to an older report shows."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from browsing import link_of, open_share, opened, ready_to_run, run_and_wait

from comparison.rescore import rescore
from core.records import Score, Unscored
from ui import itemview
from ui.context import Context
from ui.handlers import compare, items, shares
from ui.handlers.compare import Shown
from ui.itemview import Order

SCORES = {"token_f1": {"rag": {"a": Score(0.5), "b": Unscored("no words"), "c": Score(0.0), "d": Score(0.5)}}}


def test_items_stand_by_their_score_with_unscored_ones_last() -> None:
    ids = ["d", "c", "b", "a"]
    assert itemview.in_order(ids, Order("token_f1", "rag"), SCORES) == ["c", "d", "a", "b"]
    assert itemview.in_order(ids, Order("token_f1", "rag", highest=True), SCORES) == ["d", "a", "c", "b"]
    assert itemview.in_order(ids, Order("rouge1", "rag"), SCORES) == ids


def test_a_cell_of_the_table_leads_to_its_items(ctx: Context, finished: str) -> None:
    shown = Shown("comparison", finished)
    assert 'data-metric="token_f1" data-method="rag"' in compare.view(ctx, shown).table
    order = items.chosen(ctx, shown, {"metric": "token_f1", "method": "rag"})
    assert order == Order("token_f1", "rag")
    scores = compare.locate(ctx, shown).result.scores()["token_f1"]["rag"].values()
    values = [scored.value for scored in scores if isinstance(scored, Score)]
    for highest, best in ((False, min(values)), (True, max(values))):
        page = items.page(ctx, shown, "All", 0, order._replace(highest=highest))
        rag = page.html[page.html.index('aria-label="Answer of RAG"') :]
        assert page.total == 12 and f"Token F1 <b>{best:.2f}</b>" in rag
    assert items.described(ctx, shown, order) == ("Sorted by Token F1 of RAG, lowest first", "Highest first")
    assert items.described(ctx, shown, order._replace(highest=True)).turn == "Lowest first"


@pytest.mark.parametrize(
    "cell", [{}, {"metric": "token_f1", "method": "lora"}, {"metric": "x", "method": "rag"}, {"metric": ["a"], "method": None}]
)
def test_what_is_no_cell_of_the_report_sets_no_order(ctx: Context, finished: str, cell: dict[str, Any]) -> None:
    assert items.chosen(ctx, Shown("comparison", finished), cell) is None


def test_a_link_with_rows_shows_the_scores_of_the_report_that_it_pins(ctx: Context, finished: str) -> None:
    """A re-scoring after the link was made adds to the owner's view, not to the link's."""
    mine = Shown("comparison", finished)
    link = Shown("share", shares.token(ctx, mine, True))
    list(rescore(ctx.store, finished, ["rouge1"]))
    assert "ROUGE-1" in items.page(ctx, mine, "All", 0).html
    seen = items.page(Context(ctx.settings, "somebody else"), link, "All", 0).html
    assert "ROUGE-1" not in seen and "Token F1" in seen


def test_scores_that_changed_since_are_left_out_and_said(ctx: Context, finished: str) -> None:
    mine = Shown("comparison", finished)
    link = Shown("share", shares.token(ctx, mine, True))
    result = compare.locate(ctx, mine).result
    row = next(row for row in result.score_rows() if (row["method"], row["metric"]) == ("rag", "token_f1"))
    from comparison import lines

    lines.append(result.folder / "scores.jsonl", [{**row, "scores": dict.fromkeys(row["scores"], 0.123)}])
    seen = items.page(ctx, link, "All", 0).html
    assert "by Token F1 were worked out anew" in seen and "0.12" not in seen[seen.index("Answer of RAG") :]


@pytest.mark.browser
def test_a_cell_leads_to_its_items_by_keyboard_and_behind_a_link_with_rows(
    serve: Callable[..., str], chromium: Any, examples_folder: Path
) -> None:
    from playwright.sync_api import expect

    page = opened(chromium, serve("--examples", str(examples_folder)))
    ready_to_run(page)
    run_and_wait(page)
    open_share(page)
    links = {}
    for rows in (False, True):
        page.get_by_label("With prompts and answers").set_checked(rows)
        page.locator("#share_link").wait_for(state="hidden")
        page.get_by_role("button", name="Copy link", exact=True).first.click()
        links[rows] = link_of(page)
    for address in ("", links[True]):
        here = page if not address else opened(chromium, address)
        cell = here.get_by_role("button", name=re.compile("^Token F1 of RAG"))
        cell.focus()
        here.keyboard.press("Enter")
        expect(here.locator("#item_order_words")).to_have_text("Sorted by Token F1 of RAG, lowest first")
        expect(here.locator("#item_next")).to_be_focused()
        here.locator("#item_turn").click()
        expect(here.locator("#item_order_words")).to_contain_text("highest first")
        here.locator("#item_unsort").click()
        expect(here.locator("#item_order")).to_be_hidden()
    bare = opened(chromium, links[False])
    bare.locator("#table .bk-table").wait_for()
    assert bare.locator("#table button").count() == 0
