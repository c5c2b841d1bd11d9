"""The JSON report: what a comparison found, frozen. Made from scores and ledgers alone, so that re-scoring makes the next one alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from comparison.left_out import kept, left_out
from comparison.money import PricesSpec
from comparison.naming import sentence_names
from comparison.plan_paths import names_only
from comparison.seeds import member_names
from comparison.verdicts import break_even_entry, limited_costs, limits_of, prices_of, with_money
from core.records import Example, Scored
from evaluation.base import Metric, MetricInfo
from evaluation.compare import Scoreboard, scoreboard
from evaluation.hub_metric import HubMetric
from evaluation.verdict import verdict

FORMAT = 1
INTERVALS = "plain 95 % intervals; letters and 'real' follow p_adjusted (Holm over all pairs of one metric) below 0.05"


@dataclass
class Outcome:
    """What became of one method.

    Attributes:
        status: done, failed or skipped; a failed one has a `reason`.
        cut: answers that reached max_new_tokens.
        shortened_prompts: prompts that lost passages or demonstrations, since not all fitted; `dropped_passages` counts the passages.
        failures: example id to reason, for items that it could not answer.
    """

    name: str
    kind: str
    status: str
    reason: str = ""
    n: int = 0
    cut: int = 0
    failures: dict[str, str] = field(default_factory=dict)
    cost: dict[str, Any] = field(default_factory=dict)
    training: dict[str, Any] | None = None
    spec: dict[str, Any] = field(default_factory=dict)
    shortened_prompts: int = 0
    dropped_passages: int = 0

    def entry(self, board: Scoreboard) -> dict[str, Any]:
        """The method's entry of the report."""
        row: dict[str, Any] = {
            "name": self.name,
            "kind": self.kind,
            "spec": names_only(self.spec),
            "status": self.status,
            "reason": self.reason,
            "n": self.n,
        }
        row |= {
            "cut": self.cut,
            "shortened_prompts": self.shortened_prompts,
            "dropped_passages": self.dropped_passages,
            "failures": self.failures,
            "scores": dict(board.summaries[self.name]),
            "letters": dict(board.letters[self.name]),
        }
        return row | {"cost": self.cost} | ({"training": self._training(board)} if self.training else {})

    def _training(self, board: Scoreboard) -> dict[str, Any]:
        """With the means under each seed; reports of before there were several state a number of seeds alone."""
        training, rows = dict(self.training or {}), (self.training or {}).get("seeds")
        if not isinstance(rows, list):
            return training
        several = board.seed_means.get(self.name, {})
        means = [{m: several[m][place] if several.get(m) else board.mean(self.name, m) for m in board.infos} for place in range(len(rows))]
        return {**training, "seeds": [{**row, "means": of_one} for row, of_one in zip(rows, means, strict=True)]}

    def over_seeds(self, outcomes: Sequence[Outcome], spec: Mapping[str, Any]) -> Outcome:
        """What became of a method, given what became of it under each seed: what became of the first, whose answers are shown."""
        rows = [row for outcome in outcomes for row in (outcome.training or {}).get("seeds", ())]
        return replace(self, spec=dict(spec), training=self.training and {**self.training, "seeds": rows})

    @classmethod
    def from_entry(cls, entry: Mapping[str, Any]) -> Outcome:
        keys = (
            "name",
            "kind",
            "status",
            "reason",
            "n",
            "cut",
            "failures",
            "cost",
            "training",
            "spec",
            "shortened_prompts",
            "dropped_passages",
        )
        return cls(**{key: entry[key] for key in keys if key in entry})


@dataclass(frozen=True)
class Frame:
    """All of a report that scores do not change.

    Attributes:
        judge: its model, rubric and certificate where a judge was asked, else None.
        notes: sentences that a reader should know.
        curves: learning curves that were run beside it, by what they are over.
    """

    id: str
    name: str
    created: float
    plan: Mapping[str, Any]
    environment: Mapping[str, Any]
    data: Mapping[str, Any]
    primary: str
    judge: Mapping[str, Any] | None
    notes: Sequence[str]
    curves: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_report(cls, report: Mapping[str, Any], primary: str) -> Frame:
        keys = ("id", "name", "created", "plan", "environment", "data", "judge", "notes")
        return cls(primary=primary, curves=report.get("curves") or {}, **{key: report[key] for key in keys})


def metric_entry(metric: Metric) -> dict[str, Any]:
    """What a metric says of itself, for readers of its numbers."""
    info: MetricInfo = metric.info
    keys = ("label", "low", "high", "unit", "higher_is_better", "version", "how", "signature", "in_verdict", "note", "neutral")
    return {**{key: getattr(info, key) for key in keys}, "script": isinstance(metric, HubMetric)}


def groups_of(examples: Sequence[Example]) -> dict[str, str]:
    """Example id to group, of the examples that have one."""
    return {example.id: example.group for example in examples if example.group}


def build_report(
    frame: Frame,
    outcomes: Sequence[Outcome],
    metrics: Sequence[Metric],
    scores: Mapping[str, Mapping[str, Mapping[str, Scored]]],
    groups: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """The report as it is written to disk. Scores of a method that is not done (of an earlier start, say) take no part.

    Args:
        groups: example id to group; items that share one count as one observation.
    """
    names = [outcome.name for outcome in outcomes]
    answered = {outcome.name: member_names(outcome.name, outcome.spec) for outcome in outcomes if outcome.status == "done"}
    done = {member for found in answered.values() for member in found}
    infos = {metric.info.name: metric.info for metric in metrics}
    out = left_out(frame.data)
    counted = {
        metric: {method: kept(of_one, out) for method, of_one in found.items() if method in done} for metric, found in scores.items()
    }
    seeds = {name: found for name, found in answered.items() if len(found) > 1}
    board = scoreboard(counted, infos, names, groups=groups, seeds=seeds)
    prices = prices_of(frame.plan)
    outcomes = [replace(outcome, cost=with_money(outcome.cost, outcome.n, prices)) for outcome in outcomes]
    status = "done" if done else "failed"
    return {
        "format": FORMAT,
        "id": frame.id,
        "name": frame.name,
        "status": status,
        "created": frame.created,
        "plan": dict(frame.plan),
        "environment": dict(frame.environment),
        "verdict": _verdict(board, frame, outcomes, prices),
        "data": dict(frame.data),
        "metrics": {metric.info.name: metric_entry(metric) for metric in metrics},
        "methods": [outcome.entry(board) for outcome in outcomes],
        "pairwise": [dict(pair) for pair in board.pairwise],
        "power": {metric: dict(power) for metric, power in board.power.items()},
        "judge": None if frame.judge is None else dict(frame.judge),
        "intervals": INTERVALS,
        "notes": list(frame.notes),
        "break_even": break_even_entry([{"name": o.name, "n": o.n, "cost": o.cost} for o in outcomes if o.status == "done"], prices),
        "curves": dict(frame.curves),
    }


def _verdict(board: Scoreboard, frame: Frame, outcomes: Sequence[Outcome], prices: PricesSpec) -> dict[str, Any]:
    rows = [{"name": o.name, "kind": o.kind, "n": o.n, "cost": o.cost} for o in outcomes]
    limited = limited_costs(rows, prices)
    numbers = {o.name: {key: value for key, value in o.cost.items() if isinstance(value, (int, float))} for o in outcomes}
    costs = {o.name: {"answers": o.n, **numbers[o.name], **limited[o.name]} for o in outcomes}
    curves = [curve["clause"] for curve in frame.curves.values() if curve.get("clause")]
    return dict(verdict(board, frame.primary, sentence_names(rows), costs, limits_of(frame.plan), curves))
