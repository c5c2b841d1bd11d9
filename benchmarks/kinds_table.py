"""Print `docs/kinds.md`'s tables from the frozen reports beside the examples' plans: `python -m benchmarks.kinds_table`.

`kinds.json` and `forgetting.json` are what `python -m comparison run examples/NAME/kinds.yaml --json` and the like print.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from benchmarks.example_table import EXAMPLES, ORDER, cell

HEAD = (
    "| method | score [95 % interval] | letter | general questions right, before → after | forgotten [95 % interval] "
    "| perplexity of general text, before → after | trained weights | s to prepare | peak memory, MB | s an answer |",
    "|---|---|---|---|---|---|--:|--:|--:|--:|",
)
ABSENT = "–"


def forgotten(entry: Mapping[str, Any] | None) -> list[str]:
    """Right answers before and after, the share lost with its interval, and perplexity before and after; dashes where nothing can be forgotten."""
    if not entry or entry.get("difference") is None:
        return [ABSENT] * 3
    interval = "" if entry["ci_low"] is None else f" [{entry['ci_low']:.2f}, {entry['ci_high']:.2f}]"
    read = (entry["perplexity_before"], entry["perplexity_after"])
    perplexity = ABSENT if None in read else " → ".join(f"{value:,.1f}" for value in read)
    return [f"{entry['right_before']} → {entry['right_after']} of {entry['n']}", f"{entry['difference']:.2f}{interval}", perplexity]


def row(method: Mapping[str, Any], primary: str) -> str:
    """One method's line."""
    if method["status"] != "done":
        return f"| {method['name']} | {method['status']} |" + f" {ABSENT} |" * 8
    cost = method["cost"]
    cells = [
        method["name"],
        cell(method["scores"][primary]),
        method["letters"].get(primary, ""),
        *forgotten(method.get("forgetting")),
        f"{cost['trainable_params']:,}" if cost["trainable_params"] else ABSENT,
        f"{cost['prepare_s']:.0f}",
        f"{cost['peak_memory_mb']:,.0f}" if cost["peak_memory_mb"] else ABSENT,
        f"{cost['seconds_per_answer']:.2f}",
    ]
    return f"| {' | '.join(cells)} |"


PLANS = (*((name, "kinds") for name in ORDER), ("ticket_routing", "forgetting"))


def table(name: str, plan: str) -> str:
    """The table of one example's plan."""
    report = json.loads((EXAMPLES / name / f"{plan}.json").read_text(encoding="utf-8"))
    primary, test = report["verdict"]["primary"], report["data"]["counts"]["test"]
    head = f"**{report['name']}** ({primary}, {test} test items; `python -m comparison run examples/{name}/{plan}.yaml --json`)"
    return "\n".join([head, "", *HEAD, *(row(method, primary) for method in report["methods"])])


def tables() -> str:
    return "\n\n".join(table(*each) for each in PLANS)


if __name__ == "__main__":
    print(tables())
