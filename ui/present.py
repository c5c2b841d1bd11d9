"""A report as what stands on the page: the verdict, the table's cells, captions. Pure functions of the JSON report; no gradio, no files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from comparison.legend import described, lenient, remarks
from comparison.naming import KIND_WORDS as KIND_WORDS
from comparison.naming import in_words as in_words
from comparison.naming import method_label as method_label
from comparison.table import RETRIEVAL_ROWS
from ui.costs import COSTS
from ui.figures import decimals
from ui.forgotten import forgotten_rows
from ui.peoplerows import people_rows

Report = Mapping[str, Any]
ABSENT = "–"

METRIC_WORDS = {
    "exact_match": "Exact match",
    "exact_match_lenient": "Exact match, lenient",
    "token_f1": "Token F1",
    "accuracy": "Accuracy",
    "accuracy_lenient": "Accuracy, lenient",
    "accuracy_loglikelihood": "Accuracy by likelihood",
    "label_probability": "Probability of the label",
    "choice_accuracy": "Choice by likelihood",
    "choice_accuracy_norm": "Choice by likelihood per character",
    "rouge1": "ROUGE-1",
    "rouge2": "ROUGE-2",
    "rougeL": "ROUGE-L",
    "rougeLsum": "ROUGE-Lsum",
    "bleu": "BLEU",
    "chrf": "chrF",
    "json_field_f1": "JSON field F1",
    "json_valid": "Valid JSON",
    "semantic_similarity": "Semantic similarity",
    "answer_relevancy": "Answer relevancy",
    "reference_nll": "Loss on the reference",
    "repetition": "Repetition",
    "answer_words": "Words per answer",
    "cut": "Share of answers cut",
    "judge": "Judge, 1 to 5",
}


class Cell(NamedTuple):
    """One number of the table.

    Attributes:
        text: the value, rounded to the digit that its interval supports.
        interval: "0.34 to 0.48", or "".
        left, width: the interval's bar, in percent of the row's scale; width 0 for no bar.
        letter: methods that share a letter cannot be told apart.
        best: the best of the row, or not to be told from it.
        small: what differs from the rest of the row ("n 45").
        metric, method: of which score it is, where the items behind it can be shown; "" otherwise.
    """

    text: str
    interval: str = ""
    left: float = 0.0
    width: float = 0.0
    letter: str = ""
    best: bool = False
    small: str = ""
    metric: str = ""
    method: str = ""


class Row(NamedTuple):
    label: str
    arrow: str
    arrow_words: str
    hint: str
    cells: list[Cell]
    note: str = ""
    greyed: bool = False
    metric: str = ""


class Group(NamedTuple):
    label: str
    rows: list[Row]


class Column(NamedTuple):
    name: str
    label: str
    setting: str
    failed: str


class Table(NamedTuple):
    """`notes` are sentences of the report that a reader of its numbers should know; `links` says that cells lead to their items."""

    columns: list[Column]
    groups: list[Group]
    notes: Sequence[str] = ()
    links: bool = False


class Verdict(NamedTuple):
    text: str
    note: str


def metric_label(name: str) -> str:
    return METRIC_WORDS.get(name, name.replace("_", " "))


def key_setting(spec: Mapping[str, Any]) -> str:
    """The one or two settings by which people tell methods apart."""
    words = {"shots": "{} shots", "selection": "{}", "top_k": "{} passages", "rank": "rank {}", "epochs": "{} epochs"}
    unused = {"top_k"} if spec.get("with_retrieval") is False else set()
    found = [form.format(spec[key]) for key, form in words.items() if spec.get(key) is not None and key not in unused]
    several = [f"{spec['seeds']} seeds"] if int(spec.get("seeds") or 1) > 1 else []
    return ", ".join([*found[:2], *several]).replace("1 shots", "1 shot").replace("1 passages", "1 passage").replace("1 epochs", "1 epoch")


def spec_of(report: Report, name: str) -> Mapping[str, Any]:
    """The settings that one method ran with."""
    return next((m.get("spec") or {} for m in report["methods"] if m["name"] == name), {})


def verdict(report: Report) -> Verdict:
    """The sentence on top, and under it what it rests on."""
    said = report.get("verdict") or {}
    counts = (report.get("data") or {}).get("counts") or {}
    environment = report.get("environment") or {}
    plan = report.get("plan") or {}
    out = ((report.get("data") or {}).get("left_out") or {}).get("count", 0)
    parts = [(f"{counts['test'] - out} of " if out else "") + f"{counts['test']} test items" if counts.get("test") else ""]
    parts.append(_last((plan.get("model") or {}).get("id", "")))
    parts.append(" ".join(str(environment[k]) for k in ("dtype", "device") if environment.get(k)))
    primary = said.get("primary")
    limits = ((report.get("power") or {}).get(primary) or {}) if primary else {}
    smallest = limits.get("minimum_detectable_difference")
    if smallest is not None:
        parts.append(f"differences under {smallest:.2f} {metric_label(str(primary))} would mostly be missed")
    return Verdict(in_words(str(said.get("text") or "No verdict: no method has answers yet.")), " · ".join(p for p in parts if p))


def infos(report: Report) -> Mapping[str, Mapping[str, Any]]:
    """What each metric says of itself (range, direction, how it is computed), as it was when the report was written."""
    return report.get("metrics") or {}


def table(report: Report, *, links: bool = False) -> Table:
    """Methods are columns; rows in the groups quality, trust, cost. A metric that says nothing of itself counts as 0-1, higher is better.

    Args:
        links: cells name the score that they hold, since the items behind them can be shown.
    """
    known = infos(report)
    methods = report["methods"]
    columns = [
        Column(m["name"], method_label(m), key_setting(spec_of(report, m["name"])), "" if m["status"] == "done" else _why(m))
        for m in methods
    ]
    names = metric_names(report)
    quality = [_score_row(report, name, known.get(name) or {}) for name in names if _decides(name, known)]
    trust = [_score_row(report, name, known.get(name) or {}) for name in names if not _decides(name, known)]
    if links:
        quality, trust = _linked(quality, columns), _linked(trust, columns)
    groups = [Group("Quality", quality), Group("Trust", [*trust, *_trust_rows(report)]), Group("Cost", _cost_rows(report))]
    notes = [in_words(str(text)) for text in [*(report.get("notes") or ()), *remarks(report)]]
    return Table(columns, [g for g in groups if g.rows], notes, links)


def _linked(rows: Sequence[Row], columns: Sequence[Column]) -> list[Row]:
    """The rows with each scored cell naming its score."""

    def cell(row: Row, place: int) -> Cell:
        found = row.cells[place]
        return found if found.text == ABSENT else found._replace(metric=row.metric, method=columns[place].name)

    return [row._replace(cells=[cell(row, place) for place in range(len(row.cells))]) for row in rows]


def metric_names(report: Report) -> list[str]:
    """Metrics in the plan's order, the primary one first, then whatever else was scored."""
    primary = (report.get("verdict") or {}).get("primary")
    planned = [m if isinstance(m, str) else str(m.get("name", "")) for m in (report.get("plan") or {}).get("metrics") or []]
    scored = [name for m in report["methods"] for name in m.get("scores") or {}]
    return [n for n in dict.fromkeys([primary, *planned, *scored]) if n and n in scored]


def _decides(name: str, known: Mapping[str, Mapping[str, Any]]) -> bool:
    return bool((known.get(name) or {}).get("in_verdict", name != "judge"))


def _why(method: Mapping[str, Any]) -> str:
    return f"{str(method['status']).capitalize()}: {method.get('reason') or 'no reason was kept'}"


def _score_row(report: Report, name: str, info: Mapping[str, Any]) -> Row:
    low, high, higher = info.get("low", 0.0), info.get("high", 1.0), info.get("higher_is_better", True)
    scores = [(m.get("scores") or {}).get(name) or {} for m in report["methods"]]
    halves = [(s["ci_high"] - s["ci_low"]) / 2 for s in scores if _has_interval(s)]
    digits = decimals(halves, low, high)
    top = max([low + 1e-9, *(s["ci_high"] for s in scores if _has_interval(s)), *(s["mean"] for s in scores if s.get("mean") is not None)])
    letters = [(m.get("letters") or {}).get(name, "") for m in report["methods"]]
    best = set() if info.get("neutral") else _best(scores, letters, higher)
    most = max([s.get("n") or 0 for s in scores], default=0)
    twins = [lenient(report, method, name) for method in report["methods"]]
    cells = []
    for place, score in enumerate(scores):
        if score.get("mean") is None:
            cells.append(Cell(ABSENT, small=str(score.get("reason") or "")))
            continue
        cell = Cell(f"{score['mean']:.{digits}f}", letter=letters[place], best=place in best, small=_gaps(score, most, twins[place]))
        if _has_interval(score):
            width = max(1.0, 100 * (score["ci_high"] - score["ci_low"]) / (top - low))
            left = min(100 - width, 100 * (score["ci_low"] - low) / (top - low))
            interval = f"{score['ci_low']:.{digits}f} to {score['ci_high']:.{digits}f}"
            cell = cell._replace(interval=interval, left=round(max(0.0, left), 1), width=round(width, 1))
        cells.append(cell)
    hint = ". ".join(t for t in (described(info) if info.get("label") else "", info.get("note")) if t)
    arrow, words = ("", "") if info.get("neutral") else ("↑", "higher is better") if higher else ("↓", "lower is better")
    note = str(info.get("note", "not certified" if name == "judge" else ""))
    return Row(metric_label(name), arrow, words, hint, cells, note, not info.get("in_verdict", name != "judge"), name)


def _has_interval(score: Mapping[str, Any]) -> bool:
    return score.get("ci_low") is not None and score.get("ci_high") is not None


def _gaps(score: Mapping[str, Any], most: int, lenient_mean: float | None) -> str:
    parts = [] if lenient_mean is None else [f"lenient {lenient_mean:.2f}"]
    if score.get("n") is not None and score["n"] != most:
        parts.append(f"n {score['n']}")
    if score.get("unscored"):
        parts.append(f"{score['unscored']} unscored")
    if score.get("note"):
        parts.append("too few groups for an interval")
    return ", ".join(parts)


def _best(scores: Sequence[Mapping[str, Any]], letters: Sequence[str], higher: bool) -> set[int]:
    known = [(s["mean"], i) for i, s in enumerate(scores) if s.get("mean") is not None]
    if len(known) < 2:
        return set()
    first = (max if higher else min)(known, key=lambda pair: pair[0])[1]
    best = {i for _, i in known if i == first or set(letters[i]) & set(letters[first])}
    return best if len(best) < len(known) else set()


COUNTED = (
    ("cut", "Answers cut", "Answers that reached the longest allowed length."),
    ("shortened_prompts", "Prompts shortened", "Prompts that had no room for all of their passages or demonstrations."),
)


def _trust_rows(report: Report) -> list[Row]:
    methods = report["methods"]
    total = ((report.get("data") or {}).get("counts") or {}).get("test")
    answered = [Cell(f"{m.get('n') or 0}" + (f" of {total}" if total else "")) for m in methods]
    rows = [Row("Items answered", "", "", "Headline numbers use the items that all methods answered.", answered)]
    rows += [Row(row.label, "↑", "higher is better", row.hint, [Cell(*cell) for cell in row.cells]) for row in people_rows(report)]
    for key, label, hint in COUNTED:
        if any(m.get(key) for m in methods):
            rows.append(Row(label, "↓", "lower is better", hint, [_count(m.get(key)) for m in methods]))
    if any(m.get("perplexity") for m in methods):
        hint = "exp of the mean loss on the reference: how surprised the model is by it, after the prompt."
        cells = [Cell(f"{m['perplexity']:,.1f}" if m.get("perplexity") else ABSENT) for m in methods]
        rows.append(Row("Perplexity of the reference", "↓", "lower is better", hint, cells))
    for label, key in RETRIEVAL_ROWS:
        found = [_found_at_k(method.get("retrieval") or {}, key) for method in methods]
        if any(mean is not None for mean in found):
            hint = "Of the items whose gold passage is known, from the passages that stood in the prompts."
            cells = [Cell(ABSENT if mean is None else f"{mean:.2f}") for mean in found]
            rows.append(Row(f"Retrieval: {label.split()[0]}", "↑", "higher is better", hint, cells))
    return rows


def _found_at_k(entry: Mapping[str, Any], key: str) -> float | None:
    """A measure of the search at the method's own k."""
    mean = (entry.get(key.format(k=entry.get("k"))) or {}).get("mean")
    return None if mean is None else float(mean)


def _count(value: Any) -> Cell:
    return Cell("–" if value is None else f"{value:,}")


def _cost_rows(report: Report) -> list[Row]:
    rows = []
    for label, hint, key, text in COSTS:
        if any((m.get("cost") or {}).get(key) is not None for m in report["methods"]):
            cells = [Cell(text(m.get("cost") or {}, m.get("n") or 0)) for m in report["methods"]]
            rows.append(Row(label, "↓", "lower is better", hint, cells))
    return rows + [Row(row.label, "↓", "lower is better", row.hint, [Cell(*cell) for cell in row.cells]) for row in forgotten_rows(report)]


def _last(model_id: str) -> str:
    return model_id.rstrip("/").rsplit("/", 1)[-1]
