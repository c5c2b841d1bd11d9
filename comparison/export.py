"""A result as a file for other tools: JSON, CSV, Markdown, or one HTML page that needs nothing else.

Names, reasons, answers and references are somebody's text: a spreadsheet must not run them, nor a browser, nor a Markdown viewer.
"""

from __future__ import annotations

import csv
import html
import io
import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from comparison.gold import GOLD
from comparison.leaks import FILE as LEAKS
from comparison.legend import described, legend, remarks
from comparison.naming import in_words, method_label
from comparison.result import Result
from comparison.table import markdown_cell, markdown_table, rows
from core.errors import PlanError, nearest
from core.files import write_json, write_whole
from core.records import Score

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
FROZEN = ("environment.json", "splits.json", "events.jsonl", "scores.jsonl.gz")

STYLE = """body{font:16px/1.5 system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem;color:#1b1f24;background:#fff}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{padding:.35rem .6rem;border-bottom:1px solid #d8dee4;text-align:right}
th:first-child,td:first-child{text-align:left}.scroll{overflow-x:auto}pre{white-space:pre-wrap;background:#f6f8fa;padding:.6rem}
@media(prefers-color-scheme:dark){body{color:#e6edf3;background:#0d1117}th,td{border-color:#30363d}pre{background:#161b22}}"""


def safe_cell(value: object) -> object:
    """Text that a spreadsheet would take for a formula gets an apostrophe in front; numbers stay numbers."""
    if isinstance(value, str) and value.startswith(FORMULA_STARTS):
        return f"'{value}"
    return value


def to_json(result: Result, report: Mapping[str, Any]) -> str:
    return json.dumps(report, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def to_csv(result: Result, report: Mapping[str, Any]) -> str:
    """One line for each method and item: input, reference, answer, finish reason, and each score."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    metrics = list(report["metrics"])
    writer.writerow(
        ["method", "example_id", "input", "reference", "answer", "finish_reason", "prompt_tokens", "completion_tokens", "seconds", *metrics]
    )
    scores, examples = result.scores(), result.splits().test
    for method in (entry["name"] for entry in report["methods"]):
        saved, seconds = result.answers(method), result.timings(method)
        answers = saved.answers
        for example in examples:
            answer = answers.get(example.id)
            told = (
                (answer.text, answer.finish_reason, answer.prompt_tokens, answer.completion_tokens) if answer else ("", "none", None, None)
            )
            found = [scores.get(metric, {}).get(method, {}).get(example.id) for metric in metrics]
            numbers = [score.value if isinstance(score, Score) else None for score in found]
            cells = [method, example.id, example.question, example.reference, *told, seconds.get(example.id), *numbers]
            writer.writerow([safe_cell(cell) for cell in cells])
    return out.getvalue()


def to_markdown(result: Result, report: Mapping[str, Any]) -> str:
    failed = [f"- {markdown_cell(method_label(m))} {m['status']}: {markdown_cell(m['reason'])}" for m in report["methods"] if m["reason"]]
    parts = [
        f"# {markdown_cell(report['name'])}",
        markdown_cell(in_words(report["verdict"]["text"])),
        markdown_table(report),
        "\n".join(failed),
    ]
    counts = report["data"]["counts"]
    parts.append(
        f"{counts['test']} test items, {counts['train']} train, {counts['validation']} validation. {report['intervals']}.".replace(
            "*", "\\*"
        )
    )
    parts.append("\n".join(f"- {markdown_cell(line)}" for line in [*legend(report), *remarks(report)]))
    return "\n\n".join(part for part in parts if part) + "\n"


def to_html(result: Result, report: Mapping[str, Any]) -> str:
    """One page without script or outside request; everything that it shows is escaped."""
    head, *body = rows(report)
    table = f"<tr>{''.join(f'<th>{html.escape(cell)}</th>' for cell in head)}</tr>"
    table += "".join(f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in row)}</tr>" for row in body)
    reasons = "".join(
        f"<li>{html.escape(method_label(m))} {html.escape(m['status'])}: {html.escape(m['reason'])}</li>"
        for m in report["methods"]
        if m["reason"]
    )
    notes = "".join(f"<li>{html.escape(in_words(note))}</li>" for note in [*report["notes"], *remarks(report)])
    how = "".join(
        f"<li><b>{html.escape(name)}</b>: {html.escape(described(m))}. {html.escape(m['how'])}</li>"
        for name, m in report["metrics"].items()
    )
    frozen = html.escape(json.dumps({key: report[key] for key in ("plan", "environment")}, indent=1, ensure_ascii=False))
    title = html.escape(report["name"])
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>{title}</title><style>{STYLE}</style><h1>{title}</h1><p>{html.escape(in_words(report['verdict']['text']))}</p>"
        f'<div class="scroll"><table>{table}</table></div><ul>{reasons}{notes}</ul><p>{html.escape(report["intervals"])}</p>'
        f"<h2>How the numbers are computed</h2><ul>{how}</ul><h2>Plan and environment</h2><pre>{frozen}</pre></html>\n"
    )


FORMATS: dict[str, Callable[[Result, Mapping[str, Any]], str]] = {"json": to_json, "csv": to_csv, "md": to_markdown, "html": to_html}


def export(result: Result, form: str, output: Path, report_name: str | None = None) -> None:
    """Write a result to `output`. `form` "folder" copies what the page needs to show it, as in `examples/<name>/result/`.

    Raises:
        PlanError: there is no such format.
        StoreError: there is no report yet, or the disk is full.
    """
    if form == "folder":
        freeze(result, output)
        return
    if form not in FORMATS:
        raise PlanError(f"There is no export format '{form}'.", nearest(form, [*FORMATS, "folder"]))
    write_whole(output, FORMATS[form](result, result.report(report_name)))


def freeze(result: Result, output: Path) -> None:
    """Copy a result so that it can be shown anywhere: the latest report as report.json, no absolute path, no owner."""
    import yaml

    report = result.report()
    output.mkdir(parents=True, exist_ok=True)
    write_json(output / "report.json", report)
    write_whole(output / "plan.yaml", yaml.safe_dump(dict(report["plan"]), sort_keys=False, allow_unicode=True, width=120))
    for name in FROZEN:
        write_whole(output / name, (result.folder / name).read_bytes())
    if (result.folder / GOLD).exists():
        write_whole(output / GOLD, (result.folder / GOLD).read_bytes())
    if (result.folder / LEAKS).exists():  # comparisons of earlier versions have none
        write_whole(output / LEAKS, (result.folder / LEAKS).read_bytes())
    for part in ("answers", "timings"):
        shutil.copytree(result.folder / part, output / part, dirs_exist_ok=True)
