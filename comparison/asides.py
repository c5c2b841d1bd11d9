"""Further answers of a method, beside its own: `rag.oracle`, `rag.format2`. A dot stands in no method's name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from comparison.result import Result, ScoreTable


def base_of(name: str) -> str:
    """The method that further answers belong to; a method's own name is its own."""
    return name.partition(".")[0]


def aside_scores(result: Result, methods: Mapping[str, Any], suffix: str) -> ScoreTable:
    """{metric: {method: {example id: score}}} of the answers under `<method><suffix>`; empty where nobody has asked."""
    wanted = {method + suffix: method for method in methods}
    if not any((result.folder / "answers" / f"{name}.jsonl.gz").exists() for name in wanted):
        return {}
    table = result.scores().items()
    return {metric: {wanted[name]: of_one for name, of_one in by_name.items() if name in wanted} for metric, by_name in table}
