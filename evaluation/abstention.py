"""Does a method say that it doesn't know, and does it say so where it should?

Whether an item can be answered stands in the data: a column `answerable` (no, false, 0) or `unanswerable` (yes, true, 1; SQuAD 2.0's
`is_impossible` means the same, Rajpurkar et al. 2018), or a reference that is itself an abstention ("The handbook does not say").

An answer abstains where it says so in one of the phrases below (English, and the plainest ones of German, French, Spanish, Italian, Dutch
and Portuguese), and does not go on to answer all the same: "I'm not sure, but it is 45 litres" is an answer. The detector knows phrases,
not meaning; how often it is right is printed by `python -m benchmarks.labelled`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from core.records import Example, Score, Scored, Unscored
from evaluation.base import Item, MetricInfo, Resources, metrics
from evaluation.content import content_words, numbers, sentences
from evaluation.text import canonical

NO, YES = frozenset({"no", "false", "0", "0.0", "n", "nein"}), frozenset({"yes", "true", "1", "1.0", "y", "ja"})
ANSWERABLE, UNANSWERABLE = "answerable", frozenset({"unanswerable", "is_impossible", "impossible"})

_CANNOT = r"(?:can ?not|can't|could not|couldn't|am not able to|am unable to|is not able to|unable to|not possible to)"
_NOT_THERE = r"(?:mentioned|stated|specified|provided|given|included|covered|listed|described|found|available|known|clear|said|explained)"
_SOURCE = r"(?:text|passages?|context|documents?|handbook|manual|guide|information|notes?|article|source|page)"
_PHRASES = (
    r"\b(?:i|we) (?:really |honestly |just |simply )?(?:do not|don't|did not|didn't) (?:really |actually )?(?:know\b(?! (?:how|that|of) )|have (?:\w+ ){0,3}"
    r"(?:information|access|knowledge|data|details|answer|idea|capability|ability|context))",
    r"\b(?:i'm|i am|we are|we're) (?:\w+ )?(?:not (?:\w+ )?(?:sure|certain|familiar|aware|able)|unsure|unable|unfamiliar)\b",
    rf"\b(?:i|we) {_CANNOT} (?:\w+ )?(?:answer|say|tell|help|assist|find|provide|determine|give|comment|confirm|see|access|know|do that|comply)",
    rf"\b(?:it|this|that|the question|your question) {_CANNOT} be (?:answered|determined|known|said|found|inferred)",
    rf"\b{_CANNOT} be (?:answered|determined|inferred|found) (?:from|based|with|by|using)",
    rf"\b(?:is|are|was|were|it's) (?:not|nowhere|never) (?:\w+ )?{_NOT_THERE} (?:here|anywhere|(?:in|by|within|from|on) (?:\w+ )?{_SOURCE})\b",
    r"\b(?:is|are|was|were) (?:not|nowhere|never) (?:\w+ )?(?:mentioned|stated|specified|provided)\b",
    rf"\b{_SOURCE} (?:\w+ ){{0,3}}(?:do not|does not|don't|doesn't|did not|never|fails? to) (?:\w+ )?"
    r"(?:say|mention|state|specify|contain|provide|include|tell|give|cover|describe|list|answer|explain|have|indicate)",
    r"\b(?:lacks?|without|not|insufficient|isn't|no) (?:\w+ )?(?:enough|sufficient|clear|further|relevant|such|specific)? ?"
    r"(?:information|answer|context|details?|evidence|data)\b(?! (?:sheet|card|page|board))(?= |[.,;]|$)",
    r"\bno (?:\w+ )?(?:mention|information|indication|record|reference|details?) (?:of|about|on|that|regarding|for|in|is)\b",
    r"\b(?:as|i am|i'm) (?:just |only )?an? (?:\w+[- ]){0,2}(?:ai|chatbot|language model|assistant)\b",
    r"\b(?:i am|i'm|we are|we're) (?:just |only )?here to (?:help|assist)\b",
    r"\b(?:no idea|not a clue|unanswerable|beats me|your guess is as good as mine|(?:beyond|outside) my (?:knowledge|scope))\b",
    r"\b(?:need|require|provide|give|share)s? (?:\w+ ){0,3}(?:more|further|additional|a more \w+) (?:information|context|details?|description)",
    r"\bi (?:must|have to|will have to) (?:decline|refuse|pass)\b|\bi (?:decline|refuse) to\b|\bi (?:won't|will not) (?:answer|help|say)",
    r"\b(?:(?:ich|wir) (?:weiss|kann|können|wissen)|(?:weiss|wissen) (?:ich|wir)) (?:\w+ ){0,3}nicht\b",
    r"\bkeine (?:angabe|ahnung|information)|\bje ne (?:sais|peux) pas\b",
    r"\bno (?:lo )?sé\b|\bno (?:lo )?puedo (?:responder|decir)|\bnon (?:lo )?so\b|\b(?:ik )?weet (?:ik )?(?:het )?niet\b|\bnão sei\b",
)
_ABSTAINS = re.compile("|".join(_PHRASES))
_WHOLE = re.compile(
    r"(?:unknown|n/?a|not (?:known|available|applicable|stated|mentioned|specified|given|sure)|no answer|unanswerable|\?+|-+|unclear)[.! ]*"
)
_SORRY = re.compile(r"\b(?:sorry|apologi[sz]e|apologies|unfortunately|afraid|confusion|misunderstanding|regret)\b")
_YET = re.compile(
    r"(?:,|;|\.|—| -) *(?:but|however|though|still|yet|nevertheless|i (?:think|believe|guess|would say)|probably|maybe|my guess is)\b"
)
_GIVES = re.compile(r"\bhere(?:'s| is| are) (?:an?|the|my|your|one|what)\b|\bi(?:'ll| will| can) try to (?:rephrase|rewrite|answer)\b")
_OFFERS = re.compile(
    r"\b(?:i'm not|i am not|please|you (?:can|could|may|might|should|will)|feel free|let me know|i can|i'm here|i would|i'll|happy to|contact|ask|check|try|see)\b"
)


def abstains(answer: str) -> bool:
    """Whether an answer says that it gives none. An empty one says nothing and does not."""
    text = " ".join(canonical(answer).replace("’", "'").replace("‘", "'").split())
    if not text:
        return False
    if _WHOLE.fullmatch(text) or _only_sorry(text):
        return True
    found = _ABSTAINS.search(text)
    return found is not None and not _answers_after(text[found.end() :])


def _only_sorry(text: str) -> bool:
    return bool(_SORRY.search(text)) and not content_words(_SORRY.sub(" ", text)) and not numbers(text)


def _answers_after(rest: str) -> bool:
    """Whether it goes on to answer all the same: "..., but it is 45 litres". Offers of help and advice are no answer."""
    if _GIVES.search(rest):
        return True
    yet = _YET.search(rest)
    if yet is None:
        return False
    clause = next(iter(sentences(rest[yet.end() :].strip())), "")
    said = bool(numbers(clause)) or len(content_words(clause)) >= 2
    return said and not _ABSTAINS.search(clause) and not _OFFERS.search(clause) and not _SORRY.search(clause)


def is_answerable(example: Example) -> bool:
    """Whether the data hold an answer; see the module's docstring."""
    for column, value in example.columns.items():
        said = canonical(value).strip()
        if column.lower() == ANSWERABLE and said in NO | YES:
            return said in YES
        if column.lower() in UNANSWERABLE and said in NO | YES:
            return said in NO
    return bool(example.reference.strip()) and not abstains(example.reference)


def answerable_marks(examples: Sequence[Example]) -> dict[str, bool]:
    """For each example whether it is answerable; empty where the data mark none as unanswerable, since then there is nothing to find out."""
    marks = {example.id: is_answerable(example) for example in examples}
    return {} if all(marks.values()) else marks


@dataclass(frozen=True)
class Abstention:
    """1 where an answer abstains on an unanswerable item, or does not on an answerable one."""

    info: MetricInfo

    def score(self, items: Sequence[Item], resources: Resources) -> list[Scored]:
        return [self._one(item) for item in items]

    def _one(self, item: Item) -> Scored:
        if item.answerable is None:
            return Unscored("the data mark no item as unanswerable")
        silent = not item.prediction.strip() or abstains(item.prediction)
        return Score(float(silent != item.answerable))


metrics.add(
    "abstention",
    Abstention(
        MetricInfo(
            "abstention",
            "abstention accuracy",
            how="Share of items that are treated as they should be: an unanswerable one (column answerable: no, or a reference that says so) "
            "is declined or left empty, an answerable one is answered, rightly or not. Declining is told by phrases; no model reads the "
            "answer. After SQuAD 2.0 (Rajpurkar et al. 2018), where an empty answer is the right one to an unanswerable question.",
            needs=("answerable",),
            in_verdict=False,
            note="shown, decides nothing: a method that answers everything wrongly is right wherever there is an answer",
        )
    ),
)
