"""Which texts outside the test set give a test question away.

Three kinds, strictest first: the same text (exact), the same after normalising (normalised), or a shared run of 13 words (ngram; the
length that the GPT-3 paper's contamination study used, arXiv 2005.14165, appendix C). Whole documents are never the same as a question;
in them a question counts as normalised where all of its words stand in a row. Near duplicates by embedding are a fourth kind, found in
vectors by `nearness` and added by `Leaks.with_near`.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Literal, NamedTuple

from core.dataset.nearness import Near
from core.records import Example

Kind = Literal["exact", "normalised", "ngram"]
KINDS: tuple[Kind, ...] = ("exact", "normalised", "ngram")
NEAR = "embedding"
RUN = 13
LEAST_WORDS = 5
"""Shorter questions ("What is it?") stand in many a document by chance."""
COMMON_SHARE = 0.1
LISTED = 1_000

_SUM = re.compile(r"(?<=\d)\s*([-+*/])\s*(?=\d)")
_SIGNS = {"-": "\u2212", "+": "+", "*": "\u00d7", "/": "\u00f7"}


class _Punctuation(dict[int, int]):
    """For str.translate: punctuation to a space, anything else to itself; filled as characters are met."""

    def __missing__(self, code: int) -> int:
        self[code] = 32 if unicodedata.category(chr(code))[0] == "P" else code
        return self[code]


_PUNCTUATION = _Punctuation()


def normalise(text: str) -> str:
    """NFKC, case folded, punctuation gone, single spaces. The sign of a sum stays: "3 - 4" and "3/4" are different questions."""
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    text = _SUM.sub(lambda sign: _SIGNS[sign[1]], text)
    return " ".join(text.translate(_PUNCTUATION).split())


def asked(example: Example, instruction: str) -> str:
    """What tells an example's question from others: the input, and the instruction too unless it is the one that all share.

    Args:
        instruction: `Dataset.instruction`.
    """
    return example.question if example.instruction == instruction else f"{example.instruction}\n{example.input}".strip()


def compared_texts(examples: Sequence[Example], instruction: str) -> list[tuple[str, str]]:
    """Examples as (id, text), the form in which `find_leaks` takes them."""
    return [(example.id, asked(example, instruction)) for example in examples]


def same_item(one: Example, other: Example) -> bool:
    """Whether a demonstration would show the item itself: the same id, or the same question after normalising."""
    return one.id == other.id or (_key(one.question) == _key(other.question) and normalise(one.instruction) == normalise(other.instruction))


def _key(text: str) -> str:
    """Normalised; a text of nothing but punctuation stays as it is, since it would equal every other such text."""
    return normalise(text) or text


class Pair(NamedTuple):
    test: str
    other: str


class _Hits(NamedTuple):
    """A text and the ids of all test items that it gives away in one way. The ids are shared between equal texts."""

    other: str
    kind: Kind
    tests: tuple[str, ...]


@dataclass(frozen=True)
class Leaks:
    """What was found. Each pair of a test item and a text stands under its strictest kind only.

    Attributes:
        near: near duplicates by embedding, the nearest first; None where they were not looked for.
    """

    hits: tuple[_Hits, ...] = ()
    near: tuple[Near, ...] | None = None

    def with_near(self, pairs: Sequence[Near]) -> Leaks:
        """With near duplicates, but for pairs that are found as a stricter kind already."""
        known = {(test, hit.other) for hit in self.hits for test in hit.tests}
        return replace(self, near=tuple(pair for pair in pairs if (pair.test, pair.other) not in known))

    def and_further(self, others: Leaks) -> Leaks:
        """With the hits of another search, but for pairs that this one has found."""
        known = {(test, hit.other) for hit in self.hits for test in hit.tests}
        rest = (hit._replace(tests=tuple(t for t in hit.tests if (t, hit.other) not in known)) for hit in others.hits)
        return replace(self, hits=(*self.hits, *(hit for hit in rest if hit.tests)))

    def pairs(self, kind: Kind) -> Iterator[Pair]:
        return (Pair(test, hit.other) for hit in self.hits if hit.kind == kind for test in hit.tests)

    def count(self, kind: Kind) -> int:
        return sum(len(hit.tests) for hit in self.hits if hit.kind == kind)

    @property
    def words(self) -> str:
        """How many of each kind, for a sentence: "2 exact, 1 ngram"."""
        counts = [*((kind, self.count(kind)) for kind in KINDS), (NEAR, len(self.near or ()))]
        return ", ".join(f"{count} {kind}" for kind, count in counts if count)

    def others(self) -> set[str]:
        """Ids of the texts that must be kept away from the models. Near duplicates are not among them."""
        return {hit.other for hit in self.hits}

    def everything(self) -> Iterator[tuple[str, Pair, float | None]]:
        """Every pair with its kind, strictest first, and its similarity where it is near."""
        for kind in KINDS:
            yield from ((kind, pair, None) for pair in self.pairs(kind))
        yield from ((NEAR, Pair(near.test, near.other), near.similarity) for near in self.near or ())

    def to_report(self) -> dict[str, Any]:
        """Counts by kind, and at most 1,000 pairs of each under `items`; None for what was not looked for."""
        items = {kind: [pair._asdict() for pair in islice(self.pairs(kind), LISTED)] for kind in KINDS}
        near = [pair._asdict() for pair in (self.near or ())[:LISTED]]
        counts: dict[str, Any] = {kind: self.count(kind) for kind in KINDS}
        return {**counts, NEAR: None if self.near is None else len(self.near), "items": {**items, NEAR: near}}


def find_leaks(
    test: Sequence[Example], texts: Sequence[tuple[str, str]], instruction: str | None = None, *, contained: bool = False
) -> Leaks:
    """All pairs of a test item and a text that gives its question away. Linear in the length of the texts.

    A run of words that stands in over a tenth of the test questions (and in more than two) is a template's wording and no leak.

    Args:
        texts: (id, text) of training rows, demonstrations (see `compared_texts`) or passages.
        instruction: `Dataset.instruction`, for texts from `compared_texts`; None compares with the bare questions.
        contained: count a question of at least 5 words as normalised wherever it stands within a text; for whole documents.
    """
    index = _Index([(e.id, e.question if instruction is None else asked(e, instruction)) for e in test])
    found: dict[str, list[tuple[Kind, tuple[str, ...]]]] = {}
    hits: list[_Hits] = []
    for other, text in texts:
        if text not in found:
            found[text] = index.look_up(text, contained)
        hits += [_Hits(other, kind, tests) for kind, tests in found[text]]
    return Leaks(tuple(hits))


class _Index:
    """The test questions, by text, by normalised text and by run of words."""

    def __init__(self, questions: Sequence[tuple[str, str]]) -> None:
        self.exact: dict[str, list[str]] = {}
        self.normalised: dict[str, list[str]] = {}
        self.starts: dict[str, list[tuple[list[str], str]]] = {}
        runs: dict[str, list[str]] = {}
        for name, text in questions:
            plain = _key(text)
            self.exact.setdefault(text, []).append(name)
            self.normalised.setdefault(plain, []).append(name)
            words = plain.split()
            if len(words) >= LEAST_WORDS:
                self.starts.setdefault(" ".join(words[:LEAST_WORDS]), []).append((words, name))
            for run in set(_runs(words)):
                runs.setdefault(run, []).append(name)
        common = max(2, int(COMMON_SHARE * len(questions)))
        self.runs = {run: names for run, names in runs.items() if len(names) <= common}
        self.words = {word for run in self.runs for word in run.split(" ")}

    def look_up(self, text: str, contained: bool) -> list[tuple[Kind, tuple[str, ...]]]:
        plain = _key(text)
        within = self._within(plain.split(" ")) if contained else ()
        taken: set[str] = set()
        found: list[tuple[Kind, tuple[str, ...]]] = []
        by_run = Counter(name for run in self._known_runs(plain.split(" ")) for name in self.runs[run])
        candidates: list[tuple[Kind, Sequence[str]]] = [
            ("exact", self.exact.get(text, ())),
            ("normalised", list(dict.fromkeys([*self.normalised.get(plain, ()), *within]))),
            ("ngram", list(by_run)),
        ]
        for kind, names in candidates:
            tests = tuple(name for name in names if name not in taken)
            taken.update(tests)
            if tests:
                found.append((kind, tests))
        return found

    def _within(self, words: list[str]) -> Iterator[str]:
        """Test items whose words stand in the text in a row."""
        for place in range(len(words) - LEAST_WORDS + 1):
            for question, name in self.starts.get(" ".join(words[place : place + LEAST_WORDS]), ()):
                if words[place : place + len(question)] == question:
                    yield name

    def _known_runs(self, words: list[str]) -> Iterator[str]:
        """Runs of the text that a test question has too. Most words are in no question, and no run crosses them."""
        known = 0
        for place, word in enumerate(words):
            known = known + 1 if word in self.words else 0
            if known >= RUN:
                run = " ".join(words[place - RUN + 1 : place + 1])
                if run in self.runs:
                    yield run


def _runs(words: Sequence[str]) -> Iterator[str]:
    return (" ".join(words[start : start + RUN]) for start in range(len(words) - RUN + 1))
