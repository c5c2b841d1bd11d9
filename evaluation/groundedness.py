"""How much of an answer stands in the passages that it was given?

Three shares, each of the things that the answer itself brings in; what the question already says is given and counts neither way:

    supported_statements = statements that a passage supports / statements of the answer
    supported_numbers    = numbers that stand in a passage    / numbers of the answer
    supported_names      = names that stand in a passage      / names of the answer

A statement (a sentence) is supported where two neighbouring sentences of one passage have all of its numbers and codes and at least 0.7 of
its content words, and the one of them that shares most words with it has a "not" where the statement has one, and none where it has none.

The idea is that of faithfulness in RAGAS (Es et al. 2023, arXiv:2309.15217: statements inferred from the context / all statements) and of
QAGS and ALCE's citation recall (Wang et al. 2020, arXiv:2004.04228; Gao et al. 2023, arXiv:2305.14627). Those ask a language model or an
entailment model whether the context says so. Ours compares words: it is exact about numbers and names, cheap and the same every time, but
takes a paraphrase for unsupported and cannot see that the words of a passage were put together wrongly.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from core.records import Score, Scored, Unscored
from evaluation.base import Item, MetricInfo, Resources, metrics
from evaluation.content import NEGATIONS, content_words, names, negated, numbers, sentences, stands_in, statements

SUPPORTED_SHARE = 0.7


def claimed_statements(answer: str, question: str) -> list[str]:
    """The statements of an answer that say more than the question does."""
    asked, counted = set(content_words(question)), set(numbers(question))
    return [s for s in statements(answer) if set(content_words(s)) - asked or set(numbers(s)) - counted]


def claimed_numbers(answer: str, question: str) -> list[str]:
    given = set(numbers(question))
    return [number for number in dict.fromkeys(numbers(answer)) if number not in given]


def claimed_names(answer: str, question: str) -> list[str]:
    return [name for name in names(answer) if not stands_in(name, question)]


def supports(passage: str, statement: str, question: str = "") -> bool:
    """Whether two neighbouring sentences of a passage support a statement; see the module's docstring."""
    claimed = set(content_words(statement)) - set(content_words(question)) - NEGATIONS
    counted = set(numbers(statement)) - set(numbers(question))
    codes = {word for word in claimed if any(char.isdecimal() for char in word)}
    found = sentences(passage)
    for place in range(max(1, len(found) - 1)):
        near = found[place : place + 2]
        there, figures = set(content_words(" ".join(near))), set(numbers(" ".join(near)))
        enough = len(claimed & there) >= SUPPORTED_SHARE * len(claimed)
        if enough and codes <= there and counted <= figures and negated(statement) == negated(_nearest(near, statement)):
            return True
    return False


def _nearest(among: Sequence[str], statement: str) -> str:
    """The sentence that shares most words with the statement; of equal ones the shorter."""
    wanted = {*content_words(statement), *numbers(statement)}
    return max(among, key=lambda s: (len(wanted & {*content_words(s), *numbers(s)}), -len(s)), default="")


def statement_is_supported(statement: str, passages: Sequence[str], question: str) -> bool:
    return any(supports(passage, statement, question) for passage in passages)


def number_is_supported(number: str, passages: Sequence[str], question: str = "") -> bool:
    return any(number in numbers(passage) for passage in passages)


def name_is_supported(name: str, passages: Sequence[str], question: str = "") -> bool:
    return any(stands_in(name, passage) for passage in passages)


Claims = Callable[[str, str], list[str]]
Check = Callable[[str, Sequence[str], str], bool]


@dataclass(frozen=True)
class Supported:
    """The share of an answer's claims of one sort that its passages support."""

    info: MetricInfo
    what: str
    claims: Claims = field(repr=False)
    check: Check = field(repr=False)

    def score(self, items: Sequence[Item], resources: Resources) -> list[Scored]:
        return [self._one(item) for item in items]

    def _one(self, item: Item) -> Scored:
        if not item.passages:
            return Unscored("no passages were given with the question")
        found = self.claims(item.prediction, item.question)
        if not found:
            return Unscored(f"the answer has no {self.what} of its own")
        return Score(sum(self.check(claim, item.passages, item.question) for claim in found) / len(found))


GIVEN = "What the question says itself counts neither way, and an answer without any is left out. By words, without an entailment model"
SUPPORT: dict[str, Supported] = {}


def _register(name: str, label: str, how: str, what: str, claims: Claims, check: Check) -> None:
    info = MetricInfo(name, label, how=how, needs=("passages",), in_verdict=False, note="shown, decides nothing")
    SUPPORT[name] = Supported(info, what, claims, check)
    metrics.add(name, SUPPORT[name])


_register(
    "supported_statements",
    "share of statements that a passage supports",
    "Sentences of the answer of which two neighbouring sentences of a passage have all numbers and at least 0.7 of the content words, and "
    f"which are negated alike, divided by all of its sentences. {GIVEN}; the idea is RAGAS's faithfulness (Es et al. 2023) and ALCE's "
    "citation recall (Gao et al. 2023).",
    "statement",
    claimed_statements,
    statement_is_supported,
)
_register(
    "supported_numbers",
    "share of numbers that stand in a passage",
    "Numbers of the answer that stand in a passage, divided by all of its numbers; 1,200 and 1200 are one, three and 3 are one. "
    f"{GIVEN}; compare QAGS (Wang et al. 2020).",
    "number",
    claimed_numbers,
    number_is_supported,
)
_register(
    "supported_names",
    "share of names that stand in a passage",
    "Names of the answer (runs of capitalised words, words in capitals, codes) that stand in a passage, divided by all of its names. "
    f"{GIVEN}; compare QAGS (Wang et al. 2020).",
    "name",
    claimed_names,
    name_is_supported,
)
