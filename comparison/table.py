"""The report as a table of text: methods are columns, metrics are rows, cost last. For the terminal and for Markdown."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from comparison.legend import legend, lenient, remarks
from comparison.naming import in_words, method_label

ABSENT = "–"
COST_ROWS = (
    ("prepare", "prepare_s", "s"),
    ("word prompts", "word_s", "s"),
    ("generate", "generate_s", "s"),
    ("score", "score_s", "s"),
    ("tokens in", "prompt_tokens", ""),
    ("tokens out", "completion_tokens", ""),
    ("trained parameters", "trainable_params", ""),
    ("artefact", "artefact_bytes", "MB"),
    ("peak memory", "peak_memory_mb", "MB"),
    ("weights in memory", "weight_bytes", "MB"),
    ("energy, estimate", "energy_kwh", "Wh"),
    ("CO2, estimate", "co2_kg", "g"),
    ("1,000 answers", "money", ""),
)
RETRIEVAL_ROWS = (("recall@k ↑", "recall@{k}"), ("nDCG@k ↑", "ndcg@{k}"), ("MRR ↑", "mrr"))
MEASURED = ("energy_kwh", "co2_kg", "money", "weight_bytes")
"""Rows that are left out where no method has a number."""


def decimals(metric: Mapping[str, Any]) -> int:
    """Figures worth showing: three for shares, two for marks and percentages."""
    return 3 if metric["high"] - metric["low"] <= 1 else 2


def score_cell(method: Mapping[str, Any], name: str, metric: Mapping[str, Any], best: float | None) -> str:
    """ "0.412 [0.35, 0.47] ab", with a star at the best mean; n where items are missing."""
    summary = method["scores"].get(name)
    if summary is None or summary["mean"] is None:
        return ABSENT
    d = decimals(metric)
    text = f"{summary['mean']:.{d}f}" + ("*" if summary["mean"] == best else "")
    if summary["ci_low"] is not None and summary["ci_high"] is not None:
        text += f" [{summary['ci_low']:.{d - 1}f}, {summary['ci_high']:.{d - 1}f}]"
    letters = method["letters"].get(name)
    text += f" {letters}" if letters else ""
    return text + (f" n={summary['n']}" if summary["unscored"] else "")


def cost_cell(cost: Mapping[str, Any], key: str, unit: str) -> str:
    value = cost.get(key)
    if value is None:
        return ABSENT
    if key in ("energy_kwh", "co2_kg"):
        return f"{1000 * value:.3g} {unit}"
    if key == "money":
        return f"{value['per_1000']:.3g} {value['currency']}"
    if key in ("artefact_bytes", "weight_bytes"):
        return f"{value / 2**20:.1f} {unit}" if value else "0"
    if unit == "s":
        return f"{value:.1f} s"
    return f"{value:,.0f}" + (f" {unit}" if unit else "")


def forgotten_cell(entry: Mapping[str, Any]) -> str:
    """Share of general questions right before training minus after: "0.12 [0.05, 0.20]"."""
    if entry.get("difference") is None:
        return ABSENT
    interval = "" if entry["ci_low"] is None else f" [{entry['ci_low']:.2f}, {entry['ci_high']:.2f}]"
    return f"{entry['difference']:.3f}{interval}"


def retrieval_cell(entry: Mapping[str, Any], key: str) -> str:
    """At the method's own k: "0.863 [0.75, 0.94] k=2"."""
    k = entry.get("k")
    found = entry.get(key.format(k=k)) or {}
    if found.get("mean") is None:
        return ABSENT
    interval = "" if found["ci_low"] is None else f" [{found['ci_low']:.2f}, {found['ci_high']:.2f}]"
    return f"{found['mean']:.3f}{interval} k={k}"


def rows(report: Mapping[str, Any]) -> list[list[str]]:
    """The head and all rows as text, the first column being their names."""
    methods = report["methods"]
    found = [["", *(method_label(method) for method in methods)]]
    for name, metric in report["metrics"].items():
        means = [m["scores"][name]["mean"] for m in methods if name in m["scores"] and m["scores"][name]["mean"] is not None]
        neutral = metric.get("neutral", False)
        best = (max(means) if metric["higher_is_better"] else min(means)) if means and not neutral else None
        arrow = "" if neutral else " ↑" if metric["higher_is_better"] else " ↓"
        label = f"{name}{arrow}" + (f" ({metric['note']})" if metric["note"] else "")
        found.append([label, *(_with_lenient(score_cell(method, name, metric, best), lenient(report, method, name)) for method in methods)])
    if any("perplexity" in method for method in methods):
        found.append(["perplexity ↓", *(f"{m['perplexity']:,.2f}" if "perplexity" in m else ABSENT for m in methods)])
    if any((method.get("retrieval") or {}).get("n") for method in methods):
        found += [[label, *(retrieval_cell(m.get("retrieval") or {}, key) for m in methods)] for label, key in RETRIEVAL_ROWS]
    for label, key, unit in COST_ROWS:
        if key in MEASURED and all(method["cost"].get(key) is None for method in methods):
            continue
        found.append([label, *(cost_cell(method["cost"], key, unit) for method in methods)])
    if any("forgetting" in method for method in methods):
        found.append(["forgotten ↓", *(forgotten_cell(method.get("forgetting") or {}) for method in methods)])
    return found


def _with_lenient(cell: str, value: float | None) -> str:
    return cell if value is None else f"{cell} (lenient {value:.3f})"


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def _padded(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = (" " * (width - _width(cell)) for cell, width in zip(cells, widths, strict=True))
    return "  ".join([cells[0] + first, *(gap + cell for gap, cell in zip(others, cells[1:], strict=True))]).rstrip()


def text_table(report: Mapping[str, Any]) -> str:
    """For a terminal: columns aligned, then failures and the verdict."""
    table = rows(report)
    widths = [max(_width(row[column]) for row in table) for column in range(len(table[0]))]
    lines = [_padded(table[0], widths), "-" * (sum(widths) + 2 * len(widths) - 2), *(_padded(row, widths) for row in table[1:])]
    counts = report["data"]["counts"]
    lines += [
        "",
        f"{counts['test']} test items, {counts['train']} train, {counts['validation']} validation. "
        "* best mean; [95 % interval]; same letter = cannot be told apart.",
        *legend(report),
    ]
    lines += [f"{method_label(method)} {method['status']}: {method['reason']}" for method in report["methods"] if method["reason"]]
    floor = report.get("noise_floor")
    said = [in_words(report["verdict"]["text"]), *([f"Noise floor: {floor['text']}"] if floor else [])]
    return "\n".join([*lines, *(f"Note: {in_words(note)}" for note in [*report["notes"], *remarks(report)]), "", *said])


def markdown_cell(text: str) -> str:
    """Text that stays one cell of plain text, whatever it holds."""
    flat = " ".join(text.split())
    for sign in "\\`*_[]<>|#":
        flat = flat.replace(sign, f"\\{sign}" if sign not in "<>" else {"<": "&lt;", ">": "&gt;"}[sign])
    return flat


def markdown_table(report: Mapping[str, Any]) -> str:
    head, *body = ([markdown_cell(cell) for cell in row] for row in rows(report))
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}", *(f"| {' | '.join(row)} |" for row in body)]
    return "\n".join(lines)
