"""Whether a ranking holds when only the layout of the prompts changes: what `comparison.formats` found, in numbers and a sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from comparison.result import ScoreTable
from core.records import Answer, Score, Scored

ONE_FORMAT = (
    "One prompt format: every method's prompts are worded in one way and put through one chat template. Another format can change scores by "
    "tens of points and turn the order round (Sclar et al. 2024, arXiv:2310.11324), and that is not in the intervals."
)


def suffix(number: int) -> str:
    """What stands behind a method's name where its answers in this format are kept."""
    return f".format{number}"


def prompted(answers: Mapping[str, Answer]) -> bool:
    return any(answer.prompt.messages for answer in answers.values())


def prompt_format(
    answers: Mapping[str, Mapping[str, Answer]], metric: str, own: ScoreTable, others: Mapping[int, ScoreTable], higher: bool = True
) -> dict[str, Any] | None:
    """How many formats stand behind the numbers and what that means; None where no method has prompts.

    Args:
        metric: the one whose means are compared, over the items that every method has in every format.
        own, others: {metric: {method: {example id: score}}} in the methods' own format, and by number in the others.
    """
    if not any(prompted(of_method) for of_method in answers.values()):
        return None
    tables = {1: own.get(metric, {}), **{number: table.get(metric, {}) for number, table in others.items() if table.get(metric)}}
    methods = [name for name in tables[1] if all(name in table for table in tables.values())]
    shared = _shared([table[name] for table in tables.values() for name in methods])
    if len(tables) == 1 or not shared:
        return {"formats": 1, "statement": ONE_FORMAT}
    means = {name: {str(n): sum(_values(table[name], shared)) / len(shared) for n, table in tables.items()} for name in methods}
    spread = {name: {"means": row, "low": min(row.values()), "high": max(row.values())} for name, row in means.items()}
    best = {n: (max if higher else min)(means, key=lambda name, n=n: means[name][n]) for n in map(str, tables)}  # type: ignore[misc]
    found = {"formats": len(tables), "metric": metric, "n": len(shared), "methods": spread, "best": best}
    return found | {"statement": _statement(len(tables), metric, spread, best)}


def _shared(columns: Sequence[Mapping[str, Any]]) -> list[str]:
    """Ids of the items that are scored in every column."""
    first, *rest = columns or [{}]
    return [i for i, one in first.items() if isinstance(one, Score) and all(isinstance(column.get(i), Score) for column in rest)]


def _values(column: Mapping[str, Scored], items: Sequence[str]) -> list[float]:
    return [one.value for i in items if isinstance(one := column[i], Score)]


def _statement(count: int, metric: str, spread: Mapping[str, Mapping[str, Any]], best: Mapping[str, str]) -> str:
    widest = max(spread, key=lambda name: spread[name]["high"] - spread[name]["low"])
    row, winners = spread[widest], list(dict.fromkeys(best.values()))
    held = (
        f"{winners[0]} has the best {metric} in each"
        if len(winners) == 1
        else f"the best {metric} changes with the format: " + ", ".join(f"{name} in format {n}" for n, name in best.items())
    )
    return (
        f"{count} prompt formats, of which the table shows the first: {held}. The widest spread is {widest}'s, {row['low']:.3f} to "
        f"{row['high']:.3f}. Intervals do not hold it."
    )
