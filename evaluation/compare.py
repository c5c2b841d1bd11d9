"""From the scores of all methods to what the report prints: means, intervals, pairs, letters, power. No I/O; every value is ready for JSON.

The same items for all: a metric's means, intervals and pairs use the items that every compared method has a number for. A method that
failed on the hard items would otherwise look better for it. Compared are the methods that have at least one number; one that failed
altogether is left out with its reason and costs the others no items. n and the items that are missing are stated for each.

Holm's adjustment runs over all pairs of one metric; a difference is "real" where the adjusted p is below 0.05, and letters follow that. The
intervals are plain 95 % intervals of each pair. There is no NaN: where a number can't be had it is None, with a reason beside it.

Items that share a group count as one observation; a method that was trained under several seeds has the mean over them as each item's score, and
their variance in its intervals (`evaluation.clusters`, `evaluation.seeds`).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TypedDict

from core.records import Score, Scored, Unscored
from evaluation.base import MetricInfo
from evaluation.clusters import counted
from evaluation.letters import letters
from evaluation.resampling import TIE
from evaluation.seeds import between, pooled, spread
from evaluation.statistics import (
    Difference,
    few_groups,
    holm,
    items_needed,
    mean_interval,
    minimum_detectable_difference,
    paired_difference,
)

REAL_BELOW = 0.05
Scores = Mapping[str, Mapping[str, Mapping[str, Scored]]]
"""{metric: {method: {example_id: score or reason}}}. An item that a method did not answer may be absent or unscored."""


class Summary(TypedDict):
    """One method by one metric. `n` items are in the mean; `unscored` counts this method's own gaps; `reason` says why there is no mean.

    `item_sd` is over items and `seed_sd` over seeds, where there are several; `clusters` counts the groups that the items fall into, where
    some share one, and `effective_clusters` how many of equal size they are worth; `note` says why there is no interval.
    """

    mean: float | None
    ci_low: float | None
    ci_high: float | None
    n: int
    unscored: int
    reason: str | None
    item_sd: float | None
    seed_sd: float | None
    clusters: int | None
    effective_clusters: float | None
    note: str | None


class Pair(TypedDict):
    """Two methods by one metric; `difference` is a - b. See `evaluation.statistics.Difference` for what stands behind `p_adjusted`."""

    a: str
    b: str
    metric: str
    difference: float | None
    ci_low: float | None
    ci_high: float | None
    p_value: float | None
    p_adjusted: float | None
    test: str | None
    only_a: int | None
    only_b: int | None
    item_error: float | None
    seed_error: float | None
    note: str | None


class Power(TypedDict):
    """What this test set could show, between the two best methods, at Holm's strictest level and 80 % power."""

    minimum_detectable_difference: float | None
    items_needed: int | None
    between: list[str]
    reason: str | None


@dataclass(frozen=True)
class Scoreboard:
    """Everything about one comparison that is made from scores alone.

    Attributes:
        methods: all that were asked for, in the plan's order.
        infos: what each metric says of itself, in the plan's order.
        items: for each metric, the ids that its means and pairs use, sorted.
        total: for each metric, how many ids any method has an entry for.
        summaries: {method: {metric: Summary}}.
        letters: {method: {metric: "ab"}}; "" where the method has no mean.
        seed_means: {method: {metric: the mean under each seed}}, of methods with several.
    """

    methods: tuple[str, ...]
    infos: Mapping[str, MetricInfo]
    items: Mapping[str, tuple[str, ...]]
    total: Mapping[str, int]
    summaries: Mapping[str, Mapping[str, Summary]]
    pairwise: Sequence[Pair]
    letters: Mapping[str, Mapping[str, str]]
    power: Mapping[str, Power]
    seed_means: Mapping[str, Mapping[str, Sequence[float]]]

    def mean(self, method: str, metric: str) -> float | None:
        return self.summaries[method][metric]["mean"]

    def ranked(self, metric: str) -> list[str]:
        """Methods that have a mean, best first; equal ones in the plan's order."""
        return _ranked({m: mean for m in self.methods if (mean := self.mean(m, metric)) is not None}, self.infos[metric])

    def pair(self, a: str, b: str, metric: str) -> Pair:
        """The pair as a - b, whichever way round it is stored."""
        for pair in self.pairwise:
            if pair["metric"] == metric and {pair["a"], pair["b"]} == {a, b}:
                return pair if pair["a"] == a else _turned(pair)
        raise KeyError((a, b, metric))

    def differs(self, a: str, b: str, metric: str) -> bool:
        return is_real(self.pair(a, b, metric))


def is_real(pair: Pair) -> bool:
    return pair["p_adjusted"] is not None and pair["p_adjusted"] < REAL_BELOW


def scoreboard(
    scores: Scores,
    infos: Mapping[str, MetricInfo],
    methods: Sequence[str],
    *,
    seed: int = 0,
    groups: Mapping[str, str] | None = None,
    seeds: Mapping[str, Sequence[str]] | None = None,
) -> Scoreboard:
    """Compare `methods` by every metric of `infos`, both in the plan's order.

    Args:
        groups: {example id: group}, of those that share one with others; an absent or empty one is a group of its own.
        seeds: {method: the keys of `scores` that hold its answers under each seed}, of methods with several.
    """
    known = _Known(groups or {}, seeds or {}, seed)
    columns = {metric: _Column(info, scores.get(metric, {}), methods, known) for metric, info in infos.items()}
    return Scoreboard(
        methods=tuple(methods),
        infos=dict(infos),
        items={metric: column.items for metric, column in columns.items()},
        total={metric: len(column.everything) for metric, column in columns.items()},
        summaries={method: {metric: column.summary(method) for metric, column in columns.items()} for method in methods},
        pairwise=[pair for column in columns.values() for pair in column.pairs],
        letters={method: {metric: column.letters.get(method, "") for metric, column in columns.items()} for method in methods},
        power={metric: column.power() for metric, column in columns.items()},
        seed_means={method: {metric: column.seed_means.get(method, ()) for metric, column in columns.items()} for method in known.seeds},
    )


@dataclass(frozen=True)
class _Known:
    """What holds for every column."""

    groups: Mapping[str, str]
    seeds: Mapping[str, Sequence[str]]
    seed: int


class _Column:
    """One metric of the table."""

    def __init__(self, info: MetricInfo, scores: Mapping[str, Mapping[str, Scored]], methods: Sequence[str], known: _Known) -> None:
        self.info, self.seed = info, known.seed
        self.scores = {method: _pooled(scores, known.seeds.get(method, ())) or scores.get(method, {}) for method in methods}
        self.numbers = {method: _numbers(self.scores[method]) for method in methods}
        self.everything = {item for method in methods for item in self.scores[method]}
        self.compared = [method for method in methods if self.numbers[method]]
        shared = set.intersection(*(set(self.numbers[method]) for method in self.compared)) if self.compared else set()
        self.items = tuple(sorted(shared))
        self.share = (info.low, info.high) == (0.0, 1.0)
        self.groups = [known.groups.get(item, "") for item in self.items] if known.groups else None
        self.values = {method: [self.numbers[method][item] for item in self.items] for method in self.compared} if shared else {}
        self.means = {method: math.fsum(values) / len(values) for method, values in self.values.items()}
        self.seed_means = {m: [self._mean(scores[key]) for key in keys] for m, keys in known.seeds.items() if m in self.values}
        self.pairs = self._pairs()
        real = {(pair["a"], pair["b"]) for pair in self.pairs if is_real(pair)}
        self.letters = letters(list(self.means), list(self.means.values()), real, higher_is_better=info.higher_is_better)

    def _mean(self, scores: Mapping[str, Scored]) -> float:
        numbers = _numbers(scores)
        return math.fsum(numbers[item] for item in self.items) / len(self.items)

    def summary(self, method: str) -> Summary:
        unscored = len(self.everything) - len(self.numbers[method])
        empty = Summary(
            mean=None, ci_low=None, ci_high=None, n=0, unscored=unscored, reason=None,
            item_sd=None, seed_sd=None, clusters=None, effective_clusters=None, note=None,
        )  # fmt: skip
        if method not in self.values:
            return {**empty, "reason": self._reason(method)}
        values, seed_means = self.values[method], self.seed_means.get(method, ())
        interval = mean_interval(values, seed=self.seed, share=self.share, groups=self.groups, seed_means=seed_means)
        clusters, worth = counted(self.groups or ()) or (None, None)
        note = few_groups(clusters, worth) if clusters is not None and worth is not None and interval.low is None else None
        found = empty | {"mean": interval.mean, "ci_low": interval.low, "ci_high": interval.high, "n": len(self.items), "note": note}
        return found | {"item_sd": spread(values), "seed_sd": spread(seed_means), "clusters": clusters, "effective_clusters": worth}

    def _reason(self, method: str) -> str:
        if self.numbers[method]:
            return "no item has a score from every compared method"
        reasons = Counter(scored.reason for scored in self.scores[method].values() if isinstance(scored, Unscored))
        return reasons.most_common(1)[0][0] if reasons else "it has no answers"

    def _pairs(self) -> list[Pair]:
        found = [(a, b, self._difference(a, b)) for a, b in combinations(self.values, 2)]
        adjusted = holm([difference.p_value or 1.0 for _, _, difference in found])
        return [
            Pair(
                a=a,
                b=b,
                metric=self.info.name,
                difference=difference.difference,
                ci_low=difference.low,
                ci_high=difference.high,
                p_value=difference.p_value,
                p_adjusted=p_adjusted,
                test=difference.test,
                only_a=difference.only_a,
                only_b=difference.only_b,
                item_error=difference.item_error,
                seed_error=difference.seed_error,
                note=difference.note,
            )
            for (a, b, difference), p_adjusted in zip(found, adjusted, strict=True)
        ]

    def _difference(self, a: str, b: str) -> Difference:
        seed_means = self.seed_means.get(a, ()), self.seed_means.get(b, ())
        return paired_difference(
            self.values[a], self.values[b], seed=self.seed, share=self.share, groups=self.groups, seed_means=seed_means
        )

    def power(self) -> Power:
        best = _ranked(self.means, self.info)[:2]
        if len(best) < 2:
            return Power(minimum_detectable_difference=None, items_needed=None, between=best, reason="fewer than two methods have scores")
        differences = [a - b for a, b in zip(self.values[best[0]], self.values[best[1]], strict=True)]
        alpha, seeds = REAL_BELOW / len(self.pairs), between(*(self.seed_means.get(method, ()) for method in best))
        error = seeds.error if seeds else 0.0
        detectable = minimum_detectable_difference(differences, alpha, groups=self.groups, seed_error=error)
        needed = items_needed(differences, alpha=alpha, groups=self.groups, seed_error=error)
        reason = None
        if detectable is None:
            reason = "the two best differ by the same amount on every item" if len(differences) > 1 else "there is only one item"
        elif needed is None:
            same = abs(self.means[best[0]] - self.means[best[1]]) <= TIE
            reason = (
                "the two best have the same mean" if same else "the seeds alone vary too much for any number of items; train more of them"
            )
        return Power(minimum_detectable_difference=detectable, items_needed=needed, between=best, reason=reason)


def _pooled(scores: Mapping[str, Mapping[str, Scored]], keys: Sequence[str]) -> dict[str, Scored]:
    return pooled([scores.get(key, {}) for key in keys]) if any(key in scores for key in keys) else {}


def _numbers(scores: Mapping[str, Scored]) -> dict[str, float]:
    return {item: scored.value for item, scored in scores.items() if isinstance(scored, Score) and math.isfinite(scored.value)}


def _ranked(means: Mapping[str, float], info: MetricInfo) -> list[str]:
    return sorted(means, key=lambda method: -means[method] if info.higher_is_better else means[method])


def _turned(pair: Pair) -> Pair:
    difference, low, high = ((None if value is None else 0.0 - value) for value in (pair["difference"], pair["ci_low"], pair["ci_high"]))
    sides: Pair = {**pair, "a": pair["b"], "b": pair["a"], "only_a": pair["only_b"], "only_b": pair["only_a"]}
    return {**sides, "difference": difference, "ci_low": high, "ci_high": low}
