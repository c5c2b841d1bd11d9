"""The sentence on top of a result, made from the numbers alone, in one to three plain sentences: which method is best, which is best within
the limits that the user sets, what is within noise, and what would change it.

It claims a winner only where the best mean is different for real (Holm-adjusted p below 0.05) from every other method's; otherwise it
begins with "Cannot tell". Exactly one of `best` and `tied` says something: `best` is the winner, or `tied` are the methods that can't be
told apart from the best mean, that one included. Metrics that may not decide (`in_verdict=False`) never do.
Evaluation does not know what a method is, so names come from outside and preparing is called preparing, not training or indexing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypedDict

from evaluation.base import MetricInfo
from evaluation.compare import Scoreboard
from evaluation.conditions import Limits, in_words, listed, within

Costs = Mapping[str, Mapping[str, float | None]]
"""{method: {prompt_tokens, prepare_s, answers, ...}}; totals of the run, None where unknown. Without `answers` they are of one answer.
`seconds_per_answer` and `cost_per_1000` are what limits hold down."""

SENTENCES = 3
NOTABLE_RATIO = 1.5
NOTABLE_SECONDS = 10.0


class Verdict(TypedDict):
    """`primary` is the metric that decided, or was asked to."""

    text: str
    best: str | None
    tied: list[str]
    primary: str


def verdict(
    board: Scoreboard,
    primary: str,
    names: Mapping[str, str] | None = None,
    costs: Costs | None = None,
    limits: Limits | None = None,
    curves: Sequence[str] = (),
) -> Verdict:
    """What the comparison shows.

    Args:
        primary: the plan's metric; where it may not decide, the first one that may does.
        names: how methods are called in sentences; a missing one goes by its key.
        costs: adds what the winner, or the tied ones, cost.
        limits: adds who is best within them.
        curves: clauses of `evaluation.growth` on what more shots or training rows would do.
    """
    deciding = deciding_metric(board.infos, primary)
    if deciding is None:
        return Verdict(text="Cannot tell: no metric that may decide was asked for.", best=None, tied=[], primary=primary)
    return _Wording(board, deciding, names or {}, costs or {}, primary, limits or Limits(), curves).verdict()


def deciding_metric(infos: Mapping[str, MetricInfo], primary: str) -> str | None:
    """`primary` if it may decide, else the first that may."""
    allowed = [name for name, info in infos.items() if info.in_verdict]
    return primary if primary in allowed else next(iter(allowed), None)


class _Wording:
    def __init__(
        self, board: Scoreboard, metric: str, names: Mapping[str, str], costs: Costs, primary: str, limits: Limits, curves: Sequence[str]
    ) -> None:
        self.board, self.metric, self.names, self.costs, self.asked = board, metric, names, costs, primary
        self.limits, self.curves = limits, curves
        self.info = board.infos[metric]
        self.called = _short(self.info)
        self.ranked = board.ranked(metric)
        self.n = len(board.items[metric])
        self.top = self._top()

    def verdict(self) -> Verdict:
        won = len(self.top) == 1 and len(self.ranked) > 1
        last = [self._cost(won), self._change(won)] if won else [self._change(won), self._cost(won)]
        parts = [self._headline(won), self._left_out(), self._limited(), self._better_than(won), self._others_tied(won), *last]
        text = " ".join(_sentence(part) for part in [part for part in parts if part][:SENTENCES])
        return Verdict(text=text, best=self.top[0] if won else None, tied=[] if won else self.top, primary=self.metric)

    def _top(self) -> list[str]:
        """The best mean and all that can't be told from it, best first."""
        if not self.ranked:
            return []
        best, *others = self.ranked
        return [best, *(method for method in others if not self.board.differs(best, method, self.metric))]

    def _headline(self, won: bool) -> str:
        if not self.ranked:
            summaries = [self.board.summaries[method][self.metric] for method in self.board.methods]
            reason = summaries[0]["reason"] if summaries else "there are no methods"
            return f"Cannot tell: no answer could be compared by {self.called}, since {reason}"
        means = {method: self._mean(method) for method in self.ranked}
        if len(self.ranked) == 1:
            return f"Cannot tell: only {self._name(self.ranked[0])} has scores, {self.called} {means[self.ranked[0]]} on {_items(self.n)}"
        if won:
            best, second = self.ranked[:2]
            gap = self._gap(best, second)
            return f"{self._name(best)} answers best on this task: {self.called} {means[best]}, {gap}"
        group = listed([self._name(method) for method in self.top])
        if self._all_equal():
            return f"Cannot tell: {group} have the same {self.called}, {means[self.top[0]]}, on {_items(self.n)}"
        shown = listed([means[method] for method in self.top])
        return f"Cannot tell: {group} can't be told apart on {_items(self.n)} ({self.called} {shown})"

    def _all_equal(self) -> bool:
        return len({self.board.mean(method, self.metric) for method in self.ranked}) == 1 and len(self.top) == len(self.ranked)

    def _left_out(self) -> str:
        """What a reader must know about which methods, items and metric are in the comparison."""
        found = []
        missing = [self._name(method) for method in self.board.methods if method not in self.ranked]
        if missing and self.ranked:
            found.append(f"{listed(missing)} {'has' if len(missing) == 1 else 'have'} no scores and {_is(missing)} left out")
        if 0 < self.n < self.board.total[self.metric]:
            found.append(f"compared are the {self.n} of {_items(self.board.total[self.metric])} that all methods have scores for")
        if self.asked in self.board.infos and self.asked != self.metric:
            asked = self.board.infos[self.asked]
            found.append(f"{_short(asked)} is {asked.note or 'not for deciding'}, so {self.called} decides")
        return "; ".join(found)

    def _better_than(self, won: bool) -> str:
        rest = [method for method in self.ranked if method not in self.top]
        if won or not rest:
            return ""
        all_better = all(self.board.differs(a, b, self.metric) for a in self.top for b in rest)
        who = {2: "Both are"}.get(len(self.top), f"All {len(self.top)} are") if all_better else f"{self._name(self.top[0])} is"
        return f"{who} better than {listed([self._name(method) for method in rest])}"

    def _others_tied(self, won: bool) -> str:
        """The largest group among the others that shares a letter."""
        rest = self.ranked[1:] if won else []
        marks = sorted({letter for method in rest for letter in self.board.letters[method][self.metric]})
        groups = [[method for method in rest if mark in self.board.letters[method][self.metric]] for mark in marks]
        largest = max(groups, key=len, default=[])
        if len(largest) < 2:
            return ""
        return f"{listed([self._name(method) for method in largest])} can't be told apart on {_items(self.n)}"

    def _limited(self) -> str:
        found = within(self.board, self.metric, self.costs, self.limits)
        return in_words(found, self.board, self.metric, self.costs, self.limits, self.names)

    def _change(self, won: bool) -> str:
        """What would change the verdict: more items where methods are tied, more shots or training rows where a curve says so."""
        return "; ".join(part for part in (self._power(won), *self.curves) if part)

    def _cost(self, won: bool) -> str:
        clauses = [self._tokens(won), self._preparing()]
        return "; ".join(clause for clause in clauses if clause)

    def _tokens(self, won: bool) -> str:
        group = [method for method in self.board.methods if method in (self.ranked if won else self.top)]
        each = {method: self._cost_of(method, "prompt_tokens") / (self._cost_of(method, "answers") or 1) for method in group}
        known = {method: tokens for method, tokens in each.items() if tokens > 0}
        if len(known) < 2:
            return ""
        least = min(known, key=lambda method: known[method])
        most = self.ranked[0] if won else max(known, key=lambda method: known[method])
        ratio = known.get(most, 0.0) / known[least]
        return f"{self._name(most)} reads {ratio:.1f}x the tokens per answer of {self._name(least)}" if ratio >= NOTABLE_RATIO else ""

    def _preparing(self) -> str:
        seconds = {method: self._cost_of(method, "prepare_s") for method in self.ranked}
        slowest = max(seconds, key=lambda method: seconds[method], default=None)
        if slowest is None or seconds[slowest] < NOTABLE_SECONDS:
            return ""
        return f"{self._name(slowest)} took {_duration(seconds[slowest])} to prepare"

    def _cost_of(self, method: str, key: str) -> float:
        return float(self.costs.get(method, {}).get(key) or 0.0)

    def _power(self, won: bool) -> str:
        needed = self.board.power[self.metric]["items_needed"]
        if won or needed is None or needed <= self.n or self.ranked[:2] != self.board.power[self.metric]["between"]:
            return ""
        step = 10 ** max(0, len(str(needed)) - 2)
        return f"To tell the two best apart at this difference takes about {-(-needed // step) * step:,} items"

    def _name(self, method: str) -> str:
        return self.names.get(method, method)

    def _mean(self, method: str) -> str:
        value = self.board.mean(method, self.metric)
        return "" if value is None else f"{value:.{_decimals(self.info)}f}"

    def _gap(self, best: str, second: str) -> str:
        pair = self.board.pair(best, second, self.metric)
        ends = (pair["difference"] or 0.0, pair["ci_low"], pair["ci_high"])
        more = self.info.higher_is_better
        size, low, high = ends if more else (-ends[0], None if ends[2] is None else -ends[2], None if ends[1] is None else -ends[1])
        digits = next((d for d in range(_decimals(self.info), 6) if round(size, d) != 0), 6)
        interval = "" if low is None or high is None else f" [{low + 0.0:.{digits}f}, {high + 0.0:.{digits}f}]"
        return f"{size:.{digits}f} {'more' if more else 'less'} than {self._name(second)}{interval}"


def _decimals(info: MetricInfo) -> int:
    return 2 if info.high - info.low <= 10 else 1


def _short(info: MetricInfo) -> str:
    return info.label.split(",")[0]


def _items(n: int) -> str:
    return f"{n:,} item" + ("" if n == 1 else "s")


def _is(things: Sequence[str]) -> str:
    return "is" if len(things) == 1 else "are"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "."


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
