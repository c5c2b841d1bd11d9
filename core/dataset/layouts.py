"""Which column is what, and a raw row to an example.

Common layouts are recognised by their column names, those of benchmarks included (`benchmarks.py`); a mapping in the plan overrides what
was guessed.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from core.dataset.benchmarks import recognise, rewritten
from core.dataset.chat import fold_chat
from core.dataset.faults import RowFault, as_text
from core.dataset.options import with_label_name, with_option_texts
from core.dataset.rows import BadRow, Table
from core.errors import PlanError, nearest
from core.records import Example

# In order of preference. A field whose column is marked with "?" may be missing.
LAYOUTS: dict[str, dict[str, str]] = {
    "chat": {"messages": "messages"},
    "alpaca": {"instruction": "instruction", "input": "input?", "output": "output"},
    "prompt/completion": {"input": "prompt", "output": "completion"},
    "question/answer": {"input": "question", "output": "answer"},
    "text/label": {"input": "text", "output": "label"},
    "input/output": {"input": "input", "output": "output"},
    "sentence/label": {"input": "sentence", "output": "label"},
}
BY_NAME = {"group": "group", "choices": "choices", "instruction": "instruction"}
ALONE: dict[str, tuple[str, ...]] = {
    "input": ("input", "question", "prompt", "text"),
    "output": ("output", "answer", "completion", "label"),
}
CHAT: dict[str, tuple[str, ...]] = {"messages": ("messages",)}
BESIDE = frozenset({"group", "instruction"})
"""Fields that a plan may name without saying anything about the question."""
HIDDEN_LABEL = "-1"


class Guess(NamedTuple):
    """A layout's name ("mapped" where the plan named the columns, "" where none fits) and field to column."""

    layout: str
    columns: dict[str, str]


def guess(columns: Sequence[str]) -> Guess:
    """The first layout whose columns are all there; upper and lower case are the same."""
    by_lower = {column.lower(): column for column in reversed(columns)}
    if benchmark := recognise(by_lower):
        return Guess(benchmark[0], _with_named(benchmark[1], by_lower))
    for name, fields in LAYOUTS.items():
        needed = [column for column in fields.values() if not column.endswith("?")]
        if all(column in by_lower for column in needed):
            found = {field: by_lower[column.rstrip("?")] for field, column in fields.items() if column.rstrip("?") in by_lower}
            return Guess(name, _with_named(found, by_lower))
    return Guess("", {})


def _with_named(found: dict[str, str], by_lower: Mapping[str, str]) -> dict[str, str]:
    extra = {field: by_lower[name] for field, name in BY_NAME.items() if name in by_lower and field not in found}
    return {**found, **{field: column for field, column in extra.items() if column not in found.values()}}


def choose_columns(columns: Sequence[str], named: Mapping[str, str], where: str) -> Guess:
    """The plan's mapping, completed by what the names give away.

    Args:
        named: field to column, from the plan.
        where: the file, for messages.

    Raises:
        PlanError: a named column is not there, or nothing says which column is the input and which the output.
    """
    for field, column in named.items():
        if column not in columns:
            raise PlanError(f"data.columns.{field} must be a column of {where}; got '{column}'.", nearest(column, columns))
    benchmark = recognise({column.lower(): column for column in reversed(columns) if column not in named.values()})
    if not named:
        guessed = guess(columns)
    elif benchmark and BESIDE.issuperset(named):
        guessed = Guess(benchmark[0], {**benchmark[1], **named})
    else:
        free = {column.lower(): column for column in reversed(columns) if column not in named.values()}
        chat = "messages" in named or ("input" not in named and "output" not in named and "messages" in free)
        alone = CHAT if chat else ALONE
        candidates = {field: [free[name] for name in names if name in free] for field, names in alone.items()}
        lone = {field: found[0] for field, found in candidates.items() if found}
        guessed = Guess("mapped", _with_named({**lone, **named}, free))
    mapping = guessed.columns
    if (
        not (benchmark and guessed.layout == benchmark[0])
        and "messages" not in mapping
        and not ("output" in mapping and ("input" in mapping or "instruction" in mapping))
    ):
        raise PlanError(
            f"The columns of {where} ({', '.join(columns[:20])}) fit no known layout.",
            "Say which is which: columns: {input: ..., output: ...} in the data section.",
        )
    return guessed


def convert(table: Table, mapping: Mapping[str, str], labels: Sequence[str] | None = None) -> tuple[list[Example], list[BadRow]]:
    """Examples without ids, and all bad rows in the order of their lines.

    Args:
        labels: the plan's label set; a row with any other answer, and no number of a label, is bad.
    """
    lines, examples, bad = [], [], list(table.bad)
    for row in table.rows:
        try:
            examples.append(to_example(row.values, mapping))
            lines.append(row.line)
        except RowFault as fault:
            bad.append(BadRow(table.file, row.line, str(fault)))
    good: list[Example] = []
    hidden = len(examples) > 1 and all(example.reference == HIDDEN_LABEL for example in examples)
    for line, settled in zip(lines, with_option_texts(examples), strict=True):
        example = settled if labels is None else with_label_name(settled, labels)
        if hidden:
            bad.append(BadRow(table.file, line, "all labels are -1, which stands for labels kept secret; take a split that has its labels"))
        elif labels is not None and example.reference not in labels:
            bad.append(BadRow(table.file, line, f"the output must be one of the plan's labels; got {example.reference[:60]!r}"))
        else:
            good.append(example)
    return good, sorted(bad, key=lambda row: row.line)


def to_example(values: Mapping[str, Any], mapping: Mapping[str, str]) -> Example:
    """A row as an example that has no id yet. Texts have LF line ends and no white space around them.

    Raises:
        RowFault: something that is needed is missing or no text.
    """
    values, mapping = rewritten(values, mapping)
    if "messages" in mapping:
        instruction, question, reference = fold_chat(_cell(values, mapping["messages"]))
    else:
        instruction, question, reference = (_text(values, mapping.get(field)) for field in ("instruction", "input", "output"))
    if not reference:
        raise RowFault(f"the output{_of(mapping.get('output'))} is missing or empty")
    if not question and not instruction:
        raise RowFault(f"the input{_of(mapping.get('input'))} is missing or empty")
    used = set(mapping.values())
    return Example(
        id="",
        instruction=instruction,
        input=question,
        reference=reference,
        choices=_choices(values, mapping.get("choices")),
        group=_text(values, mapping.get("group")),
        columns={name: _any_text(value, name) for name, value in values.items() if name not in used and value is not None},
    )


def _of(column: str | None) -> str:
    return f" (column '{column}')" if column else ""


def _cell(values: Mapping[str, Any], column: str) -> Any:
    """A list may stand in a table's cell as JSON."""
    value = values.get(column)
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            raise RowFault(f"column '{column}' begins like a JSON list but is none") from None
    return value


def _text(values: Mapping[str, Any], column: str | None) -> str:
    return as_text(values.get(column), f"column '{column}'") if column else ""


def _choices(values: Mapping[str, Any], column: str | None) -> tuple[str, ...]:
    if column is None:
        return ()
    found = _cell(values, column)
    if isinstance(found, str):
        found = [part for part in found.split("|") if part.strip()]
    if found is None:
        return ()
    if not isinstance(found, list):
        raise RowFault(f"column '{column}' must be a list of options; got a {type(found).__name__}")
    return tuple(as_text(option, f"an option in column '{column}'") for option in found)


def _any_text(value: Any, name: str) -> str:
    """Any further column as text; what is nested stays readable as JSON."""
    if isinstance(value, (dict, list)):
        value = json.dumps(value, ensure_ascii=False, default=str)
    if isinstance(value, bytes) or (isinstance(value, float) and not math.isfinite(value)):
        value = repr(value)
    return as_text(value, f"column '{name}'")
