"""What went wrong, item by item: is an answer right, why not, and what came of the passage with the reference. Pure; the page asks for single
items, and reports for the counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from comparison.gold import seen_in_prompts
from core.records import Answer, Example, Score, Scored
from evaluation.abstention import answerable_marks
from evaluation.base import Item, Resources, metrics
from evaluation.causes import CAUSES, Cause, TaskFacts, WrongAnswer, causes, task_facts
from evaluation.correctness import RULE, is_right
from evaluation.gold import Retrieval, agrees, is_gold, retrieved
from evaluation.groundedness import SUPPORT
from evaluation.statistics import mean_interval

if TYPE_CHECKING:
    from comparison.analyses import Study


class Finding(NamedTuple):
    """One method's answer to one item.

    Attributes:
        right: by the deciding metric; None where it has no score.
        causes: of a wrong answer, at least one; else none.
        retrieved: whether the passage with the reference was in the prompt; None for a method that retrieves nothing.
        used: whether the answer agrees with the reference, where that passage was there; else None.
        gold: ids of the prompt's passages that hold the reference.
    """

    right: bool | None
    causes: tuple[Cause, ...] = ()
    retrieved: Retrieval | None = None
    used: bool | None = None
    gold: frozenset[str] = frozenset()


class Diagnosis:
    """Reads a study; what is costly is worked out when it is first asked for."""

    def __init__(self, study: Study) -> None:
        self.study = study
        self.labels = study.splits.labels
        self.examples: dict[str, Example] = {example.id: example for example in study.splits.test}
        self.primary = str((study.report.get("verdict") or {}).get("primary") or "")
        self.info: Mapping[str, Any] = (study.report.get("metrics") or {}).get(self.primary) or {}
        self.scores: Mapping[str, Mapping[str, Scored]] = study.scores.get(self.primary) or {}

    @cached_property
    def facts(self) -> TaskFacts:
        passages = {found.passage.text for of_one in self.study.answers.values() for a in of_one.values() for found in a.prompt.passages}
        return task_facts(self.study.splits.test, self.labels, passages)

    @cached_property
    def known(self) -> frozenset[str]:
        """Items whose reference is known to stand in the documents."""
        kept = self.study.gold
        return seen_in_prompts(self.study.splits.test, self.study.answers, self.labels) if kept is None else kept

    @cached_property
    def answerable(self) -> dict[str, bool]:
        return answerable_marks(self.study.splits.test)

    def retrieves(self, method: str) -> bool:
        prompts = (answer.prompt for answer in self.study.answers.get(method, {}).values())
        return any(prompt.passages or prompt.dropped_passages for prompt in prompts)

    @cached_property
    def retrieving(self) -> tuple[str, ...]:
        return tuple(method for method in self.study.answers if self.retrieves(method))

    def finding(self, method: str, example_id: str) -> Finding | None:
        """What there is to say of one answer; None where there is none."""
        answer, example = self.study.answers.get(method, {}).get(example_id), self.examples.get(example_id)
        if answer is None or example is None:
            return None
        right = is_right(self.scores.get(method, {}).get(example_id), self.info)
        state, used, gold = self._passages(method, example, answer)
        found: tuple[Cause, ...] = ()
        if right is False:
            answerable = self.answerable.get(example_id, True)
            wrong = WrongAnswer(answer.text, example.reference, answer.finish_reason, state is not None, state or "unknown", answerable)
            found = causes(wrong, self.facts)
        return Finding(right, found, state, used, gold)

    def _passages(self, method: str, example: Example, answer: Answer) -> tuple[Retrieval | None, bool | None, frozenset[str]]:
        if method not in self.retrieving:
            return None, None, frozenset()
        passages = [found.passage for found in answer.prompt.passages]
        state = retrieved(example, passages, example.id in self.known, self.labels)
        gold = frozenset(passage.id for passage in passages if is_gold(passage, example, self.labels))
        return state, agrees(answer.text, example.reference, self.labels) if state == "yes" else None, gold

    def of_method(self, method: str) -> dict[str, Finding]:
        """All findings of a method, by example id."""
        return {i: found for i in self.examples if (found := self.finding(method, i)) is not None}


def cause_counts(findings: Mapping[str, Finding]) -> dict[str, int]:
    """How many wrong answers have each cause, in the order of `CAUSES`; causes that none has are absent."""
    counts = Counter(cause.name for found in findings.values() for cause in found.causes)
    return {name: counts[name] for name in CAUSES if counts[name]}


def method_entry(diagnosis: Diagnosis, method: str) -> dict[str, Any]:
    """The fields of a method's entry: `causes`, `wrong`, and where they apply `groundedness` and `abstention`."""
    findings = diagnosis.of_method(method)
    judged = [found.right for found in findings.values() if found.right is not None]
    entry: dict[str, Any] = {"causes": cause_counts(findings), "wrong": {"n": judged.count(False), "of": len(judged)}}
    if method in diagnosis.retrieving:
        states = Counter(found.retrieved for found in findings.values())
        used = Counter(found.used for found in findings.values())
        entry["groundedness"] = {
            **_means(diagnosis, method, list(SUPPORT)),
            "retrieved": {state: states[state] for state in ("yes", "no", "unknown")},
            "used": {"used": used[True], "ignored": used[False]},
        }
    if diagnosis.answerable:
        entry |= _means(diagnosis, method, ["abstention"])
    return entry


def _means(diagnosis: Diagnosis, method: str, names: Sequence[str]) -> dict[str, Any]:
    answers = diagnosis.study.answers[method]
    items = [_item(diagnosis.examples[i], answer, diagnosis.answerable) for i, answer in answers.items() if i in diagnosis.examples]
    return {name: _mean([s.value for s in metrics.get(name).score(items, Resources()) if isinstance(s, Score)]) for name in names}


def _mean(values: Sequence[float]) -> dict[str, Any]:
    found = mean_interval(values, share=True)
    return {"mean": found.mean, "ci_low": found.low, "ci_high": found.high, "n": found.n}


def _item(example: Example, answer: Answer, answerable: Mapping[str, bool]) -> Item:
    return Item(
        example_id=example.id,
        question="\n".join(text for text in (example.instruction, example.input) if text),
        prediction=answer.text,
        reference=example.reference,
        finish_reason=answer.finish_reason,
        passages=tuple(found.passage.text for found in answer.prompt.passages),
        answerable=answerable.get(example.id),
    )


def error_section(diagnosis: Diagnosis) -> dict[str, Any]:
    """The report's `errors`: by which rule an answer is wrong."""
    return {"rule": RULE, "metric": diagnosis.primary}
