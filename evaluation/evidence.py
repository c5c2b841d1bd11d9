"""What did retrieval bring to one prompt: the ranking against its gold, and whether all, a part or nothing of what the answer needs is there.

Where the data name documents (`evaluation.gold`), those are the gold ids, and a passage stands for its document. Elsewhere the answer itself
is the one gold id, and every passage that holds it stands for it; that is known only of items whose reference stands in the documents.

- *hit*: a passage (of a named document, where some are named) holds the answer. Where the answer's words are not known to stand in the
  documents, or are a label: every named document is there.
- *partial*: a named document is there and it is no hit: another passage of it was found, or not all of several documents.
- *miss*: neither, though it is known what should be there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, NamedTuple

from core.records import Example, Passage
from evaluation.gold import is_gold, named_documents, same_document

Outcome = Literal["hit", "partial", "miss"]
OUTCOMES: tuple[Outcome, ...] = ("hit", "partial", "miss")
ANSWER = "\0answer"
"""The gold id where no document is named; no document has this name."""


class Evidence(NamedTuple):
    """One prompt's passages, best first.

    Attributes:
        ids: what stands at each rank: a named document's name as the data write it, `ANSWER`, or else the passage's document.
        gold: the ids that should stand there; empty where that is not known.
        answer: whether each passage holds the answer; None where the answer is not known to stand in the documents.
        outcome: None where it is not known what should be there.
    """

    ids: tuple[str, ...]
    gold: frozenset[str]
    answer: tuple[bool, ...] | None
    outcome: Outcome | None


def evidence(
    example: Example, passages: Sequence[Passage], known: bool, labels: Sequence[str] = (), *, by_document: bool = True
) -> Evidence:
    """Look at the passages of one prompt, best first.

    Args:
        known: the reference is known to stand in the documents.
        by_document: the data's gold columns name documents; False where they turned out to name something else.
    """
    example = example if by_document else replace(example, columns={})
    named = named_documents(example)
    marks = tuple(is_gold(passage, example, labels) for passage in passages)
    answer = marks if not labels and (known or any(marks)) else None
    if not named:
        gold = frozenset({ANSWER} if answer is not None else ())
        ids = tuple(ANSWER if mark else passage.document for passage, mark in zip(passages, marks, strict=True))
        return Evidence(ids, gold, answer, None if answer is None else "hit" if any(answer) else "miss")
    ids = tuple(_as_named(passage.document, named) for passage in passages)
    there = set(ids) & set(named)
    hit = any(answer) if answer is not None else there == set(named)
    return Evidence(ids, frozenset(named), answer, "hit" if hit else "partial" if there else "miss")


def _as_named(document: str, named: Sequence[str]) -> str:
    return next((name for name in named if same_document(name, document)), document)
