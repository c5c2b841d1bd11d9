"""Money at the user's prices, by hand; limits; break-even in the report; and the page's sentence from a finished report."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from comparison.money import PricesSpec, priced
from comparison.plan import read_plan
from comparison.store import Store
from comparison.verdicts import ReportRanking, break_even_entry, limits_of, lines, within_limits
from core.errors import PlanError
from evaluation.breakeven import Line
from evaluation.conditions import Limits

Complete = Callable[..., tuple[str, list[Any]]]
COST = {"prepare_s": 1800.0, "generate_s": 700.0, "word_s": 20.0, "prompt_tokens": 30_000, "completion_tokens": 5_000}
"""Of 100 answers: 7.2 s, 300 tokens read and 50 written for each."""


def method(name: str, mean: float, **cost: float) -> dict[str, Any]:
    return {"name": name, "kind": name, "n": 100, "cost": {**COST, "prepare_s": 0.0, **cost}, "scores": {"f1": {"mean": mean}}}


def report(*methods: dict[str, Any], apart: float = 0.01) -> dict[str, Any]:
    names = [m["name"] for m in methods]
    pairs = [{"metric": "f1", "a": a, "b": b, "p_adjusted": apart} for i, a in enumerate(names) for b in names[i + 1 :]]
    return {"methods": list(methods), "pairwise": pairs, "verdict": {"primary": "f1"}, "metrics": {"f1": {"higher_is_better": True}}}


def test_an_hour_of_the_machine_is_shared_out_over_preparing_and_answering() -> None:
    """Half an hour to prepare at 2 EUR is 1 EUR; 7.2 s an answer are 0.004 EUR, 4 EUR for 1,000; 720 s of answers 0.4."""
    assert priced(COST, 100, PricesSpec(per_hour=2.0)) == {"prepare": 1.0, "per_1000": 4.0, "total": 1.4, "currency": "EUR"}


def test_tokens_have_a_price_of_their_own_and_both_add_up() -> None:
    """30,000 tokens read at 1 and 5,000 written at 4 a million are 0.05 for 100 answers."""
    tokens = {"per_million_prompt_tokens": 1.0, "per_million_completion_tokens": 4.0, "currency": "USD"}
    assert priced(COST, 100, PricesSpec(**tokens)) == {"prepare": 0.0, "per_1000": 0.5, "total": 0.05, "currency": "USD"}
    both = priced(COST, 100, PricesSpec(per_hour=2.0, **tokens))
    assert both is not None and both["per_1000"] == 4.5


@pytest.mark.parametrize(("cost", "n", "prices"), [(COST, 100, {}), (COST, 0, {"per_hour": 1}), ({}, 100, {"per_hour": 1})])
def test_without_prices_answers_or_times_there_is_no_money(cost: dict[str, Any], n: int, prices: dict[str, Any]) -> None:
    assert priced(cost, n, PricesSpec(**prices)) is None


def test_break_even_is_in_seconds_without_prices_and_in_money_with_them() -> None:
    tuned, long = method("lora", 0.4, prepare_s=1000.0, generate_s=80.0), method("few_shot", 0.4, generate_s=480.0)
    assert lines([tuned, long], PricesSpec()) == [Line("lora", 1000.0, 1.0), Line("few_shot", 0.0, 5.0)]
    assert break_even_entry([tuned, long], PricesSpec()) == {
        "unit": "s",
        "rows": [{"method": "lora", "other": "few_shot", "state": "from", "requests": 251}],
    }
    found = break_even_entry([tuned, long], PricesSpec(per_hour=3.6))
    assert found is not None and (found["unit"], found["rows"][0]["requests"]) == ("EUR", 251)
    dear = break_even_entry([method("lora", 0.4, prepare_s=1000.0, generate_s=480.0), long], PricesSpec())
    assert dear is not None and dear["rows"][0]["state"] == "never"
    assert break_even_entry([tuned], PricesSpec()) is None


def test_the_page_finds_the_best_within_a_limit_in_a_finished_report() -> None:
    found = report(
        method("rag", 0.4, generate_s=480.0), method("few_shot", 0.3, generate_s=80.0), method("zero_shot", 0.2, generate_s=30.0)
    )
    assert within_limits(found, PricesSpec(), Limits(seconds_per_answer=2.0)) == "With at most 2 s an answer, few-shot is best."
    assert within_limits(found, PricesSpec(), Limits()) == ""
    priced_at = PricesSpec(per_hour=3.6)
    assert (
        within_limits(found, priced_at, Limits(cost_per_1000=5.0, currency="EUR"))
        == "With at most 5 EUR for 1,000 answers, RAG is still best."
    )
    assert "not known for" in within_limits(found, PricesSpec(), Limits(cost_per_1000=5.0, currency="EUR"))


def test_a_report_without_pairs_or_scores_says_nothing_false() -> None:
    empty = {"methods": [{"name": "rag", "kind": "rag", "n": 0}], "verdict": {}}
    assert within_limits(empty, PricesSpec(), Limits(1.0)) == ""
    assert not ReportRanking({"methods": []}).differs("a", "b", "f1")


def test_a_plan_with_prices_and_limits_has_them_in_report_and_verdict(
    complete: Complete, mapping: dict[str, Any], task: Path, store: Store
) -> None:
    changes = {"prices": {"per_hour": 3.6, "currency": "USD"}, "limits": {"seconds_per_answer": 1000}}
    found = store.result(complete(read_plan({**mapping, **changes}, task))[0]).report()
    for entry in found["methods"]:
        seconds = entry["cost"]["word_s"] + entry["cost"]["generate_s"]
        assert entry["cost"]["money"]["per_1000"] == pytest.approx(seconds / 12, rel=1e-3)
        assert entry["cost"]["money"]["currency"] == "USD"
    assert "With at most 1,000 s an answer, " in found["verdict"]["text"]
    assert found["break_even"]["unit"] == "USD"
    assert limits_of(found["plan"]) == Limits(1000, None, "USD")


@pytest.mark.parametrize(
    "changes",
    [
        {"prices": {"per_hour": -1}},
        {"prices": {"per_minute": 1}},
        {"limits": {"seconds_per_answer": 0}},
        {"limits": {"cost_per_1000": 1.0}},
        {"energy": {"country": "Germany"}},
    ],
)
def test_prices_and_limits_that_mean_nothing_are_refused(mapping: dict[str, Any], task: Path, changes: dict[str, Any]) -> None:
    with pytest.raises(PlanError):
        read_plan({**mapping, **changes}, task)
