"""Print the README's results table from the frozen results in `examples/`: `python -m benchmarks.example_table`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
ORDER = ("support_desk", "ticket_routing", "house_style")


def cell(score: dict[str, Any]) -> str:
    """A mean with its 95 % interval, to the digits that the interval supports."""
    if score["mean"] is None:
        return "not scored"
    digits = 1 if abs(score["mean"]) > 5 or (score["ci_high"] or 0) > 5 else 2
    return f"{score['mean']:.{digits}f} [{score['ci_low']:.{digits}f}, {score['ci_high']:.{digits}f}]"


def rows(report: dict[str, Any]) -> list[str]:
    """One line for each method: score, letter, tokens read for each answer, seconds to prepare and to answer."""
    primary = report["verdict"]["primary"]
    lines = []
    for method in report["methods"]:
        cost, n = method["cost"], max(method["n"], 1)
        lines.append(
            f"| {report['name']} | {method['name']} | {primary} {cell(method['scores'][primary])} | {method['letters'].get(primary, '')} "
            f"| {cost['prompt_tokens'] / n:.0f} | {cost['prepare_s']:.0f} | {cost['seconds_per_answer']:.2f} |"
        )
    return lines


def table() -> str:
    head = [
        "| example | method | score [95 % interval] | letter | tokens read an answer | s to prepare | s an answer |",
        "|---|---|---|---|--:|--:|--:|",
    ]
    reports = [json.loads((EXAMPLES / name / "result" / "report.json").read_text()) for name in ORDER]
    return "\n".join([*head, *(line for report in reports for line in rows(report))])


if __name__ == "__main__":
    print(table())
