"""How far down must one look? Recall and the rest at several k for each method of a plan that retrieves, without generating an answer.

Indexes are built, or taken from the store; nothing is trained, so fine-tunes with retrieval are left out: they search as `rag` with the same
settings does. What is measured is the search itself: whether a passage would fit the prompt plays no part.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from adapters.base import Method
from adapters.retrieved import PassageFinder
from comparison.artefacts import Artefact, obtain
from comparison.events import Progressed
from comparison.gold import MOST_CHARACTERS
from comparison.ready import Ready
from comparison.report import groups_of
from comparison.retrieval_report import measured
from comparison.store import Store
from core.errors import MethodError, PlanError, StoreError
from core.records import Document, Example, Passage
from evaluation.evidence import evidence
from evaluation.gold import known_in, named_documents, same_document, windows

Part = Literal["validation", "test"]
SEARCHED = frozenset({"index", "queries"})
"""Kinds of artefacts that a search needs; a method with others trains."""
K = (1, 2, 3, 5, 10, 20)


@dataclass(frozen=True)
class MethodRecall:
    """One method's measures at each k, as in a report's `retrieval`."""

    name: str
    by: Literal["document", "answer"]
    items: int
    measures: dict[str, Any]


def recall_sweep(store: Store, ready: Ready, part: Part = "test", ks: Sequence[int] = K) -> Iterator[Progressed | MethodRecall]:
    """Search for every question of a part with each method that only searches; yields how it goes, and each method's measures.

    Raises:
        PlanError: no method of the plan only searches.
        StoreError: the part has no items.
    """
    examples: Sequence[Example] = getattr(ready.dataset, part)
    if not examples:
        raise StoreError(f"The {part} part must hold at least one item; it has 0.", "Name the other part, or give it a share of the rows.")
    able = {name: method for name, method in ready.methods.items() if _searches(method, ready)}
    if not able:
        raise PlanError("A plan must hold at least one rag method to search with; got none.", "Add {kind: rag} to its methods.")
    documents, labels = ready.setting.documents, ready.dataset.labels
    by_document = names_documents(examples, documents)
    known = known_in(examples, _places(documents), labels)
    for name, method in able.items():
        finder = yield from _finder(store, ready, name, method)
        yield Progressed(name, "searching", 0, len(examples), "questions")
        found = finder.found(examples, max(ks))
        looked = {
            example.id: evidence(example, [one.passage for one in ranked], example.id in known, labels, by_document=by_document)
            for example, ranked in zip(examples, found, strict=True)
        }
        yield MethodRecall(name, "document" if by_document else "answer", len(examples), measured(looked, ks, groups_of(examples)))


def names_documents(examples: Sequence[Example], documents: Sequence[Document]) -> bool:
    """Whether the gold columns name documents that are there: at least one does."""
    names = {name for example in examples for name in named_documents(example)}
    return any(same_document(name, document.id) for name in names for document in documents)


def _places(documents: Sequence[Document]) -> Iterator[Passage]:
    """Where references are looked for; nowhere in documents that are too long for that, and then only what was found is known."""
    if sum(len(document.text) for document in documents) <= MOST_CHARACTERS:
        for document in documents:
            yield from windows(document)


def _searches(method: Method, ready: Ready) -> bool:
    kinds = {recipe.kind for recipe in method.recipes(ready.of(method).setting)}
    return "index" in kinds and kinds <= SEARCHED


def _finder(store: Store, ready: Ready, name: str, method: Method) -> Generator[Progressed, None, PassageFinder]:
    setting, artefacts = ready.of(method).setting, list[Artefact]()
    for recipe in method.recipes(setting):
        for step in obtain(store, recipe, [artefact.path for artefact in artefacts]):
            if isinstance(step, Artefact):
                artefacts.append(step)
            else:
                yield Progressed(name, step.stage, step.done, step.total, step.unit)
    finder = getattr(method.bind(setting, [artefact.path for artefact in artefacts]), "finder", None)
    if not isinstance(finder, PassageFinder):
        raise MethodError(f"{name} must say how it searches; it does not.", "Leave it out of the plan.")
    return finder
