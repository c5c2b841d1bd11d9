"""Rows of GLUE-, SuperGLUE-, MMLU- and BIG-bench-style files, in which several columns make one question.

Each layout is recognised by its columns, whatever the file is called, and becomes one text, the options where there are some, and the right
answer. The wording between the columns is ours and the same for all methods. Labels that are numbers get their names from the plan's
`labels`, in order (or from the hub, which knows them): that 0 means "entailment" stands nowhere in the file, and tasks disagree on it.

    GLUE        sentence / label (SST-2, CoLA; a plain layout), sentence1 + sentence2, question1 + question2, question + sentence,
                premise + hypothesis                                                                  (Wang et al. 2018, arXiv:1804.07461)
    SuperGLUE   BoolQ, CB, COPA, MultiRC (one answer a row), ReCoRD, RTE, WiC, WSC                    (Wang et al. 2019, arXiv:1905.00537)
    MMLU        question + options as columns A to D or as one list, the answer as letter or place    (Hendrycks et al. 2020, arXiv:2009.03300)
    BIG-bench   input + target or target_scores; the hub's inputs + targets + multiple_choice_targets (Srivastava et al. 2022, arXiv:2206.04615)
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from core.dataset.faults import RowFault, as_text

Parts = Mapping[str, Any]


class Question(NamedTuple):
    """What a benchmark's row comes to. `output` and `options` are cells that are still to be read; `passage` groups the rows on one text."""

    input: str
    output: Any
    options: Any = None
    passage: str = ""
    further: Mapping[str, Any] = {}


@dataclass(frozen=True)
class Benchmark:
    """One layout.

    Attributes:
        columns: key to column, in lower case; a column marked with "?" may be missing.
        answer: the key of the column that messages about the answer name.
    """

    name: str
    columns: Mapping[str, str]
    read: Callable[[Parts], Question] = field(repr=False)
    answer: str = "label"

    def find(self, by_lower: Mapping[str, str]) -> dict[str, str] | None:
        """Key to column of the file, or None where it does not fit."""
        if not all(column in by_lower for column in self.columns.values() if not column.endswith("?")):
            return None
        return {key: by_lower[column.rstrip("?")] for key, column in self.columns.items() if column.rstrip("?") in by_lower}


def _said(parts: Parts, key: str) -> str:
    text = as_text(parts.get(key), f"column '{key}'")
    if not text:
        raise RowFault(f"column '{key}' is missing or empty")
    return text


def _lines(**titles: str) -> Callable[[Parts], Question]:
    """A line for each column, its title before it: premise="Premise" gives "Premise: ..."."""

    def read(parts: Parts) -> Question:
        return Question("\n".join(f"{title}: {_said(parts, key)}" for key, title in titles.items()), parts.get("label"))

    return read


def _boolq(parts: Parts) -> Question:
    return Question(
        f"{_said(parts, 'passage')}\n\nQuestion: {_said(parts, 'question')}", parts.get("label"), passage=_said(parts, "passage")
    )


def _copa(parts: Parts) -> Question:
    asked = {"cause": "What was the cause?", "effect": "What happened as a result?"}
    kind = _said(parts, "question")
    options = [_said(parts, "choice1"), _said(parts, "choice2")]
    return Question(f"{_said(parts, 'premise')}\n{asked.get(kind, kind)}", _at(options, parts.get("label")), options)


def _multirc(parts: Parts) -> Question:
    text = f"{_said(parts, 'paragraph')}\n\nQuestion: {_said(parts, 'question')}\nProposed answer: {_said(parts, 'answer')}"
    return Question(text, parts.get("label"), passage=_said(parts, "paragraph"))


def _record(parts: Parts) -> Question:
    answers = _list(parts, "answers")
    if not answers:
        raise RowFault("column 'answers' holds no answer, as in files whose answers are kept secret")
    further = {"further answers": answers[1:]} if len(answers) > 1 else {}
    text = f"{_said(parts, 'passage')}\n\nFill in @placeholder: {_said(parts, 'query')}"
    return Question(text, answers[0], _list(parts, "entities"), _said(parts, "passage"), further)


def _wsc(parts: Parts) -> Question:
    asked = f"Does “{_said(parts, 'span2_text')}” stand for “{_said(parts, 'span1_text')}”?"
    return Question(f"{_said(parts, 'text')}\n\n{asked}", parts.get("label"))


def _mmlu(parts: Parts) -> Question:
    options = [_said(parts, letter) for letter in "abcd"]
    answer = parts.get("answer")
    return Question(_said(parts, "question"), answer, options)


def _mmlu_list(parts: Parts) -> Question:
    return Question(_said(parts, "question"), parts.get("answer"), _list(parts, "options"))


def _bigbench(parts: Parts) -> Question:
    scores, target = parts.get("scores"), parts.get("target")
    if scores:
        if not isinstance(scores, dict) or not all(isinstance(score, (int, float)) for score in scores.values() if score is not None):
            raise RowFault("target_scores must be an object of options and numbers")
        weighed = {option: score for option, score in scores.items() if score is not None}  # parquet fills absent options with null
        return Question(_said(parts, "asked"), max(weighed, key=lambda option: weighed[option], default=None), list(weighed))
    targets = target if isinstance(target, list) else [target]
    further = {"further answers": targets[1:]} if len(targets) > 1 else {}
    return Question(_said(parts, "asked"), targets[0] if targets else None, further=further)


def _bigbench_of_the_hub(parts: Parts) -> Question:
    targets = _list(parts, "targets")
    further = {"further answers": targets[1:]} if len(targets) > 1 else {}
    return Question(_said(parts, "asked"), targets[0] if targets else None, _list(parts, "options"), further=further)


def _at(options: Sequence[str], label: Any) -> Any:
    """The option at a place; what is no place of one is kept, so that the message about it shows it."""
    text = as_text(label, "column 'label'")
    return options[int(text)] if text in ("0", "1") else label


def _list(parts: Parts, key: str) -> list[Any]:
    found = parts.get(key)
    if isinstance(found, str) and found.lstrip().startswith("["):
        try:
            found = json.loads(found)
        except (ValueError, RecursionError):
            raise RowFault(f"column '{key}' begins like a JSON list but is none") from None
    if found is not None and not isinstance(found, list):
        raise RowFault(f"column '{key}' must be a list; got a {type(found).__name__}")
    return found or []


def _same(*names: str) -> dict[str, str]:
    return {name.rstrip("?"): name for name in names}


# The most particular first: a layout that asks for more columns before one that asks for some of them.
BENCHMARKS: tuple[Benchmark, ...] = (
    Benchmark("SuperGLUE WiC", _same("word", "sentence1", "sentence2", "label"), _lines(word="Word", sentence1="Sentence 1", sentence2="Sentence 2")),
    Benchmark("GLUE sentence pair", _same("sentence1", "sentence2", "label"), _lines(sentence1="Sentence 1", sentence2="Sentence 2")),
    Benchmark("GLUE question pair", _same("question1", "question2", "label"), _lines(question1="Question 1", question2="Question 2")),
    Benchmark("GLUE question and sentence", _same("question", "sentence", "label"), _lines(question="Question", sentence="Sentence")),
    Benchmark("GLUE premise and hypothesis", _same("premise", "hypothesis", "label"), _lines(premise="Premise", hypothesis="Hypothesis")),
    Benchmark("SuperGLUE COPA", _same("premise", "choice1", "choice2", "question", "label"), _copa),
    Benchmark("SuperGLUE MultiRC", _same("paragraph", "question", "answer", "label"), _multirc),
    Benchmark("SuperGLUE ReCoRD", _same("passage", "query", "entities", "answers"), _record, "answers"),
    Benchmark("SuperGLUE BoolQ", _same("passage", "question", "label"), _boolq),
    Benchmark("SuperGLUE WSC", _same("text", "span1_text", "span2_text", "label"), _wsc),
    Benchmark("MMLU, options A to D", _same("question", "a", "b", "c", "d", "answer"), _mmlu, "answer"),
    Benchmark("MMLU, list of options", _same("question", "options", "answer"), _mmlu_list, "answer"),
    Benchmark("BIG-bench, scored options", {"asked": "input", "scores": "target_scores", "target": "target?"}, _bigbench, "target"),
    Benchmark("BIG-bench", {"asked": "input", "target": "target"}, _bigbench, "target"),
    Benchmark(
        "BIG-bench of the hub",
        {"asked": "inputs", "targets": "targets", "options": "multiple_choice_targets", "weights": "multiple_choice_scores?"},
        _bigbench_of_the_hub,
        "targets",
    ),
)  # fmt: skip


def recognise(by_lower: Mapping[str, str]) -> tuple[str, dict[str, str]] | None:
    """The first layout that fits, by name, with key to column; None where none does.

    Args:
        by_lower: the file's columns by their names in lower case.
    """
    for benchmark in BENCHMARKS:
        found = benchmark.find(by_lower)
        if found is not None:
            return benchmark.name, found
    return None


def rewritten(values: Mapping[str, Any], mapping: Mapping[str, str]) -> tuple[Mapping[str, Any], Mapping[str, str]]:
    """A benchmark's row and mapping as those of a plain layout; any other row as it is."""
    benchmark = next((b for b in BENCHMARKS if all(k in mapping for k, c in b.columns.items() if not c.endswith("?"))), None)
    if benchmark is None:
        return values, mapping
    own = {key: mapping[key] for key in benchmark.columns if key in mapping}
    question = benchmark.read({key: values.get(column) for key, column in own.items()})
    answer = own.get(benchmark.answer, "target_scores")
    rest = {name: value for name, value in values.items() if name not in own.values()}
    row = {**rest, **question.further, " question": question.input, answer: question.output, " options": question.options}
    plain = {"input": " question", "output": answer, **({"choices": " options"} if question.options else {})}
    if question.passage and "group" not in mapping:
        row, plain = row | {" group": _digest(question.passage)}, plain | {"group": " group"}
    return row, {**plain, **{key: column for key, column in mapping.items() if key not in own}}


def _digest(passage: str) -> str:
    """Rows on one passage stay in one split and count as one observation."""
    return hashlib.sha256(passage.encode()).hexdigest()[:12]
