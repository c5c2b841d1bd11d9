"""The general probe: 168 short items that have nothing to do with anybody's task, each with a rule that a program can check.

Four kinds of 42: facts, arithmetic, instruction following, language. All were written for this project, in `evaluation/probe/`, one file a kind,
easy enough that a model of 135 million parameters gets a fair share of them right. No item was chosen or dropped by what a tuned model answers.
`text.md` beside them is the general text whose perplexity is measured; it was written for this project, too.

A rule is strict about what was asked and lenient about the rest: a fact may stand within a sentence, the last number of an answer counts,
and how an answer is to be laid out is checked only where the question says so.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import Field

from core.fingerprint import fingerprint
from core.specs import Spec, read_spec
from evaluation.text import words

FOLDER = Path(__file__).parent / "probe"
KINDS = ("facts", "arithmetic", "instructions", "language")
TEXT = "text.md"
KIND_WORDS = {"facts": "Facts", "arithmetic": "Arithmetic", "instructions": "Instruction following", "language": "Language"}

_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:,\d{3})*(?:\.\d+)?")
_SENTENCE = re.compile(r"[.!?]+(?=\s|$)")
_LIST_MARK = re.compile(r"^\s*(?:[-*•]|\d+[.)])\s*")
_SPELLED = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]


class ProbeItem(Spec):
    """A question, and what its answer must fulfil: all of the conditions that are given. Words are compared without case and punctuation."""

    id: str = Field(min_length=1, description="Unique among all items.")
    question: str = Field(min_length=1, description="The whole prompt.")
    accept: tuple[str, ...] = Field((), description="One of these must stand in the answer, as whole words.")
    accept_all: tuple[str, ...] = Field((), description="All of these must, as whole words.")
    reject: tuple[str, ...] = Field((), description="None of these may, as whole words.")
    says: tuple[str, ...] = Field((), description="The answer's words must be just one of these.")
    number: float | None = Field(None, description="The answer's last number; without digits, its last number word up to twelve.")
    contains: tuple[str, ...] = Field((), description="One of these must stand in the answer, letter for letter.")
    starts: tuple[str, ...] = Field((), description="It must begin with one of these, letter for letter.")
    ends: tuple[str, ...] = Field((), description="It must end with one of these; a full stop behind it does not count.")
    words: tuple[int, int] | None = Field(None, description="Least and most words.")
    lines: int | None = Field(None, description="How many lines with text.")
    sentences: int | None = Field(None, description="How many sentences.")
    entries: int | None = Field(None, description="How many entries a list must have, all different, each one of `each`.")
    separator: Literal["\n", ","] = Field("\n", description="What stands between entries.")
    each: tuple[str, ...] = Field((), description="The entries that are possible.")
    case: Literal["upper", "lower"] | None = Field(None, description="All letters must be of this case.")
    json_object: dict[str, Any] | None = Field(None, description="The answer must be this JSON object.")
    sample: str = Field(description="An answer that is right.")
    wrong: str = Field(description="An answer that is wrong.")

    def accepts(self, answer: str) -> bool:
        """Whether the answer fulfils all conditions."""
        text, said = answer.strip(), words(answer)
        return bool(text) and self._words_fit(said) and self._looks_fit(text) and self._shape_fits(text, said)

    def _words_fit(self, said: Sequence[str]) -> bool:
        return (
            (not self.accept or any(_within(wanted, said) for wanted in self.accept))
            and all(_within(wanted, said) for wanted in self.accept_all)
            and not any(_within(banned, said) for banned in self.reject)
            and (not self.says or any(words(whole) == said for whole in self.says))
        )

    def _looks_fit(self, text: str) -> bool:
        return (
            (self.number is None or last_number(text) == self.number)
            and (not self.contains or any(part in text for part in self.contains))
            and (not self.starts or text.startswith(self.starts))
            and (not self.ends or text.endswith(self.ends) or text.rstrip(".!\"' ").endswith(self.ends))
            and (self.case is None or text == (text.upper() if self.case == "upper" else text.lower()))
            and (self.json_object is None or _json(text) == self.json_object)
        )

    def _shape_fits(self, text: str, said: Sequence[str]) -> bool:
        return (
            (self.words is None or self.words[0] <= len(said) <= self.words[1])
            and (self.lines is None or len(_lines(text)) == self.lines)
            and (self.sentences is None or len(_SENTENCE.findall(text)) == self.sentences)
            and (self.entries is None or self._entries_fit(text))
        )

    def _entries_fit(self, text: str) -> bool:
        parts = _lines(text) if self.separator == "\n" else text.split(self.separator)
        found = [" ".join(words(_LIST_MARK.sub("", part))) for part in parts]
        return len(found) == self.entries == len(set(found)) and set(found) <= set(self.each)


def _within(wanted: str, said: Sequence[str]) -> bool:
    run = words(wanted)
    return any(list(said[start : start + len(run)]) == run for start in range(len(said) - len(run) + 1))


def _lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip()]


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def last_number(text: str) -> float | None:
    """The last number of a text; where it has no digits, the last number word."""
    found = _NUMBER.findall(text)
    if found:
        return float(found[-1].replace(",", ""))
    spelled = [word for word in words(text) if word in _SPELLED]
    return float(_SPELLED.index(spelled[-1])) if spelled else None


class ProbeSet(NamedTuple):
    """The items by kind, the general text, and a hash of both: scores under different hashes are of different probes."""

    kinds: dict[str, tuple[ProbeItem, ...]]
    text: str
    fingerprint: str

    def items(self) -> Iterator[tuple[str, ProbeItem]]:
        """(kind, item), kind after kind."""
        return ((kind, item) for kind, items in self.kinds.items() for item in items)


@cache
def probe_set() -> ProbeSet:
    """The probe as it lies in `evaluation/probe/`.

    Raises:
        PlanError: an item is not written as `ProbeItem` says.
    """
    kinds = {kind: tuple(_read(kind)) for kind in KINDS}
    text = (FOLDER / TEXT).read_text(encoding="utf-8")
    contents = [[kind, item.model_dump(mode="json")] for kind, items in kinds.items() for item in items]
    return ProbeSet(kinds, text, fingerprint([contents, text]))


def _read(kind: str) -> Iterator[ProbeItem]:
    for line in (FOLDER / f"{kind}.jsonl").read_text(encoding="utf-8").splitlines():
        if line.strip():
            yield read_spec(ProbeItem, json.loads(line), kind)
