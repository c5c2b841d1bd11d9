"""The answers of all methods to one item, side by side, and which items a filter keeps. Pure functions; answers and scores are handed in.

`Scores` maps metric to method to example id to a score, or to unscored with its reason.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from comparison.diagnosis import Finding
from core.records import Answer, Retrieved, Score, Scored, Unscored
from evaluation.causes import CAUSES
from evaluation.correctness import is_right
from ui.figures import duration
from ui.grounds import Basis, basis
from ui.present import Report, method_label, metric_label

Scores = Mapping[str, Mapping[str, Mapping[str, Scored]]]
Answers = Mapping[str, Mapping[str, Answer]]
Latency = Mapping[str, Mapping[str, float]]

ONLY_A, ONLY_B = "Only A right", "Only B right"
FILTERS = ("All", "They differ", "Only one right", ONLY_A, ONLY_B, "All wrong", "Cut", "Unscored")
Findings = Mapping[str, Finding | None]
TELLING = frozenset({"format", "too_long", "too_short", "repetitive", "misspelling"})
"""Causes whose reason says more than their name."""
ABOUT_PASSAGES = frozenset({"retrieval_miss", "context_ignored"})
RETRIEVED = {"yes": "The gold passage was in the prompt", "no": "The gold passage was not in the prompt"}


class Order(NamedTuple):
    """Items in the order of one method's scores by one metric, the lowest first, or the highest."""

    metric: str
    method: str
    highest: bool = False


class Piece(NamedTuple):
    """A stretch of an answer; `shared` where the reference has it too."""

    text: str
    shared: bool


class Card(NamedTuple):
    """One method's answer to one item.

    Attributes:
        causes: why it is wrong, as (label, what shows it, where that says more); empty where it is not.
        passage: what came of the passage with the reference, in words, where the causes do not say it.
        gold: ids of the passages that hold the reference.
        basis: what a direct answer rests on; it has no prompt. None for others.
    """

    label: str
    facts: str = ""
    cut: bool = False
    pieces: Sequence[Piece] = ()
    scores: Sequence[tuple[str, str]] = ()
    turns: Sequence[tuple[str, str]] = ()
    passages: Sequence[Retrieved] = ()
    demos: int = 0
    missing: str = ""
    causes: Sequence[tuple[str, str]] = ()
    passage: str = ""
    gold: frozenset[str] = frozenset()
    basis: Basis | None = None


class Question(NamedTuple):
    """What was asked, and the answer that counts as right."""

    id: str
    instruction: str
    input: str
    reference: str


def keep(
    ids: Sequence[str],
    wanted: str,
    answers: Answers,
    scores: Scores,
    primary: str,
    info: Mapping[str, Any] | None = None,
    pair: tuple[str, str] = ("", ""),
) -> list[str]:
    """The ids that a filter keeps, in order. An unknown filter keeps all.

    Args:
        info: what the primary metric says of itself; an answer counts as right from the middle of its range on.
        pair: the methods A and B.
    """
    right = {name: {i: is_right(scored, info or {}) for i, scored in of_one.items()} for name, of_one in scores.get(primary, {}).items()}
    a, b = (right.get(name, {}) for name in pair)
    tests = {
        ONLY_A: lambda i: a.get(i) is True and b.get(i) is False,
        ONLY_B: lambda i: b.get(i) is True and a.get(i) is False,
        "They differ": lambda i: len({a[i].text.strip() for a in answers.values() if i in a}) > 1,
        "Only one right": lambda i: [of_one.get(i) for of_one in right.values()].count(True) == 1,
        "All wrong": lambda i: {of_one.get(i) for of_one in right.values()} == {False},
        "Cut": lambda i: any(a[i].finish_reason == "length" for a in answers.values() if i in a),
        "Unscored": lambda i: any(isinstance(v.get(i), Unscored) for by_method in scores.values() for v in by_method.values()),
    }
    test = tests.get(wanted)
    return [i for i in ids if test is None or test(i)]


def in_order(ids: Sequence[str], order: Order, scores: Scores) -> list[str]:
    """Ids by their score, equal ones as they stood; unscored ones last."""
    found = scores.get(order.metric, {}).get(order.method, {})
    known = [(scored.value, i) for i in ids if isinstance(scored := found.get(i), Score)]
    known.sort(key=lambda pair: pair[0], reverse=order.highest)
    ranked = [i for _, i in known]
    return ranked + [i for i in ids if i not in set(ranked)]


def pieces(answer: str, reference: str) -> list[Piece]:
    """The answer cut into stretches of words that also stand in the reference, in the same order, and those that do not."""
    mine, theirs = re.findall(r"\s+|\w+|[^\w\s]", answer), re.findall(r"\s+|\w+|[^\w\s]", reference)
    matcher = difflib.SequenceMatcher(None, [t.lower() for t in mine], [t.lower() for t in theirs], autojunk=False)
    out: list[Piece] = []
    end = 0
    for block in matcher.get_matching_blocks():
        if block.a > end:
            out.append(Piece("".join(mine[end : block.a]), False))
        text = "".join(mine[block.a : block.a + block.size])
        if text:
            out.append(Piece(text, any(c.isalnum() for c in text)))
        end = block.a + block.size
    return out


def cards(
    report: Report, question: Question, answers: Answers, scores: Scores, latency: Latency, findings: Findings | None = None
) -> list[Card]:
    """One card for each method of the report, in its order.

    Args:
        latency: in seconds, by method and example id; may be empty.
        findings: what there is to say of each method's answer to this item.
    """
    found = [(_card(method, question, answers, scores, latency), (findings or {}).get(method["name"])) for method in report["methods"]]
    return [card if finding is None else _explained(card, finding) for card, finding in found]


def _explained(card: Card, finding: Finding) -> Card:
    names = {name for name, _ in finding.causes}
    came = "" if names & ABOUT_PASSAGES else RETRIEVED.get(finding.retrieved or "", "")
    if came and finding.used is not None:
        came += ", and was used" if finding.used else ", and was ignored"
    causes = [(CAUSES[name], why if name in TELLING else "") for name, why in finding.causes]
    return card._replace(causes=causes, passage=came, gold=finding.gold)


def _card(method: Mapping[str, Any], question: Question, answers: Answers, scores: Scores, latency: Latency) -> Card:
    name, label = method["name"], method_label(method)
    answer = answers.get(name, {}).get(question.id)
    if answer is None:
        failed = (method.get("failures") or {}).get(question.id)
        return Card(label, missing=str(failed or method.get("reason") or "No answer to this item."))
    mine = ((metric, by_method.get(name, {}).get(question.id)) for metric, by_method in scores.items())
    shown = [(metric_label(metric), number(scored)) for metric, scored in mine if scored is not None]
    seconds = latency.get(name, {}).get(question.id)
    return Card(
        label=label,
        facts=", ".join(_facts(answer, seconds)),
        cut=answer.finish_reason == "length",
        pieces=pieces(answer.text, question.reference),
        scores=shown,
        turns=[(m.role, m.content) for m in answer.prompt.messages],
        passages=list(answer.prompt.passages),
        demos=len(answer.prompt.demo_ids),
        basis=basis(answer.grounds),
    )


def _facts(answer: Answer, seconds: float | None) -> list[str]:
    tokens = [] if answer.finish_reason == "direct" else [f"{answer.prompt_tokens} + {answer.completion_tokens} tokens"]
    return tokens + ([duration(seconds)] if seconds is not None else [])


def number(scored: Scored) -> str:
    """A score with two digits, or why there is none."""
    return f"{scored.value:.2f}" if isinstance(scored, Score) else f"unscored ({scored.reason})"
