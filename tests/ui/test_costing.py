"""The costs fold: what changes when a price or a limit is typed in, by numbers that can be checked by hand. Nothing runs."""

from __future__ import annotations

from typing import Any

import pytest

from evaluation.breakeven import Line
from ui import costchart
from ui.context import Context
from ui.handlers import compare, costing
from ui.handlers.compare import Shown
from ui.handlers.costing import Given

SHOWN = Shown("comparison", "any")


def method(name: str, mean: float, prepare_s: float, generate_s: float) -> dict[str, Any]:
    cost = {"prepare_s": prepare_s, "generate_s": generate_s, "prompt_tokens": 30_000, "completion_tokens": 5_000, "energy_kwh": None}
    return {"name": name, "kind": name, "status": "done", "n": 100, "cost": cost, "scores": {"f1": {"mean": mean}}}


@pytest.fixture
def ctx_of(ctx: Context, monkeypatch: pytest.MonkeyPatch) -> Context:
    """LoRA takes 1,000 s once and 1 s an answer, few-shot 5 s an answer; RAG, the best, 100 s once and 8 s."""
    methods = [method("few_shot", 0.3, 0.0, 500.0), method("rag", 0.4, 100.0, 800.0), method("lora", 0.35, 1000.0, 100.0)]
    names = [m["name"] for m in methods]
    pairs = [{"metric": "f1", "a": a, "b": b, "p_adjusted": 0.01} for i, a in enumerate(names) for b in names[i + 1 :]]
    report = {"methods": methods, "pairwise": pairs, "verdict": {"primary": "f1"}, "metrics": {}, "plan": {}, "data": {}}
    found = compare.Found(None, report)  # type: ignore[arg-type]
    monkeypatch.setattr(costing, "locate", lambda ctx, shown: found)
    return ctx


def test_without_prices_break_even_is_in_seconds(ctx_of: Context) -> None:
    found = costing.fold(ctx_of, SHOWN)
    assert found.given == Given() and found.said == ""
    assert "LoRA is cheaper than Few-shot</th><td>from 251 requests on" in found.view  # 1000 + N < 5 N from N = 251 on
    assert "RAG is cheaper than Few-shot</th><td>never" in found.view
    assert "Give a price above" in found.view


def test_a_price_gives_money_and_a_limit_the_best_within_it(ctx_of: Context) -> None:
    found = costing.fold(ctx_of, SHOWN, Given(per_hour=3.6, seconds=6.0))
    assert "With at most 6 s an answer, LoRA is best." in found.said
    assert "5.00 EUR" in found.view  # 1,000 answers of few-shot: 5,000 s at 0.001 EUR
    cheap = costing.fold(ctx_of, SHOWN, Given(per_hour=3.6, money=9.0, currency="USD"))
    assert "With at most 9 USD for 1,000 answers, RAG is still best." in cheap.said


def test_tokens_with_a_price_count_for_every_method_alike(ctx_of: Context) -> None:
    found = costing.fold(ctx_of, SHOWN, Given(prompt=1.0, completion=4.0))
    assert found.view.count('<span class="bk-value">0.50 EUR</span>') == 3
    assert "never: both cost the same" in found.view


def test_a_limit_on_money_without_a_price_says_what_is_missing(ctx_of: Context) -> None:
    assert "Give a price, too" in costing.fold(ctx_of, SHOWN, Given(money=1.0)).said


@pytest.mark.parametrize("given", [Given(per_hour=-1.0), Given(seconds=-2.0), Given(money=1e12, per_hour=1.0)])
def test_numbers_that_mean_nothing_are_refused_and_the_fold_stays(ctx_of: Context, given: Given) -> None:
    found = costing.fold(ctx_of, SHOWN, given)
    assert 'role="alert"' in found.said and "few-shot" in found.view.lower()


def test_a_currency_cannot_be_markup(ctx_of: Context) -> None:
    """F28"""
    found = costing.fold(ctx_of, SHOWN, Given(per_hour=1.0, seconds=9.0, currency="<b>X"))
    assert "<b>X" not in found.view and "<b>X" not in found.said


def test_the_chart_reaches_past_every_crossing() -> None:
    lines = [Line("a", 0.0, 5.0), Line("b", 40_000.0, 1.0)]
    assert costchart.reach(lines) == 100_000  # they cross at 10,000
    assert costchart.steps(lines) == [1, 10, 100, 1_000, 10_000, 100_000]
    assert costchart.reach([]) == 1_000 and costchart.steps([]) == []
    figure = costchart.totals(lines, {"a": "A", "b": "B"}, "s")
    assert [trace.name for trace in figure.data] == ["A", "B", "break-even"]
    assert list(figure.data[2].x) == [10_000]


def test_a_real_report_fills_the_fold(ctx: Context, finished: str) -> None:
    found = costing.fold(ctx, Shown("comparison", finished))
    assert "Zero-shot" in found.view and "Where energy is missing" in found.view
    assert len(found.figure.data) == 3
