"""Test items that stand in the documents to retrieve from (E11): the question, or question and answer in a row, and where.

That a document holds an answer is what documents are for; a leak is a document that holds the question, since a retriever then finds the
very test item (arXiv:2508.13180 measured what search results that quote the test do to scores). So whole answers are counted apart, and
only what gives a question away is ever cut out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from core.dataset.leakage import Leaks, find_leaks, normalise
from core.dataset.nearness import Near
from core.dataset.paragraphs import Span, paragraphs
from core.records import Document, Example, Passage

Place = tuple[str, str]
"""A test item and a document."""


@dataclass(frozen=True)
class Planted:
    """What was found in the documents. Pairs are of a test item and a document.

    Attributes:
        places: the passages of a document that give a test item away, by (test item, document).
        answered: pairs of which such a passage holds the answer, too.
        answers: test items whose answer of at least 5 words stands in a document word for word.
    """

    leaks: Leaks
    places: dict[Place, tuple[Passage, ...]]
    answered: frozenset[Place]
    answers: tuple[str, ...]

    def spans(self) -> dict[str, list[Span]]:
        """What to cut out of which document."""
        found: dict[str, list[Span]] = {}
        for (_, document), passages in self.places.items():
            found.setdefault(document, []).extend((passage.start, passage.end) for passage in passages)
        return found

    def to_report(self) -> dict[str, Any]:
        """Like `Leaks.to_report`; `with_answer` counts pairs, `answers` test items."""
        return {**self.leaks.to_report(), "with_answer": len(self.answered), "answers": len(self.answers)}


def find_planted(test: Sequence[Example], documents: Sequence[Document], near: Sequence[tuple[Near, Passage]] | None = None) -> Planted:
    """Search documents for test items.

    Args:
        near: near duplicates by embedding with the paragraph that each was found in; None where they were not looked for.
    """
    texts = [(document.id, document.text) for document in documents]
    leaks = _search(test, texts)
    by_embedding: dict[Place, list[Passage]] = {}
    best: dict[Place, Near] = {}
    for pair, passage in near or ():
        place = pair.test, passage.document
        best.setdefault(place, Near(*place, pair.similarity))
        by_embedding.setdefault(place, []).append(passage)
    if near is not None:
        leaks = leaks.with_near(list(best.values()))
    places = _places(test, documents, leaks, by_embedding)
    references = {e.id: e.reference for e in test}
    answered = frozenset(place for place, passages in places.items() if _holds(passages, references[place[0]]))
    return Planted(leaks, places, answered, _answers(test, texts))


def _search(test: Sequence[Example], texts: Sequence[tuple[str, str]]) -> Leaks:
    """Questions, and runs of words over a question and its answer."""
    with_answers = [replace(e, instruction="", input=f"{e.question} {e.reference}") for e in test]
    return find_leaks(test, texts, contained=True).and_further(find_leaks(with_answers, texts))


def _places(
    test: Sequence[Example], documents: Sequence[Document], leaks: Leaks, by_embedding: Mapping[Place, Sequence[Passage]]
) -> dict[Place, tuple[Passage, ...]]:
    """For each pair the paragraphs that give the item away on their own; else two in a row that do together; else the whole document."""
    wanted = [(pair.test, pair.other) for _, pair, _ in leaks.everything()]
    guilty = {document for _, document in wanted}
    pages = {document.id: document for document in documents if document.id in guilty}
    pieces = {name: paragraphs(document) for name, document in pages.items()}
    found: dict[Place, dict[str, Passage]] = {place: {p.id: p for p in by_embedding.get(place, ())} for place in wanted}
    for several in (1, 2):
        missing = {place for place, passages in found.items() if not passages}
        rows = {f"{name}#{n}": each[n : n + several] for name, each in pieces.items() for n in range(len(each) - several + 1)}
        texts = [(key, pages[row[0].document].text[row[0].start : row[-1].end]) for key, row in rows.items()]
        for _, pair, _ in _search(test, texts if missing or several == 1 else []).everything():
            place = pair.test, rows[pair.other][0].document
            if place in (found if several == 1 else missing):
                found[place] |= {p.id: p for p in rows[pair.other]}
    whole = {name: Passage(name, name, document.text, 0, len(document.text)) for name, document in pages.items()}
    return {place: tuple(passages.values()) or (whole[place[1]],) for place, passages in found.items()}


def _holds(passages: Sequence[Passage], answer: str) -> bool:
    wanted = normalise(answer)
    return bool(wanted) and any(f" {wanted} " in f" {normalise(passage.text)} " for passage in passages)


def _answers(test: Sequence[Example], texts: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    asked = [replace(e, instruction="", input=e.reference) for e in test if e.reference]
    found = {pair.test for _, pair, _ in find_leaks(asked, texts, contained=True).everything()}
    return tuple(e.id for e in test if e.id in found)
