"""The statistics fold: pairs, power, seeds and groups of a report, and the same method run twice."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from browsing import opened

from comparison import jobs, share
from comparison.plan import read_plan
from comparison.run import run
from core.errors import StoreError
from ui import pairs
from ui.context import Context
from ui.handlers import examples, methods, runs, statistics
from ui.handlers.compare import Shown
from ui.task import Task


def pair(a: str, b: str, **more: Any) -> dict[str, Any]:
    numbers = {"difference": 0.25, "ci_low": 0.1, "ci_high": 0.4, "p_value": 0.004, "p_adjusted": 0.012, "test": "mcnemar exact"}
    errors = {"only_a": 15, "only_b": 3, "item_error": 0.05, "seed_error": None, "note": None}
    return {"a": a, "b": b, "metric": "accuracy", **numbers, **errors, **more}


def method(name: str, **more: Any) -> dict[str, Any]:
    score = {"mean": 0.5, "ci_low": 0.4, "ci_high": 0.6, "n": 48, "unscored": 0, "reason": None}
    return {"name": name, "kind": name, "status": "done", "scores": {"accuracy": {**score, **more.pop("score", {})}}, **more}


def report(found: list[dict[str, Any]], *of: dict[str, Any], **more: Any) -> dict[str, Any]:
    power = {"minimum_detectable_difference": 0.14, "items_needed": 120, "between": ["zero_shot", "rag"], "reason": None}
    whole = {"methods": list(of) or [method("zero_shot"), method("rag")], "pairwise": found, "power": {"accuracy": power}}
    return {**whole, "metrics": {"accuracy": {"low": 0.0, "high": 1.0}}, "verdict": {"primary": "accuracy"}, **more}


def test_a_pair_is_shown_with_its_interval_both_p_values_and_who_alone_is_right() -> None:
    (row,) = pairs.section(report([pair("zero_shot", "rag")]), "accuracy").pairs
    assert (row.a, row.b, row.difference, row.interval) == ("Zero-shot", "RAG", "+0.25", "0.10 to 0.40")
    assert (row.p, row.adjusted, row.only, row.said, row.real) == ("0.004", "0.012", "15 / 3", "different", True)
    assert row.smallest == "0.14", "2.80158 x 0.05"


def test_what_cannot_be_told_says_why_and_small_p_are_not_called_zero() -> None:
    few = pair(
        "zero_shot", "rag", p_value=1.0, p_adjusted=1.0, difference=-0.001, ci_low=None, ci_high=None, note="too few differences to tell: …"
    )
    clear = pair("zero_shot", "rag", p_value=1e-9, p_adjusted=0.2, only_a=None, only_b=None, item_error=None)
    found = pairs.section(report([few, clear]), "accuracy")
    assert (found.pairs[0].said, found.pairs[0].difference, found.pairs[0].interval) == ("too few differences to tell: …", "0.00", "")
    assert (found.pairs[1].p, found.pairs[1].said, found.pairs[1].only, found.pairs[1].smallest) == ("< 0.001", "cannot tell", "", "")


def test_an_older_report_has_fewer_columns_and_still_its_power() -> None:
    old = {
        key: value
        for key, value in pair("zero_shot", "rag").items()
        if key not in ("test", "only_a", "only_b", "item_error", "seed_error", "note")
    }
    whole = report([old], method("zero_shot"), method("rag", training={"seeds": 1}))
    found = pairs.section(whole, "accuracy")
    assert (found.has_only, found.has_smallest, found.tests, found.seeds) == (False, False, [], [])
    assert pairs.needed(whole, "accuracy", 0.14) == "A difference of 0.14 takes about 48 items; there are enough."


def test_items_for_a_difference_as_worked_out_by_hand() -> None:
    """48 items with an error of 0.05 have s^2 = 0.12; (2.80158 / 0.07)^2 x 0.12 = 192.2."""
    whole = report([pair("zero_shot", "rag")])
    assert pairs.needed(whole, "accuracy", 0.07) == "A difference of 0.07 takes about 193 items, 145 more than there are."
    assert "Give a difference" in pairs.needed(whole, "accuracy", None) == pairs.needed(whole, "accuracy", -1)
    assert pairs.suggested(whole, "accuracy") == 0.25
    seeds = report([pair("zero_shot", "rag", seed_error=0.04)])
    assert "Train more of them" in pairs.needed(seeds, "accuracy", 0.07)
    nothing = report([], power={"accuracy": {"minimum_detectable_difference": None, "between": [], "reason": "there is only one item"}})
    assert (
        pairs.needed(nothing, "accuracy", 0.1) == "It cannot be told: there is only one item."
        and pairs.suggested(nothing, "accuracy") is None
    )


def test_seeds_groups_and_the_noise_floor_are_sentences_of_their_own() -> None:
    seeds = [{"seed": 0, "means": {"accuracy": 0.41}}, {"seed": 1, "means": {"accuracy": 0.47}}]
    score = {
        "item_sd": 0.312,
        "seed_sd": 0.0424,
        "clusters": 4,
        "effective_clusters": 3.2,
        "note": "no interval: the items fall into 4 groups",
    }
    tuned = method("lora", training={"seeds": seeds}, score=score)
    floor = {
        "method": "lora",
        "seeds": [0, 1],
        "metrics": {"accuracy": {"difference": -0.06, "ci_low": -0.13, "ci_high": 0.01}},
        "text": "",
    }
    found = pairs.section(report([pair("zero_shot", "lora")], tuned, method("zero_shot"), noise_floor=floor), "accuracy")
    (row,) = found.seeds
    assert (row.method, row.means, row.over_seeds, row.over_items) == ("LoRA", "0.41 (seed 0), 0.47 (seed 1)", "0.042", "0.312")
    text = " ".join(found.notes)
    assert "fall into 4 groups, worth 3.2 of equal size" in text and "No interval: the items fall into 4 groups." in text
    assert "under the seeds 0 and 1 the same method differs by 0.06 Accuracy" in text and "less than 0.13" in text
    once = pairs.section(report([], method("lora", training={"seeds": seeds[:1]})), "accuracy")
    assert "LoRA was trained under one seed" in " ".join(once.notes) and once.seeds == []


def test_the_fold_of_a_result_has_its_metrics_pairs_and_an_explanation(ctx: Context, finished: str) -> None:
    found = statistics.fold(ctx, Shown("comparison", finished))
    assert [name for _, name in found.metrics] == ["token_f1", "exact_match"] and found.metric == "token_f1"
    for word in ("Zero-shot − RAG", "p after Holm", "Holm 1979", "McNemar 1947", "Kish 1965", "Smallest it could show"):
        assert word in found.html
    other = statistics.fold(ctx, Shown("comparison", finished), "exact_match")
    assert "Only one is right" in other.html and "too few differences to tell" in other.html
    assert statistics.fold(ctx, Shown("comparison", finished), "gone").metric == "token_f1"
    with pytest.raises(StoreError):
        statistics.fold(ctx._replace(owner="somebody else"), Shown("comparison", finished))


def test_a_shared_link_shows_the_numbers_and_offers_no_run(ctx: Context, finished: str) -> None:
    """F18: no text or name of an item stands in it, with rows or without."""
    token = share.create(ctx.store, finished, ctx.owner, with_rows=False)
    stranger = ctx._replace(owner="somebody else")
    found = statistics.fold(stranger, Shown("share", token))
    assert "Zero-shot − RAG" in found.html and found.methods == [] and "cannot be run again" in found.why_not
    assert "hangs behind door" not in found.html
    refused = statistics.twice(stranger, Shown("share", token), "rag")
    assert refused.id == "" and "cannot be run again" in refused.said


def test_greedy_prompting_run_twice_says_what_is_left_and_starts_nothing(ctx: Context, finished: str) -> None:
    shown = Shown("comparison", finished)
    found = statistics.fold(ctx, shown)
    assert [name for _, name in found.methods] == ["zero_shot", "rag"] and all(
        "always answers the same" in label for label, _ in found.methods
    )
    said = statistics.twice(ctx, shown, "rag")
    assert said.id == "" and "deterministic" in said.said and "RAG" in said.said
    assert len(jobs.listing(ctx.store, ctx.owner)) == 1
    assert "no method" in statistics.twice(ctx, shown, "<b>").said and "<b>" not in statistics.twice(ctx, shown, "<b>").said


def test_one_click_runs_a_drawn_method_twice_and_the_fold_states_the_noise_floor(ctx: Context, task: Task) -> None:
    plan = read_plan(methods.plan(task, ["zero_shot", "few_shot"], {}, ["token_f1"], None), Path(task.base))
    first = jobs.admit(ctx.store, plan, ctx.owner, jobs.own_handle()).id
    list(run(plan, ctx.store, first))
    found = statistics.fold(ctx, Shown("comparison", first))
    assert found.method == "few_shot" and "one run took" in dict((name, label) for label, name in found.methods)["few_shot"]
    started = statistics.twice(ctx, Shown("comparison", first), found.method)
    assert started.id and started.said == ""
    deadline = time.monotonic() + 90
    while not runs.look(ctx, started.id).over:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    html = statistics.fold(ctx, Shown("comparison", started.id)).html
    assert "Noise floor: under the seeds 0 and 1" in html and "Few-shot − Few-shot 2" in html


def test_an_example_can_be_run_twice_before_anything_of_ones_own(ctx: Context, task: Task) -> None:
    shown_plan = statistics._plan(ctx, Shown("example", "lost_things"))
    assert shown_plan[0] == examples.task(ctx, "lost_things") and shown_plan[1].method_names == ("zero_shot", "rag")


@pytest.mark.browser
def test_the_fold_fills_itself_when_it_is_opened_beside_a_table_with_letters(
    serve: Any, chromium: Any, examples_folder: Path, finished: str
) -> None:
    """And asking for a greedy method twice says what is left instead of running it."""
    page = opened(chromium, f"{serve('--examples', str(examples_folder))}?comparison={finished}", 375)
    page.locator("#table .bk-letter").first.wait_for()
    assert page.locator("#statistics_view").count() == 0 or not page.locator("#statistics_view").is_visible()
    page.locator("#statistics_fold .label-wrap").click()
    page.locator("#statistics_view .bk-pairs").wait_for()
    assert "Zero-shot − RAG" in page.locator("#statistics_view").inner_text()
    page.locator("#statistics_needed .bk-caption").wait_for()
    page.get_by_role("button", name="Run A/A", exact=True).click()
    page.locator("#statistics_said").get_by_text("deterministic").wait_for()
    assert page.evaluate("() => document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
