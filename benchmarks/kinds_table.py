"""Print `docs/kinds.md`'s tables from what is frozen of their reports: `python -m benchmarks.kinds_table`.

`kinds.json` and `forgetting.json` beside the examples' plans hold the part of a report that the tables need. They are made by

    python -m comparison run examples/NAME/kinds.yaml --json > report.json
    python -m benchmarks.kinds_table --freeze report.json examples/NAME/kinds.json
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
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


def freeze(report: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a report that the tables, and the words about them, need: no texts, items or curves."""
    wanted = ("name", "kind", "status", "reason", "n", "scores", "letters", "forgetting", "cost")
    methods = [{key: method[key] for key in wanted if key in method} for method in report["methods"]]
    about = {key: report[key] for key in ("name", "notes", "environment", "forgetting") if key in report}
    return {**about, "data": {"counts": report["data"]["counts"]}, "verdict": report["verdict"], "methods": methods}


if __name__ == "__main__":
    if sys.argv[1:2] == ["--freeze"]:
        source, target = map(Path, sys.argv[2:])
        target.write_text(json.dumps(freeze(json.loads(source.read_text(encoding="utf-8"))), indent=1) + "\n", encoding="utf-8")
    else:
        print(tables())
