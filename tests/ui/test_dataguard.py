"""The data guard fold: counts for everybody, texts only where rows may be shown, and the numbers without leaked items in one click."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from comparison import share
from comparison.export import freeze
from ui.context import Context
from ui.handlers import compare, dataguard, methods
from ui.handlers.compare import Shown
from ui.task import Task

Complete = Callable[[dict[str, Any], Path], str]


@pytest.fixture
def leaky(ctx: Context, task: Task, complete: Complete, monkeypatch: pytest.MonkeyPatch) -> str:
    """A comparison of the small example whose handbook quotes two test questions; the fake embedder finds too much, and is not asked."""
    monkeypatch.setattr("comparison.near.MOST_TEXTS", 1)
    for path in (Path(task.base) / "handbook").iterdir():
        path.write_text(path.read_text().partition("The sign:")[0])
    plan = methods.plan(task, ["zero_shot", "rag"], {"rag": {"top_k": 2}}, ["token_f1"], None)
    first = complete(plan, Path(task.base))
    asked = [e.input for e in ctx.store.result(first).splits().test if "sign" not in e.input][:2]
    page = Path(task.base) / "handbook" / "mill.md"
    page.write_text(page.read_text() + "\n\n" + "\n\n".join(f"Somebody once asked me: {question} I did not know." for question in asked))
    return complete({**plan, "name": "Leaky"}, Path(task.base))


def test_the_fold_shows_both_texts_and_offers_to_leave_the_items_out(ctx: Context, leaky: str) -> None:
    """E11"""
    found = dataguard.fold(ctx, Shown("comparison", leaky))
    assert (found.leaked, found.listed, found.out) == (2, 0, 0)
    assert found.html.count("Somebody once asked me") == 2
    assert found.html.count("still there</p>") == 2 and "mill.md" in found.html


def test_one_click_writes_the_report_without_them_and_another_takes_it_back(ctx: Context, leaky: str) -> None:
    shown = Shown("comparison", leaky)
    done = dataguard.without(ctx, shown, "leaked")
    assert done.shown == Shown("comparison", leaky, 1) and done.shown != shown
    total = ctx.store.result(leaky).report()["data"]["counts"]["test"]
    assert f"{total - 2} of {total} test items" in compare.view(ctx, done.shown).verdict
    assert dataguard.fold(ctx, done.shown).out == 2
    dataguard.without(ctx, done.shown, "none")
    assert (
        f"{total} test items" in compare.view(ctx, shown).verdict
        and " of " not in compare.view(ctx, shown).verdict.split("test items")[0][-12:]
    )


def test_a_link_without_rows_shows_counts_and_no_text_and_offers_nothing(ctx: Context, leaky: str) -> None:
    """F18"""
    token = share.create(ctx.store, leaky, ctx.owner)
    found = dataguard.fold(ctx, Shown("share", token))
    assert (found.leaked, found.listed, found.out) == (0, 0, 0)
    assert "Somebody once" not in found.html and "mill.md" not in found.html and "Where is the" not in found.html
    assert "Documents" in found.html
    assert dataguard.without(ctx, Shown("share", token), "leaked").shown is None
    assert ctx.store.result(leaky).report_names() == ["report.json"]
    with_rows = share.create(ctx.store, leaky, ctx.owner, with_rows=True)
    assert "Somebody once" in dataguard.fold(ctx, Shown("share", with_rows)).html


def test_an_example_shows_the_numbers_in_the_fold_and_is_not_written(ctx: Context, leaky: str) -> None:
    home = ctx.settings.examples / "lost_things" / "result"
    freeze(ctx.store.result(leaky), home)
    shown = Shown("example", "lost_things")
    assert dataguard.fold(ctx, shown).leaked == 2
    done = dataguard.without(ctx, shown, "leaked")
    assert done.shown is None and "Without these items" in done.html and "Recomputed without 2" in done.html
    assert [p.name for p in home.glob("report*")] == ["report.json"]


def test_somebody_elses_comparison_cannot_be_recomputed(ctx: Context, leaky: str) -> None:
    """F19"""
    other = ctx._replace(owner="user:mallory")
    assert "There is no comparison" in dataguard.without(other, Shown("comparison", leaky), "leaked").html
    assert ctx.store.result(leaky).report_names() == ["report.json"]


def test_a_result_of_before_there_was_a_guard_says_what_it_has(ctx: Context, leaky: str) -> None:
    folder = ctx.store.folder(leaky)
    (folder / "leaks.json").unlink()
    found = dataguard.fold(ctx, Shown("comparison", leaky))
    assert found.leaked == 2 and "The text was not kept" in found.html
