"""What all votes of a comparison come to: the report's `people`. Pure functions of votes and scores.

- *Win rate*: a method's mean points against the methods that it stood beside, a tie being half a point.
- *Good enough*: the share of a method's answers that were found good enough.
- *Intervals* are Wilson's score intervals (1927) and count items, not votes: five people on one item tell of one item. With several raters an
  item's value is their mean, and the interval is then on the safe side.
- *Agreement* is Krippendorff's alpha: ordinal for "which is better" (A, tie, B as shown, sides being drawn by chance), nominal for "good enough".
- *The same choice as people*: of the pairs that people decided, in how many the metric scores the same answer higher, equal scores being half.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

from comparison.votes import BETTER, Vote, decisions, marks
from core.records import Score, Scored
from evaluation.agreement import Agreement, krippendorff_alpha, spearman

ORDER = (BETTER[0], BETTER[2], BETTER[1])
Z = 1.959963984540054
"""97.5 % point of the normal distribution, for intervals of 95 %."""

Scores = Mapping[str, Mapping[str, Mapping[str, Scored]]]
Pair = tuple[str, str]


def people(votes: Sequence[Vote], methods: Sequence[str], scores: Scores, higher: Mapping[str, bool]) -> dict[str, Any] | None:
    """The report's section; None where nobody has said anything.

    Args:
        methods: the report's methods, in its order.
        higher: for each metric, whether a higher score is better (default: it is).
    """
    said = [vote for vote in votes if not vote.skipped]
    if not said:
        return None
    voted = [method for method in methods if any(method in (v.a, v.b) for v in said)]
    found = marks(said)
    return {
        "raters": len({vote.rater for vote in said}),
        "votes": len(said),
        "skipped": len(votes) - len(said),
        "ties": sum(vote.better == "tie" for vote in said),
        "items": len({vote.example for vote in said}),
        "alpha": {name: alpha._asdict() for name, alpha in _alphas(said).items()},
        "win_rates": {m: _win_rate(said, m, (x.wins for x in found if x.method == m)) for m in voted},
        "good_enough": {m: _good_rate(said, m, (x.good_enough for x in found if x.method == m)) for m in voted},
        "pairs": [_pair(said, pair) for pair in _pairs(said, voted)],
        "metrics": {name: _beside(said, table, higher.get(name, True)) for name, table in scores.items()},
    }


def wilson(values: Iterable[float | None]) -> dict[str, Any]:
    """Mean of shares, one for each item, with Wilson's interval for that many items."""
    known = [value for value in values if value is not None]
    n = len(known)
    if not n:
        return {"share": None, "ci_low": None, "ci_high": None, "n": 0}
    share = math.fsum(known) / n
    middle, reach = share + Z * Z / (2 * n), Z * math.sqrt(share * (1 - share) / n + Z * Z / (4 * n * n))
    scale = 1 + Z * Z / n
    return {"share": share, "ci_low": max(0.0, (middle - reach) / scale), "ci_high": min(1.0, (middle + reach) / scale), "n": n}


def _alphas(votes: Sequence[Vote]) -> dict[str, Agreement]:
    better: dict[Hashable, dict[Hashable, str]] = {}
    good: dict[Hashable, dict[Hashable, bool]] = {}
    for vote in votes:
        if vote.better is not None:
            better.setdefault(vote.place[:1] + vote.place[2:], {})[vote.rater] = vote.better
        for method in (vote.a, vote.b):
            if (mark := vote.good(method)) is not None:
                good.setdefault((method, vote.example), {})[vote.rater] = mark
    return {"better": krippendorff_alpha(better, "ordinal", ORDER), "good_enough": krippendorff_alpha(good)}


def _win_rate(votes: Sequence[Vote], method: str, by_item: Iterable[float | None]) -> dict[str, Any]:
    points = [vote.points(method) for vote in votes]
    return wilson(by_item) | {"wins": points.count(1.0), "ties": points.count(0.5), "losses": points.count(0.0)}


def _good_rate(votes: Sequence[Vote], method: str, by_item: Iterable[float | None]) -> dict[str, Any]:
    said = [vote.good(method) for vote in votes]
    return wilson(by_item) | {"yes": said.count(True), "no": said.count(False)}


def _pairs(votes: Sequence[Vote], methods: Sequence[str]) -> list[Pair]:
    met = {frozenset((vote.a, vote.b)) for vote in votes if vote.better is not None}
    return [(a, b) for n, a in enumerate(methods) for b in methods[n + 1 :] if {a, b} in met]


def _pair(votes: Sequence[Vote], pair: Pair) -> dict[str, Any]:
    """The first one's points against the second."""
    a, b = pair
    by_item: dict[str, list[float]] = {}
    for vote in votes:
        if {vote.a, vote.b} == {a, b} and (points := vote.points(a)) is not None:
            by_item.setdefault(vote.example, []).append(points)
    every = [points for found in by_item.values() for points in found]
    counts = {"a_wins": every.count(1.0), "ties": every.count(0.5), "b_wins": every.count(0.0)}
    return {"a": a, "b": b} | wilson(sum(found) / len(found) for found in by_item.values()) | counts


def _beside(votes: Sequence[Vote], table: Mapping[str, Mapping[str, Scored]], higher: bool) -> dict[str, Any]:
    """How one metric goes with people: the same choice within pairs, and rank correlation with "good enough" over all answers."""
    sign = 1 if higher else -1
    choices: dict[str, list[float]] = {}
    for example, better, worse in decisions(votes).decided:
        first, second = _number(table, better, example), _number(table, worse, example)
        if first is not None and second is not None:
            ahead = sign * (first - second)
            choices.setdefault(example, []).append(0.5 if ahead == 0 else float(ahead > 0))
    both = [
        (m.good_enough, sign * score)
        for m in marks(votes)
        if m.good_enough is not None and (score := _number(table, m.method, m.example_id)) is not None
    ]
    ranks = spearman([good for good, _ in both], [score for _, score in both])
    return {"same_choice": wilson(sum(c) / len(c) for c in choices.values()), "spearman": ranks._asdict()}


def _number(table: Mapping[str, Mapping[str, Scored]], method: str, example: str) -> float | None:
    scored = table.get(method, {}).get(example)
    return scored.value if isinstance(scored, Score) and math.isfinite(scored.value) else None
