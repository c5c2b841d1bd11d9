"""The folds about errors and groundedness, and the causes on each item's card."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from browsing import opened, ready_to_run, run_and_wait

from comparison import jobs
from comparison.pinned import Pinned
from core.errors import StoreError
from core.records import Score, Unscored
from evaluation.causes import CAUSES
from evaluation.slices import LENGTH
from ui import diagnosed, heatmap, itemview
from ui.context import Context, Settings
from ui.diagnosed import Causes
from ui.handlers import again, errors, groundedness, items, shares
from ui.handlers.compare import Shown, locate
from ui.itemview import ONLY_A, ONLY_B

PAIR = {"acc": {"rag": {"a": Score(1), "b": Score(0), "c": Score(1)}, "lora": {"a": Score(0), "b": Score(1), "c": Unscored("no label")}}}


@pytest.mark.parametrize(
    ("wanted", "pair", "kept"),
    [
        (ONLY_A, ("rag", "lora"), "a"),
        (ONLY_B, ("rag", "lora"), "b"),
        (ONLY_A, ("lora", "rag"), "b"),
        (ONLY_A, ("rag", "rag"), ""),
        (ONLY_B, ("rag", "gone"), ""),
        (ONLY_A, ("", ""), ""),
    ],
)
def test_a_filter_compares_the_two_methods_that_were_chosen(wanted: str, pair: tuple[str, str], kept: str) -> None:
    assert itemview.keep(["a", "b", "c"], wanted, {}, PAIR, "acc", {}, pair) == list(kept)


def test_a_and_b_are_the_best_two_at_first(ctx: Context, finished: str, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = Shown("comparison", finished)
    means = {m["name"]: m["scores"]["token_f1"]["mean"] for m in locate(ctx, shown).report["methods"]}
    assert [name for _, name in items.methods(ctx, shown)] == sorted(means, key=lambda name: -means[name])
    first, second, third, *_ = (example.id for example in ctx.store.result(finished).splits().test)
    zero_shot = {first: Score(0.0), second: Score(0.0), third: Score(1.0)}
    by_hand = {"rag": {item: Score(1.0 - scored.value) for item, scored in zero_shot.items()}, "zero_shot": zero_shot}
    monkeypatch.setattr("comparison.pinned.scores_of", lambda report, scores: Pinned({"token_f1": by_hand}, []))
    only_a = items.page(ctx, shown, ONLY_A, 0, None, ("rag", "zero_shot"))
    only_b = items.page(ctx, shown, ONLY_B, 0, None, ("zero_shot", "rag"))
    assert (only_a.total, only_b.total) == (2, 2)


def test_the_table_and_the_map_hold_the_reports_counts(ctx: Context, finished: str) -> None:
    shown = Shown("comparison", finished)
    report = locate(ctx, shown).report
    view = errors.view(ctx, shown)
    found = diagnosed.causes(report, {method["name"]: method for method in report["methods"]})
    assert found.rows and [sum(counts) for _, counts in found.rows] == [
        sum(method["causes"].get(name, 0) for method in report["methods"]) for name in dict(_in_order(report))
    ]
    for label, counts in found.rows:
        row = re.search(rf'<th scope="row">{label}</th>(.*?)</tr>', view.table)
        assert row and re.findall(r'bk-value">([^<]+)<', row[1]) == [str(count or "–") for count in counts]
    assert view.figure is not None
    assert [[int(cell or 0) for cell in line] for line in view.figure.data[0].text] == [list(counts) for _, counts in found.rows]


def _in_order(report: dict[str, Any]) -> list[tuple[str, int]]:
    return [(name, 1) for name in CAUSES if any(method["causes"].get(name) for method in report["methods"])]


def test_a_report_that_is_older_than_causes_gets_the_same_counts(ctx: Context, finished: str) -> None:
    found = locate(ctx, Shown("comparison", finished))
    old = {
        **found.report,
        "methods": [{k: v for k, v in m.items() if k not in ("causes", "wrong", "groundedness")} for m in found.report["methods"]],
    }
    worked_out = diagnosed.entries(found.result, old)
    for method in found.report["methods"]:
        assert {key: worked_out[method["name"]][key] for key in ("causes", "wrong")} == {key: method[key] for key in ("causes", "wrong")}


def test_no_wrong_answer_is_said_and_has_no_map(ctx: Context, finished: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnosed, "causes", lambda *given: Causes(["RAG"], [(0, 12)], []))
    view = errors.view(ctx, Shown("comparison", finished))
    assert view.figure is None and "No answer counts as wrong" in view.table


def test_the_map_draws_only_causes_that_there_are() -> None:
    figure = heatmap.of_causes(Causes(["RAG", "LoRA"], [(3, 10), (0, 0)], [("Format", [3, 0])]))
    assert [list(row) for row in figure.data[0].z] == [[0.3, None]] and [list(row) for row in figure.data[0].text] == [[3, ""]]


def test_slices_have_n_and_say_where_they_are_small(ctx: Context, finished: str) -> None:
    shown = Shown("comparison", finished)
    view = errors.view(ctx, shown)
    assert view.facets[0] == LENGTH and view.metric == "token_f1"
    told = errors.slices(ctx, shown, LENGTH, "exact_match")
    assert sum(int(n) for n in re.findall(r">n (\d+)", told)) == 12
    assert "no column that tells them apart" in errors.slices(ctx, shown, "Column gone", "token_f1")
    assert "no column" in errors.slices(ctx, shown, LENGTH, "gone")


def test_a_card_says_why_an_answer_is_wrong_and_which_passage_is_gold(ctx: Context, finished: str) -> None:
    shown = Shown("comparison", finished)
    pages = [items.page(ctx, shown, "All", place).html for place in range(12)]
    assert any("Wrong: <b>" in page for page in pages) and any("holds the reference" in page for page in pages)


def test_a_link_to_the_scores_alone_shows_counts_and_nothing_of_the_data(ctx: Context, finished: str) -> None:
    mine = Shown("comparison", finished)
    link = Shown("share", shares.token(ctx, mine, False))
    other = Context(ctx.settings, "somebody else")
    view = errors.view(other, link)
    assert view.facets == [LENGTH] and "Wrong answers" in view.table and not view.can_ask
    told = view.table + view.slices + view.oracle + groundedness.view(other, link)
    for text in ("hangs behind door", "pwned", "mill.md", "Where is the"):
        assert text not in told
    with pytest.raises(StoreError):
        again.ask(other, link, "oracle", lambda report: "")
    with pytest.raises(StoreError, match="no comparison"):
        errors.view(other, mine)


def test_what_the_passages_support_stands_with_its_definition(ctx: Context, finished: str) -> None:
    told = groundedness.view(ctx, Shown("comparison", finished))
    assert "Statements that a passage supports" in told and "RAGAS" in told and "Gold passage retrieved" in told
    assert "Zero-shot" not in told, "it has no passages"


def test_without_passages_the_fold_says_what_is_missing() -> None:
    told = groundedness.render("groundedness", methods=[], rows=[], abstention=[], abstention_row=[], definitions=[], abstains="", width=1)
    assert "No method of this comparison puts passages into its prompts" in told


def test_an_example_and_a_link_cannot_be_asked_again_and_say_why(tmp_path: Path) -> None:
    ctx = Context(Settings(home=tmp_path))
    shown = Shown("example", "support_desk")
    assert "bundled" in errors.why_not(ctx, shown) and errors.started(ctx, shown)[0] == ""
    assert "bundled" in errors.oracle(ctx, shown)


def test_the_page_starts_the_oracle_and_then_shows_its_losses(ctx: Context, finished: str) -> None:
    shown = Shown("comparison", finished)
    assert "Nobody has asked" in errors.oracle(ctx, shown)
    followed, said = errors.started(ctx, shown)
    assert followed == finished and "Asking again" in said
    assert errors.started(ctx, shown)[0] == "", "once at a time"
    until = time.monotonic() + 240
    while jobs.status(ctx.store, finished).active and time.monotonic() < until:
        time.sleep(0.5)
    report = locate(ctx, shown).report
    assert jobs.status(ctx.store, finished).state == "done"
    entry = next(method for method in report["methods"] if method["name"] == "rag")["oracle"]
    told = errors.oracle(ctx, shown)
    assert f"{entry['retrieval_loss']:.2f}" in told and f"{entry['generator_loss']:.2f}" in told


@pytest.mark.browser
def test_the_folds_open_in_a_browser_and_fit_a_phone(serve: Callable[..., str], chromium: Any, examples_folder: Path) -> None:
    page = opened(chromium, serve("--examples", str(examples_folder)), width=375)
    page.get_by_role("button", name=re.compile("^Lost things")).click()
    ready_to_run(page)
    run_and_wait(page)
    for key, holds in (("errors", "#errors_slices table"), ("groundedness", "#groundedness_page table")):
        page.locator(f"#{key}_fold > button, #{key}_fold .label-wrap").first.click()
        page.locator(holds).first.wait_for()
    page.get_by_role("radio", name=ONLY_A, exact=True).click()
    page.locator("#item_a").wait_for()
    assert page.evaluate("window.pwned") is None
    assert page.evaluate("() => document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
