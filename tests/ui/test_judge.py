"""The fold about the judge: what stands in it, who may judge again, and where a typed key goes."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from comparison import jobs
from core.errors import ModelError, PlanError, StoreError
from evaluation.certificate import Trial, certificate
from evaluation.corruptions import KINDS
from ui import judged, present
from ui.context import Context
from ui.handlers import examples, judge, methods, runs, shares
from ui.handlers.compare import Shown
from ui.handlers.judge import BASE, OTHER, SERVER, Form
from ui.task import Task

CANARY = "sk-canary-7f3a91c04be255d1"


@pytest.fixture
def checked() -> dict[str, Any]:
    """A judge's section with a certificate that it passes."""
    trial = Trial({"": 5.0, **dict.fromkeys(KINDS, 1.0)}, {"": 8, "padded": 64}, 1.0, False)
    found = certificate([trial] * 24, calls=216) | {"seconds": 12.0}
    pair = {"a": "zero_shot", "b": "rag", "win_rate": 0.5, "ci_low": 0.5, "ci_high": 0.5, "wins": 0, "ties": 9, "losses": 0, "n": 9}
    return {
        "model": "judge-model", "revision": "abc", "kind": "endpoint", "server": "host", "scale": 5, "rubric": "Secret <b>rubric</b>", "cap": 2.0,
        "certificate": found, "pairwise": [{**pair, "unscored": 0, "flip_rate": 1.0, "reason": None}], "calls": 234, "spent": 0.25,
        "unscored": {"zero_shot": 1}, "incomplete": False, "length": {"correlation": 0.4, "n": 50, "reason": None, "mean_words": {"zero_shot": 7.25}},
        "pleading": {"zero_shot": 2},
    }  # fmt: skip


def wait(ctx: Context, comparison_id: str) -> None:
    deadline = time.monotonic() + 120
    while jobs.status(ctx.store, comparison_id).active:
        assert time.monotonic() < deadline, (ctx.store.folder(comparison_id) / "job.log").read_text()
        time.sleep(0.1)


def test_the_check_stands_there_in_questions_with_figures_and_thresholds(report: dict[str, Any], checked: dict[str, Any]) -> None:
    view = judged.view({**report, "judge": checked})
    assert view.tone == "good" and "may decide" in view.head and view.reason == ""
    rows = {row.question: row for row in view.checks}
    right = rows["Does it mark right answers above spoilt ones?"]
    assert (right.value, right.interval, right.asked, right.met) == ("1.00", "0.86 to 1.00", "AUC at least 0.90, lower end 0.80", "yes")
    flips = rows["Does its choice change when two answers change places?"]
    assert (flips.value, flips.asked, flips.met) == ("0%", "at most 20%", "yes")
    assert rows["Does it agree with people?"].met == "" and rows["Does it agree with people?"].interval == "nobody has voted"
    assert view.pairs[0].rate == "0.50" and view.pairs[0].counts == "0 won, 9 tied, 0 lost" and view.pairs[0].flips == "100%"
    assert ("Spent on this comparison", "0.25 of at most 2") in view.facts
    assert ("Marks and length, over all answers", "Spearman +0.40 on 50") in view.lengths


def test_what_is_not_met_says_no_in_words(report: dict[str, Any], checked: dict[str, Any]) -> None:
    trial = Trial({"": 3.0, **dict.fromkeys(KINDS, 3.0)}, {"": 8, "padded": 64}, 3.0, True)
    view = judged.view({**report, "judge": {**checked, "certificate": certificate([trial] * 24, calls=216)}})
    assert view.tone == "bad" and "AUC 0.50" in view.reason
    assert [row.met for row in view.checks][:3] == ["no", "no", "yes"]


def test_a_report_of_before_or_without_a_judge_says_so(report: dict[str, Any]) -> None:
    assert judged.view({**report, "judge": None}).head == judged.NONE
    old = {"model": "m", "scale": 5, "certificate": {"auc": None, "trusted": False, "reason": "not certified"}}
    view = judged.view({**report, "judge": old})
    assert "never checked" in view.reason and view.checks == ()


def test_a_shared_link_without_rows_shows_no_rubric(report: dict[str, Any], checked: dict[str, Any]) -> None:
    """F18: the owner's own words."""
    assert judged.view({**report, "judge": checked}, with_rows=False).rubric == ""
    assert judged.view({**report, "judge": checked}).rubric


def test_a_trusted_judge_stands_among_quality_and_an_untrusted_one_is_greyed(report: dict[str, Any]) -> None:
    info = report["metrics"]["judge"]
    trusted = {**report, "metrics": {**report["metrics"], "judge": {**info, "in_verdict": True, "note": ""}}}
    (row,) = [row for row in present.table(trusted).groups[0].rows if row.label == "Judge, 1 to 5"]
    assert not row.greyed and row.note == ""
    not_trusted = {**report, "metrics": {**report["metrics"], "judge": {**info, "in_verdict": False, "note": "not trusted: see its check"}}}
    (row,) = [row for row in present.table(not_trusted).groups[1].rows if row.label == "Judge, 1 to 5"]
    assert row.greyed and row.note == "not trusted: see its check"


@pytest.mark.parametrize(
    ("form", "section"),
    [
        (Form(), {"scale": 5}),
        (Form(rubric=judge.default_rubric(5)), {"scale": 5}),
        (Form(OTHER, "org/judge", rubric="Be kind.", scale=7), {"scale": 7, "rubric": "Be kind.", "model": "org/judge"}),
        (
            Form(SERVER, " m ", "http://h/v1", price_read=1.5, cap=2.0, pairwise=True),
            {
                "scale": 5,
                "pairwise": True,
                "endpoint": {"url": "http://h/v1", "model": "m", "price_per_million_prompt_tokens": 1.5, "cap": 2.0},
            },
        ),
    ],
)
def test_the_form_is_a_plans_section_and_back(form: Form, section: dict[str, Any]) -> None:
    assert form.section() == section
    again = judge.form_of(section)
    assert again.section() == section and again.kind == form.kind


@pytest.mark.parametrize(
    ("form", "words"),
    [
        (Form(OTHER), "model must be named"),
        (Form(SERVER, "m"), "address must be named"),
        (Form(SERVER, url="http://h/v1"), "model must be named"),
        (Form(SERVER, "m", f"http://{CANARY}@h/v1"), "must not hold"),
        (Form(SERVER, "m", "http://h/v1", cap=1.0), "prices"),
        (Form(scale=12), "judge.scale"),
        (Form(scale=None), "judge.scale"),
        (Form(scale=2.5), "judge.scale"),
        (Form(rubric="Grade from 1 to 10"), "judge.rubric"),
    ],
)
def test_a_wrong_form_is_refused_with_a_remedy(form: Form, words: str) -> None:
    """F16: and no key is repeated."""
    with pytest.raises(PlanError, match=words.replace(".", r"\.")) as error:
        form.section()
    assert error.value.remedy and CANARY not in str(error.value)


def test_what_the_form_has_no_field_for_stays_with_the_same_server() -> None:
    before = {"certificate_items": 9, "endpoint": {"url": "http://h/v1", "model": "m", "max_tokens": 99, "timeout_s": 5}}
    same = judge.carried(before, Form(SERVER, "n", "http://h/v1").section())
    assert same["certificate_items"] == 9 and same["endpoint"] == {"url": "http://h/v1", "model": "n", "max_tokens": 99, "timeout_s": 5}
    assert "max_tokens" not in judge.carried(before, Form(SERVER, "n", "http://other/v1").section())["endpoint"]


def test_ones_own_comparison_is_judged_again_and_redrawn(ctx: Context, finished: str) -> None:
    shown = Shown("comparison", finished)
    assert judge.fold(ctx, shown).mine and judged.NONE in judge.fold(ctx, shown).html
    assert judge.again(ctx, shown, Form(scale=3, pairwise=True), "") == finished
    wait(ctx, finished)
    look = runs.look(ctx, finished)
    assert look.readable and look.edition == 2 and look.note == ""
    found = judge.fold(ctx, shown)
    assert found.form.scale == 3 and found.form.pairwise and "fake/echo" in found.html and "Win rate" in found.html


def test_only_the_owner_judges_again(ctx: Context, finished: str) -> None:
    with pytest.raises(StoreError):
        judge.again(ctx._replace(owner="somebody else"), Shown("comparison", finished), Form(), "")
    token = shares.token(ctx, Shown("comparison", finished), False)
    stranger = ctx._replace(owner="somebody else")
    assert not judge.fold(stranger, Shown("share", token)).mine
    with pytest.raises(StoreError, match="own"):
        judge.again(stranger, Shown("share", token), Form(), "")


def test_a_key_goes_to_the_server_and_stays_on_no_disk(ctx: Context, finished: str, judge_server: Any) -> None:
    """F16: typed on the page, seen by the server, found in no file of the store."""
    judge_server.script = ["4"]
    judge.again(ctx, Shown("comparison", finished), Form(SERVER, "m", judge_server.url), CANARY)
    wait(ctx, finished)
    assert {headers.get("authorization") for headers in judge_server.headers} == {f"Bearer {CANARY}"}
    assert not [p for p in Path(ctx.store.root).rglob("*") if p.is_file() and CANARY.encode() in p.read_bytes()]
    html = judge.fold(ctx, Shown("comparison", finished)).html
    assert CANARY not in html and "127.0.0.1" in html


def test_a_judge_that_refuses_the_key_leaves_the_comparison_readable(ctx: Context, finished: str, judge_server: Any) -> None:
    judge_server.script = [(401, {}, f'{{"error": "{CANARY}"}}'.encode())]
    judge.again(ctx, Shown("comparison", finished), Form(SERVER, "m", judge_server.url), CANARY)
    wait(ctx, finished)
    html = judge.fold(ctx, Shown("comparison", finished)).html
    assert "refuses the key" in html and CANARY not in html


def test_where_others_use_the_app_no_private_server_or_folder_judges(ctx: Context, task: Task, finished: str, tmp_path: Path) -> None:
    """F14: at once and before anything is stored, for a run as for judging again."""
    shared = ctx._replace(settings=type(ctx.settings)(ctx.settings.home, ctx.settings.examples, ctx.settings.model, public=True))
    private = Form(SERVER, "m", "http://127.0.0.1:9/v1")
    with pytest.raises(ModelError, match="not public"):
        judge.checked(shared, private.section(), tmp_path)
    with pytest.raises(ModelError, match="not public"):
        judge.for_next_run(shared, task, private)
    with pytest.raises(PlanError, match="folder"):
        judge.checked(shared, Form(OTHER, str(tmp_path)).section(), tmp_path)
    planned = {**methods.plan(task, ["zero_shot"], {}, ["token_f1"], None), "judge": private.section()}
    before = len(jobs.listing(ctx.store))
    with pytest.raises(ModelError, match="not public"):
        runs.start(shared, task, planned, CANARY)
    assert len(jobs.listing(ctx.store)) == before
    assert judge.checked(ctx, private.section(), tmp_path)


def test_a_judge_for_the_next_run_is_in_its_plan_and_ticked(ctx: Context, task: Task) -> None:
    changed = judge.for_next_run(ctx, task, Form(rubric="Be kind.", scale=4))
    form = methods.fill(changed)
    assert "judge" in form.metrics
    assert methods.plan(changed, form.ticked, form.values, form.metrics, None)["judge"] == {"scale": 4, "rubric": "Be kind."}
    with pytest.raises(PlanError, match="no task"):
        judge.for_next_run(ctx, Task(), Form())


def test_an_example_shows_its_judge_and_offers_a_run(ctx: Context, make_example: Callable[..., Path]) -> None:
    folder = make_example()
    example = ctx._replace(settings=type(ctx.settings)(ctx.settings.home, folder, "fake/echo"))
    assert examples.result(example, "lost_things") is None
    with pytest.raises(StoreError):
        judge.fold(example, Shown("example", "lost_things"))


def test_the_form_of_a_shown_comparison_never_holds_a_key(ctx: Context, finished: str) -> None:
    """F16"""
    assert "key" not in Form._fields
    assert CANARY not in json.dumps(judge.fold(ctx, Shown("comparison", finished)).form)


def test_base_is_what_the_form_begins_with() -> None:
    assert judge.form_of(None).kind == BASE and judge.form_of(None).rubric == judge.default_rubric(5)
