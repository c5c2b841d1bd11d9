"""How much of a method's result is the reader's doing: strict beside lenient reading of its answers, and the perplexity of the references.

Strict and lenient are worked out here from the answers where the plan asks for one of them alone, so that both are always known. Where they
are more than ten points apart, a note says so: either the method has a format problem, or the lenient reader is fooled.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from comparison.result import ScoreTable
from core.records import Answer, Example, Score, Scored
from evaluation.base import Item, Resources, metrics
from evaluation.perplexity import perplexity

PAIRS = {"exact_match": "exact_match_lenient", "accuracy": "accuracy_lenient"}
APART = 0.10
BEGINNING = "Strict and lenient reading of the answers differ by more than 10 points"


def readings(
    report: Mapping[str, Any],
    examples: Sequence[Example],
    labels: tuple[str, ...],
    answers: Mapping[str, Mapping[str, Answer]],
    scores: ScoreTable,
) -> dict[str, dict[str, Any]]:
    """{method: {strict metric: {strict, lenient, n}}}, of the pairs of which the report has at least one."""
    asked = [pair for pair in PAIRS.items() if set(pair) & set(report["metrics"])]
    found: dict[str, dict[str, Any]] = {}
    for method, of_method in answers.items():
        rows = [(example, of_method[example.id]) for example in examples if example.id in of_method]
        for strict, lenient in asked:
            both = [_scores(metric, method, rows, labels, scores) for metric in (strict, lenient)]
            shared = [i for i in both[0] if i in both[1]]
            if shared:
                means = [sum(values[i] for i in shared) / len(shared) for values in both]
                found.setdefault(method, {})[strict] = {"strict": means[0], "lenient": means[1], "n": len(shared)}
    return found


def _scores(
    metric: str, method: str, rows: Sequence[tuple[Example, Answer]], labels: tuple[str, ...], scores: ScoreTable
) -> dict[str, float]:
    """Example id to number: those of the report where it has them."""
    known: Mapping[str, Scored] | None = scores.get(metric, {}).get(method)
    if known is None:
        items = [Item(e.id, e.question, a.text, e.reference, a.finish_reason, input=e.input, choices=e.choices) for e, a in rows]
        scored = metrics.get(metric).score(items, Resources(labels=labels))
        known = {item.example_id: one for item, one in zip(items, scored, strict=True)}
    return {i: one.value for i, one in known.items() if isinstance(one, Score)}


def reading_notes(found: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """One sentence on the methods whose readings are far apart, none where there is no such method."""
    apart = [
        f"{method} {strict.replace('_', ' ')} {said['strict']:.2f} strict, {said['lenient']:.2f} lenient"
        for method, of_method in found.items()
        for strict, said in of_method.items()
        if abs(said["lenient"] - said["strict"]) > APART + 1e-9
    ]
    if not apart:
        return []
    return [
        f"{BEGINNING}: {'; '.join(apart)}. The form of the answers decides there, or the lenient reader is fooled: look at the answers."
    ]


def perplexities(report: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """{method: {"perplexity": exp of its mean loss}}, where the loss was asked for."""
    losses = {m["name"]: (m["scores"].get("reference_nll") or {}).get("mean") for m in report["methods"]}
    return {method: {"perplexity": perplexity(mean)} for method, mean in losses.items() if mean is not None}
