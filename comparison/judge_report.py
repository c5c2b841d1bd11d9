"""What a report says of its judge beside the marks: who could not be marked, whether length pays, which answers talk to it, what people think.

Pure functions of scores, answers and votes; nothing is asked.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from comparison.votes import HumanMark
from core.records import Answer, Score, Scored, Unscored
from evaluation.agreement import spearman
from evaluation.certificate import with_people
from evaluation.judge import visible

JUDGE = "judge"
PREFIX = "Judge: "
NOT_TRUSTED = "not trusted: see its check"
INCOMPLETE_ABOVE = 0.02
Marks = Mapping[str, Mapping[str, Scored]]
Answers = Mapping[str, Mapping[str, Answer]]

TALK = re.compile(
    r"\b(?:ignore|disregard|forget|override)\b.{0,40}\b(?:rubric|instructions?|above|previous|rules?|prompt)\b"
    r"|\b(?:grade|score|mark|rating|rate|give)\b.{0,24}\b(?:[5-9]|10|perfect|full|best|highest|maximum)\b"
    r"|\[\[\s*(?:[AB]|\d+)\s*\]\]|\{\s*[\"'](?:score|grade|rating|verdict|winner)[\"']\s*:"
    r"|\[?[0-9a-f]{16} (?:answer|reference|question)\b|<\|?(?:im_end|im_start|eot_id|system|assistant)\b",
    re.IGNORECASE,
)


def talks_to_the_judge(answer: str) -> bool:
    """Whether an answer says something that only a judge would read: an order, a mark, our own delimiters, signs that nobody sees."""
    return bool(TALK.search(answer)) or visible(answer) != answer.replace("\r", "")


def pleading(answers: Answers) -> dict[str, int]:
    """How many answers of each method talk to the judge."""
    return {method: sum(talks_to_the_judge(answer.text) for answer in found.values()) for method, found in answers.items()}


def length(marks: Marks, answers: Answers) -> dict[str, Any]:
    """Spearman's correlation of mark and length over all marked answers, and the mean length of each method's, in words.

    A correlation is no proof: better answers may need more words. The certificate's slope tells the two apart.
    """
    pairs = [
        (float(len(answers[method][example].text.split())), scored.value)
        for method, found in marks.items()
        for example, scored in found.items()
        if isinstance(scored, Score) and example in answers.get(method, {})
    ]
    ranks = spearman([words for words, _ in pairs], [mark for _, mark in pairs])
    words = {method: [len(answer.text.split()) for answer in found.values()] for method, found in answers.items()}
    mean_words = {method: sum(counts) / len(counts) for method, counts in words.items() if counts}
    reason = "all marks, or all lengths, are alike" if ranks.value is None and ranks.n > 2 else ranks.reason
    return {"correlation": ranks.value, "n": ranks.n, "reason": reason, "mean_words": mean_words}


def asked(marks: Marks) -> dict[str, list[Scored]]:
    """Each method's marks but for items that it did not answer."""
    return {
        method: [s for s in found.values() if not (isinstance(s, Unscored) and s.reason.startswith("no answer: "))]
        for method, found in marks.items()
    }


def beside_people(said: Sequence[HumanMark], marks: Marks) -> list[tuple[float, float]]:
    """The judge's mark of an answer beside what people said of it: good enough, or else how often it was the better one."""
    pairs = []
    for human in said:
        value = human.wins if human.good_enough is None else human.good_enough
        scored = marks.get(human.method, {}).get(human.example_id)
        if value is not None and isinstance(scored, Score):
            pairs.append((scored.value, value))
    return pairs


def judge_notes(section: Mapping[str, Any], marks: Marks, answers: Answers) -> list[str]:
    """Sentences for the report's reader."""
    found, checked = [], section["certificate"]
    if not checked["trusted"] and checked.get("intervals"):
        found.append(f"its marks are shown and decide nothing, since {checked['reason']}.")
    if checked.get("family_warning"):
        found.append(checked["family_warning"])
    if section.get("scale_added"):
        found.append(f"the rubric names no marks, so a line was added: 1 is the worst, {section['scale']} the best.")
    scores = [scored for of_one in asked(marks).values() for scored in of_one]
    reasons = Counter(scored.reason.rstrip(".") for scored in scores if isinstance(scored, Unscored))
    if reasons.total() > INCOMPLETE_ABOVE * len(scores):
        share = f"{reasons.total()} of {len(scores)} answers have no mark, for one: {reasons.most_common(1)[0][0]}"
        found.append(f"the comparison by it is incomplete: {share}. Means use the items that all methods have.")
    talking = sum(pleading(answers).values())
    if talking:
        found.append(f"{talking} answers talk to the judge (a mark, an order, hidden signs); look at them before you believe their marks.")
    return [PREFIX + text for text in found]


def judge_fields(report: Mapping[str, Any], marks: Marks, answers: Answers, said: Sequence[HumanMark]) -> dict[str, Any]:
    """The report's `judge` with all this; where people's votes turn a trusted judge down, its metric and a verdict by it, too."""
    section = report.get("judge")
    if not section:
        return {}
    unscored = {method: sum(isinstance(s, Unscored) for s in found) for method, found in asked(marks).items()}
    total = sum(len(found) for found in asked(marks).values())
    incomplete = sum(unscored.values()) > INCOMPLETE_ABOVE * total
    before = section["certificate"]
    checked = with_people(before, beside_people(said, marks)) if before.get("intervals") else before
    more = {"unscored": unscored, "incomplete": incomplete, "length": length(marks, answers), "pleading": pleading(answers)}
    fields: dict[str, Any] = {"judge": {**section, **more, "certificate": checked}}
    return fields | (_turned_down(report, checked["reason"]) if before["trusted"] and not checked["trusted"] else {})


def _turned_down(report: Mapping[str, Any], reason: str) -> dict[str, Any]:
    known = dict(report["metrics"])
    known[JUDGE] = {**known[JUDGE], "in_verdict": False, "note": NOT_TRUSTED}
    if report["verdict"]["primary"] != JUDGE:
        return {"metrics": known}
    text = f"Cannot tell: the judge decided, and now {reason}. Score by another metric, or judge again."
    return {"metrics": known, "verdict": {"text": text, "best": None, "tied": [], "primary": JUDGE}}
