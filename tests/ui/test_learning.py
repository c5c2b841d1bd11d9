"""The learning curve fold: empty with a button, then the curve; started as a run like any other, by owners only."""

from __future__ import annotations

from pathlib import Path

import pytest

from comparison import jobs, share
from comparison.curve import curve_plan
from comparison.plan import read_plan
from comparison.run import run
from ui.context import Context
from ui.handlers import learning
from ui.handlers.compare import Shown


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, object]]:
    """Plans that were started, instead of running them."""
    plans: list[dict[str, object]] = []
    monkeypatch.setattr(learning.runs, "start", lambda ctx, task, plan: plans.append(plan) or "some-id")
    return plans


def test_without_a_curve_it_says_what_one_would_do_and_offers_it(ctx: Context, finished: str, started: list[dict[str, object]]) -> None:
    shown = Shown("comparison", finished)
    found = learning.fold(ctx, shown, "shots")
    assert (found.figure, found.can_start) == (None, True) and "No curve yet" in found.html
    assert learning.start(ctx, shown, "shots").id == "some-id"
    assert started[0]["curve"] == {"over": "shots", "of": finished, "method": "few_shot"}
    assert learning.start(ctx, Shown("example", "lost_things"), "shots").id == ""  # it has no result, so nothing is known of its rows


def test_a_curve_is_drawn_in_its_own_result_and_in_that_of_its_origin(ctx: Context, finished: str) -> None:
    result = ctx.store.result(finished)
    plan = read_plan(curve_plan(result.plan(), "shots", 20, steps=[0, 2], of=finished), result.folder)
    admitted = jobs.admit(ctx.store, plan, ctx.owner, jobs.own_handle())
    list(run(plan, ctx.store, admitted.id))
    for key in (admitted.id, finished):
        found = learning.fold(ctx, Shown("comparison", key), "shots")
        assert found.figure is not None and list(found.figure.data[0].x) == [0, 2]
        assert "From 0 to 2 shots few-shot" in found.html
        assert [name for _, name in found.metrics] == ["token_f1", "exact_match"]
        assert learning.fold(ctx, Shown("comparison", key), "shots", "exact_match").metric == "exact_match"
        assert learning.fold(ctx, Shown("comparison", key), "train_rows").figure is None


def test_a_link_shows_and_starts_nothing(ctx: Context, finished: str, started: list[dict[str, object]]) -> None:
    """F19"""
    shown = Shown("share", share.create(ctx.store, finished, ctx.owner))
    assert learning.fold(ctx, shown, "shots").can_start is False
    assert "frozen" in learning.start(ctx, shown, "shots").said
    assert "There is no comparison" in learning.start(ctx._replace(owner="user:x"), Shown("comparison", finished), "shots").said
    assert learning.start(ctx, Shown("comparison", finished), "epochs").id == ""
    assert started == []


def test_the_folders_of_a_task_are_found_from_anywhere(ctx: Context, finished: str, started: list[dict[str, object]]) -> None:
    learning.start(ctx, Shown("comparison", finished), "shots")
    data = started[0]["data"]
    assert isinstance(data, dict) and Path(str(data["path"])).is_absolute()
