"""The best method under a condition: within so many seconds, or so much money, for an answer. From means, pairs and costs alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol


class Ranking(Protocol):
    """What a condition asks of a scoreboard, or of a report."""

    def ranked(self, metric: str) -> list[str]: ...

    def differs(self, a: str, b: str, metric: str) -> bool: ...


class Limits(NamedTuple):
    """What an answer may take; None for no limit."""

    seconds_per_answer: float | None = None
    cost_per_1000: float | None = None
    currency: str = ""

    def asked(self) -> dict[str, float]:
        """The limits that are set, by the name of the cost that they hold down."""
        found = {"seconds_per_answer": self.seconds_per_answer, "cost_per_1000": self.cost_per_1000}
        return {name: limit for name, limit in found.items() if limit is not None}

    def in_words(self) -> str:
        """The limits that are set; "" for none."""
        return " and ".join(self.amount(name, limit) for name, limit in self.asked().items())

    def amount(self, name: str, value: float) -> str:
        """A cost in words: "0.5 s an answer"."""
        short = f"{value:.3g}" if value < 100 else f"{value:,.0f}"
        return f"{short} s an answer" if name == "seconds_per_answer" else f"{short} {self.currency} for 1,000 answers"


class Within(NamedTuple):
    """Who keeps the limits.

    Attributes:
        best: the best mean of those that keep them and whatever cannot be told from it, best first; empty where none keeps them.
        unknown: methods whose cost is not known.
    """

    best: list[str]
    unknown: list[str]


Costs = Mapping[str, Mapping[str, float | None]]
"""{method: {seconds_per_answer, cost_per_1000}}; a cost that is not known is None or absent."""


def within(board: Ranking, metric: str, costs: Costs, limits: Limits) -> Within:
    """The best methods among those that keep all limits."""
    asked, ranked = limits.asked(), board.ranked(metric)
    known = {m: {name: v for name in asked if (v := costs.get(m, {}).get(name)) is not None} for m in ranked}
    unknown = [m for m in ranked if len(known[m]) < len(asked)]
    fitting = [m for m in ranked if m not in unknown and all(known[m][name] <= limit for name, limit in asked.items())]
    best = [m for m in fitting if m == fitting[0] or not board.differs(fitting[0], m, metric)]
    return Within(best, unknown)


def in_words(found: Within, board: Ranking, metric: str, costs: Costs, limits: Limits, names: Mapping[str, str]) -> str:
    """A clause on who is best within the limits; "" where no limit is set or nobody is ranked."""
    ranked = board.ranked(metric)
    if not limits.asked() or not ranked:
        return ""
    said = f"With at most {limits.in_words()}, "
    gap = f" (not known for {listed([names.get(m, m) for m in found.unknown])})" if found.unknown else ""
    called = [names.get(method, method) for method in found.best]
    if not called:
        return f"{said}no method is left{gap}{_least(ranked, costs, limits, names)}"
    if len(called) == 1:
        still = "still " if found.best[0] == ranked[0] else ""
        return f"{said}{called[0]} is {still}best{gap}"
    return f"{said}{listed(called)} lead and can't be told apart{gap}"


def _least(ranked: Sequence[str], costs: Costs, limits: Limits, names: Mapping[str, str]) -> str:
    """What the method that takes least takes, where one limit is set."""
    if len(limits.asked()) != 1:
        return ""
    (name,) = limits.asked()
    known = {method: value for method in ranked if (value := costs.get(method, {}).get(name)) is not None}
    if not known:
        return ""
    least = min(known, key=lambda method: known[method])
    return f"; {names.get(least, least)} takes least, {limits.amount(name, known[least])}"


def listed(things: Sequence[str]) -> str:
    """ "a", "a and b", "a, b and c"."""
    return things[0] if len(things) == 1 else f"{', '.join(things[:-1])} and {things[-1]}"
