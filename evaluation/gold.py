"""The gold passage: the one that holds the reference. Was it retrieved, and did the answer use it?

Which passage is gold is taken from the data where they say so: a column `document` (or `source`, `passage`; several divided by ; or |)
names the document that the passage must come from. A passage *holds* a reference if

1. the reference's words stand in it in a row, in the normal form of `evaluation/text.py`, or
2. all of its numbers and at least 3/4 of its content words stand in it, where there are at least two of these together.

A short reference ("6 days") stands in many a passage by chance. So one of up to two words counts only where the passage also has a content
word of the question. Labels are no text to be found: there only a named document says which passage is gold.

*Retrieved* is yes where the prompt has a passage that holds the reference; no where it has none, but such a passage is known or the named
document is not among the prompt's; else unknown: the documents may not hold the reference, or word it differently. *Used* means that the
answer agrees with the reference, *ignored* that it does not, though the passage was there. These are the two questions that RAGChecker
(Ru et al. 2024, arXiv:2408.08067) asks of retriever and generator as claim recall and context utilisation, there with a model that judges
entailment, here by words.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import PurePosixPath
from typing import Literal

from core.records import Document, Example, Passage
from evaluation.accuracy import first_label, label_index
from evaluation.content import content_words, negated, numbers, statements
from evaluation.text import answer_tokens, canonical

Retrieval = Literal["yes", "no", "unknown"]

GOLD_COLUMNS = ("document", "documents", "gold_document", "gold_documents", "source", "sources", "passage", "passages")
HELD_SHARE = 0.75
AGREED_SHARE, AGREED_SHARE_WITH_NUMBERS = 0.6, 1 / 3
SHORT = 2
WINDOW_SENTENCES = 3


def named_documents(example: Example) -> tuple[str, ...]:
    """The documents that the example's columns name; empty where none does."""
    for column, value in example.columns.items():
        if column.lower() in GOLD_COLUMNS and value.strip():
            return tuple(name for name in _several(value.strip()) if name)
    return ()


def _several(value: str) -> Iterator[str]:
    if value.startswith("["):
        try:
            listed = json.loads(value)
        except ValueError:
            listed = [value]
        yield from (str(name).strip() for name in listed)
        return
    yield from (name.strip() for name in value.replace("|", ";").split(";"))


@lru_cache(maxsize=20_000)
def same_document(named: str, document: str) -> bool:
    """Whether a column's name means this document: its path, the end of either path, or its file's name without the ending."""
    wanted, there = PurePosixPath(canonical(named)).parts, PurePosixPath(canonical(document)).parts
    if not wanted:
        return False
    shorter = min(len(wanted), len(there))
    return wanted[-shorter:] == there[-shorter:] or (len(wanted) == 1 and wanted[0] == PurePosixPath(there[-1]).stem)


@lru_cache(maxsize=20_000)
def _padded(text: str) -> str:
    return f" {' '.join(answer_tokens(text))} "


def holds(text: str, reference: str, question: str = "") -> bool:
    """Whether a passage holds a reference; see the module's docstring."""
    inner = answer_tokens(reference)
    if not inner:
        return False
    if len(inner) <= SHORT and question and not _share_a_word(text, question):
        return False
    if f" {' '.join(inner)} " in _padded(text):
        return True
    asked, counted = set(content_words(reference)), set(numbers(reference))
    if len(asked) + len(counted) < 2 or not counted <= set(numbers(text)) or not asked:
        return False
    return len(asked & set(content_words(text))) >= HELD_SHARE * len(asked)


def _share_a_word(text: str, question: str) -> bool:
    asked = set(content_words(question))
    return not asked or not asked.isdisjoint(content_words(text))


def agrees(answer: str, reference: str, labels: Sequence[str] = ()) -> bool:
    """Whether the answer says what the reference says, in whatever form.

    With labels: the first label that it names is the right one. Else it has all of the reference's numbers and at least 0.6 of its content
    words (a third, where it has numbers), and either both deny something or neither does; a reference of stop words alone ("yes") must
    stand in it word for word.
    """
    if labels:
        place = label_index(reference, labels)
        return place is not None and first_label(answer, labels) == place
    if not answer.strip():
        return not reference.strip()
    wanted, counted = set(content_words(reference)), set(numbers(reference))
    if not wanted and not counted:
        return f" {' '.join(answer_tokens(reference))} " in _padded(answer)
    if not counted <= set(numbers(answer)) or negated(answer) != negated(reference):
        return False
    least = AGREED_SHARE_WITH_NUMBERS if counted else AGREED_SHARE
    return len(wanted & set(content_words(answer))) >= least * len(wanted)


def is_gold(passage: Passage, example: Example, labels: Sequence[str] = ()) -> bool:
    """Whether this is a passage that the answer can be taken from."""
    return _is_gold(passage, example, named_documents(example), labels)


def _is_gold(passage: Passage, example: Example, named: Sequence[str], labels: Sequence[str]) -> bool:
    if named and not any(same_document(name, passage.document) for name in named):
        return False
    return bool(named) if labels else holds(passage.text, example.reference, example.question)


def retrieved(example: Example, passages: Sequence[Passage], known: bool, labels: Sequence[str] = ()) -> Retrieval:
    """Whether the gold passage is among a prompt's.

    Args:
        known: such a passage is known to be in the documents.
    """
    if any(is_gold(passage, example, labels) for passage in passages):
        return "yes"
    named = named_documents(example)
    from_named = any(same_document(name, passage.document) for name in named for passage in passages)
    return "no" if known or (named and not from_named) else "unknown"


def windows(document: Document) -> Iterator[Passage]:
    """The document in overlapping pieces of three sentences, in which references are looked for."""
    spans, end = [], 0
    for sentence in statements(document.text):
        start = document.text.find(sentence, end)
        if start >= 0:
            end = start + len(sentence)
            spans.append((start, end))
    for first in range(max(1, len(spans) - WINDOW_SENTENCES + 1)) if spans else ():
        start, end = spans[first][0], spans[min(first + WINDOW_SENTENCES, len(spans)) - 1][1]
        yield Passage(f"{document.id}@{start}", document.id, document.text[start:end], start, end)


def known_in(examples: Iterable[Example], passages: Iterable[Passage], labels: Sequence[str] = ()) -> dict[str, list[Passage]]:
    """Example id to the passages among these that hold its reference; examples without one are absent."""
    pool = list(passages)
    by_token: dict[str, list[int]] = {}
    for place, passage in enumerate(() if labels else pool):
        for token in {*answer_tokens(passage.text), *content_words(passage.text), *numbers(passage.text)}:
            by_token.setdefault(token, []).append(place)
    found: dict[str, list[Passage]] = {}
    for example in examples:
        named = named_documents(example)
        nearby = (range(len(pool)) if named else ()) if labels else _nearby(example.reference, by_token)
        gold = [pool[place] for place in nearby if _is_gold(pool[place], example, named, labels)]
        if gold:
            found[example.id] = gold
    return found


def _nearby(reference: str, by_token: Mapping[str, Sequence[int]]) -> list[int]:
    """The places that may hold a reference: those with its rarest word, number, or enough of its rarest content words.

    A passage that holds it word for word has its rarest word; one that holds it otherwise has every number, and, lacking at most a quarter
    of the content words, at least one of any quarter and one more of them.
    """

    def rarest(tokens: Iterable[str], count: int = 1) -> list[str]:
        return sorted(set(tokens), key=lambda token: (len(by_token.get(token, ())), token))[:count]

    asked, counted = content_words(reference), numbers(reference)
    tokens = rarest(answer_tokens(reference))
    tokens += rarest(counted) if counted else rarest(asked, int((1 - HELD_SHARE) * len(set(asked))) + 1)
    return sorted({place for token in tokens for place in by_token.get(token, ())})
