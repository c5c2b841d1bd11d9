"""What the verdict is made of beside scores: costs at the user's prices, limits, learning curves. For new reports, and for the page on old ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from comparison.money import LimitsSpec, PricesSpec, answering_s, priced
from comparison.naming import sentence_names
from evaluation import conditions
from evaluation.breakeven import Line, break_evens
from evaluation.compare import REAL_BELOW
from evaluation.conditions import Limits

Entry = Mapping[str, Any]
"""A method of a report."""


def prices_of(plan: Mapping[str, Any]) -> PricesSpec:
    return PricesSpec.model_validate(plan.get("prices") or {})


def limits_of(plan: Mapping[str, Any]) -> Limits:
    """The plan's limits, with the currency of its prices."""
    spec = LimitsSpec.model_validate(plan.get("limits") or {})
    return Limits(spec.seconds_per_answer, spec.cost_per_1000, prices_of(plan).currency)


def with_money(cost: Mapping[str, Any], n: int, prices: PricesSpec) -> dict[str, Any]:
    """The ledger with what it comes to at these prices."""
    return {**cost, "money": priced(cost, n, prices)}


def limited_costs(methods: Sequence[Entry], prices: PricesSpec) -> dict[str, dict[str, float | None]]:
    """What limits hold down, by method."""
    found: dict[str, dict[str, float | None]] = {}
    for method in methods:
        cost, n = method.get("cost") or {}, method.get("n") or 0
        seconds, money = answering_s(cost), priced(cost, n, prices)
        found[str(method["name"])] = {
            "seconds_per_answer": seconds / n if seconds is not None and n else None,
            "cost_per_1000": money["per_1000"] if money else None,
        }
    return found


def lines(methods: Sequence[Entry], prices: PricesSpec) -> list[Line]:
    """What each method costs once and for each request: in money where prices are given, else in seconds of this machine."""
    found = []
    for method in methods:
        cost, n = method.get("cost") or {}, method.get("n") or 0
        seconds, money = answering_s(cost), priced(cost, n, prices)
        if prices.given and money is not None:
            found.append(Line(str(method["name"]), money["prepare"], money["per_1000"] / 1000))
        elif not prices.given and seconds is not None and n:
            found.append(Line(str(method["name"]), float(cost.get("prepare_s") or 0.0), seconds / n))
    return found


def break_even_entry(methods: Sequence[Entry], prices: PricesSpec) -> dict[str, Any] | None:
    """The report's `break_even`: {unit, rows: [{method, other, state, requests}]}; None for fewer than two methods with costs."""
    rows = [row._asdict() for row in break_evens(lines(methods, prices))]
    return {"unit": prices.currency if prices.given else "s", "rows": rows} if rows else None


@dataclass(frozen=True)
class ReportRanking:
    """A report as `evaluation.conditions` asks it."""

    report: Mapping[str, Any]

    def ranked(self, metric: str) -> list[str]:
        found = ((str(m["name"]), ((m.get("scores") or {}).get(metric) or {}).get("mean")) for m in self.report["methods"])
        means = {name: float(mean) for name, mean in found if mean is not None}
        higher = ((self.report.get("metrics") or {}).get(metric) or {}).get("higher_is_better", True)
        return sorted(means, key=lambda name: -means[name] if higher else means[name])

    def differs(self, a: str, b: str, metric: str) -> bool:
        for pair in self.report.get("pairwise") or ():
            if pair["metric"] == metric and {pair["a"], pair["b"]} == {a, b}:
                return pair["p_adjusted"] is not None and bool(pair["p_adjusted"] < REAL_BELOW)
        return False


def within_limits(report: Mapping[str, Any], prices: PricesSpec, limits: Limits) -> str:
    """The sentence on who is best within the limits, from a finished report; "" where there is no limit or nobody to rank."""
    metric, board = str((report.get("verdict") or {}).get("primary") or ""), ReportRanking(report)
    costs = limited_costs(report["methods"], prices)
    found = conditions.within(board, metric, costs, limits)
    clause = conditions.in_words(found, board, metric, costs, limits, sentence_names(report["methods"]))
    return f"{clause}." if clause else ""
