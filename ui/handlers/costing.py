"""The costs fold: time, tokens, energy and money by method at prices that can be tried out, the best within limits, and break-even. Runs nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from comparison.money import LimitsSpec, PricesSpec, priced
from comparison.verdicts import break_even_entry, limits_of, lines, prices_of, within_limits
from core.errors import BakeoffError
from core.specs import read_spec
from evaluation.breakeven import Line
from evaluation.conditions import Limits
from ui import costchart
from ui.context import Context
from ui.costs import answering_s, each
from ui.figures import amount, carbon, count, duration, energy
from ui.handlers.compare import Shown, locate
from ui.markup import render
from ui.present import Report, method_label

if TYPE_CHECKING:
    import plotly.graph_objects as go

MONEY = {"per_hour": "per_hour", "prompt": "per_million_prompt_tokens", "completion": "per_million_completion_tokens"}


class Given(NamedTuple):
    """What the fold's fields hold; an empty field is None."""

    per_hour: float | None = None
    prompt: float | None = None
    completion: float | None = None
    currency: str = "EUR"
    seconds: float | None = None
    money: float | None = None


class Fold(NamedTuple):
    """Attributes:
    given: the plan's prices and limits, for the fields.
    said: the sentence within the limits, as HTML.
    view: tables.
    """

    given: Given
    said: str
    view: str
    figure: go.Figure


class Row(NamedTuple):
    """What one method costs."""

    method: str
    prepare: str
    prepare_money: str
    each: str
    tokens: str
    energy: str
    carbon: str
    per_1000: str
    total: str


def fold(ctx: Context, shown: Shown, given: Given | None = None) -> Fold:
    """Everything in the fold; without `given`, at the plan's prices and limits.

    Raises:
        StoreError: what is shown is not there, or not this visitor's.
    """
    report = locate(ctx, shown).report
    given = given or _planned(report)
    try:
        prices = _prices(given)
        limits = _limits(given)
    except BakeoffError as error:
        said = render("problem", message=error.message, remedy=error.remedy)
        prices, limits = PricesSpec(), Limits()
    else:
        said = _said(report, prices, limits)
    methods = [m for m in report["methods"] if m["status"] == "done"]
    names = {str(m["name"]): method_label(m) for m in methods}
    drawn = lines(methods, prices)
    unit = prices.currency if prices.given else "s"
    view = render(
        "costs",
        rows=[_row(m, prices) for m in methods],
        priced=prices.given,
        estimate=_estimate(methods),
        reasons=_reasons(methods),
        pairs=_pairs(break_even_entry(methods, prices), names),
        unit="money" if prices.given else "seconds of this machine",
        chart=_chart_table(drawn, names, unit),
    )
    return Fold(given, said, view, costchart.totals(drawn, names, unit))


def _planned(report: Report) -> Given:
    plan = report.get("plan") or {}
    prices, limits = prices_of(plan), limits_of(plan)
    money = {field: getattr(prices, plain) for field, plain in MONEY.items()}
    return Given(**money, currency=prices.currency, seconds=limits.seconds_per_answer, money=limits.cost_per_1000)


def _prices(given: Given) -> PricesSpec:
    stated = {plain: getattr(given, field) for field, plain in MONEY.items() if getattr(given, field) is not None}
    return read_spec(PricesSpec, {**stated, "currency": (given.currency or "EUR").strip()[:8] or "EUR"}, "prices")


def _limits(given: Given) -> Limits:
    stated = {"seconds_per_answer": given.seconds or None, "cost_per_1000": given.money or None}
    spec = read_spec(LimitsSpec, stated, "limits")
    return Limits(spec.seconds_per_answer, spec.cost_per_1000, (given.currency or "EUR").strip()[:8] or "EUR")


def _said(report: Report, prices: PricesSpec, limits: Limits) -> str:
    if limits.cost_per_1000 is not None and not prices.given:
        return render("caption", text="Give a price, too, to see who keeps that cost.")
    text = within_limits(report, prices, limits)
    return render("limited", text=text) if text else ""


def _row(method: Mapping[str, Any], prices: PricesSpec) -> Row:
    cost, n = method.get("cost") or {}, method.get("n") or 0
    money = priced(cost, n, prices) or {}
    both = [cost.get("prompt_tokens"), cost.get("completion_tokens")]
    tokens = " + ".join(count(each(part, n)) for part in both) if None not in both and n else "–"
    return Row(
        method_label(method),
        duration(cost.get("prepare_s")),
        amount(money.get("prepare"), prices.currency),
        duration(each(answering_s(cost), n)),
        tokens,
        energy(cost.get("energy_kwh")),
        carbon(cost.get("co2_kg")),
        amount(money.get("per_1000"), prices.currency),
        amount(money.get("total"), prices.currency),
    )


def _estimate(methods: Sequence[Mapping[str, Any]]) -> bool:
    return any(((m.get("cost") or {}).get("energy") or {}).get("estimate") for m in methods)


def _reasons(methods: Sequence[Mapping[str, Any]]) -> list[str]:
    """Why energies are missing, each reason once."""
    found = [
        ((m.get("cost") or {}).get("energy") or {}).get("reason") or "" for m in methods if (m.get("cost") or {}).get("energy_kwh") is None
    ]
    return list(dict.fromkeys(reason or "It was run before energy was measured." for reason in found))


def _pairs(entry: Mapping[str, Any] | None, names: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """(method, other, in words) of each pair."""
    return [(names[row["method"]], names[row["other"]], _in_words(row)) for row in (entry or {}).get("rows", ())]


def _in_words(row: Mapping[str, Any]) -> str:
    return {
        "from": f"from {row['requests'] or 0:,} requests on",
        "until": f"up to {row['requests'] or 0:,} requests",
        "always": "from the first request on",
        "never": "never: it costs no less for each request",
        "equal": "never: both cost the same",
    }[str(row["state"])]


def _chart_table(drawn: Sequence[Line], names: Mapping[str, str], unit: str) -> dict[str, Any]:
    steps = costchart.steps(drawn)
    cells = {line.method: [duration(line.at(n)) if unit == "s" else amount(line.at(n), unit) for n in steps] for line in drawn}
    rows = [(names[method], *of_one) for method, of_one in cells.items()]
    return {"heads": [f"{step:,} requests" for step in steps], "rows": rows}
