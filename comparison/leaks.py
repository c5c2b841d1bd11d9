"""What gives test items away, and where: the report's `leakage`, and `leaks.json` beside it, which has the texts.

Three places: `train` (training and validation rows), `demonstrations` (the rows that few-shot draws on) and `index` (the documents). Rows of
the three strict kinds are taken out of training before anything else, near ones and what stands in the documents only where the plan says
so (`data.near_duplicates: drop`, `knowledge.drop_leaks: true`); all are counted and listed. The texts stay in a file of their own, since a
report travels and may be shared without rows.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from comparison.near import Nearness
from core.dataset import Dataset, Leaks, Near, Planted, compared_texts, find_leaks, find_planted
from core.dataset.leakage import LISTED, NEAR
from core.errors import ModelError
from core.files import write_json
from core.records import Document, Example

FILE = "leaks.json"
CLIPPED = 600
"""Characters of a text that are kept for showing."""


@dataclass(frozen=True)
class Guarded:
    """What was found.

    Attributes:
        leakage: the report's section.
        near: {from, embedder, rows, documents, reason}: the threshold, what was done about near rows and about documents that
            give items away, and why near duplicates were not looked for, or None.
        pairs: what was found, with texts, in the form of `leaks.json`.
        given_away: by place, the test items that something still gives away; `found`: those of all pairs.
        notes: sentences for the report.
    """

    leakage: dict[str, Any]
    near: dict[str, Any]
    pairs: list[dict[str, Any]] = field(default_factory=list)
    given_away: dict[str, list[str]] = field(default_factory=dict)
    found: dict[str, list[str]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


class InDocuments(NamedTuple):
    """What was found in the documents as they were read, and why near duplicates were not looked for there, or None."""

    planted: Planted
    reason: str | None


def in_documents(dataset: Dataset, documents: Sequence[Document], nearness: Nearness) -> InDocuments:
    """Test items in the documents; without an embedder only the kinds that need none."""
    try:
        near = nearness.passages([(e.id, e.question) for e in dataset.test], documents) if documents else []
    except ModelError as error:
        return InDocuments(find_planted(dataset.test, documents), str(error))
    return InDocuments(find_planted(dataset.test, documents, near), None)


def guarded(dataset: Dataset, documents: InDocuments, nearness: Nearness, *, drop_rows: bool, cut_documents: bool) -> Guarded:
    """Everything on the leaks of a data set and its documents.

    Args:
        drop_rows: near rows were taken out of `dataset` already.
        cut_documents: so was what gives items away from the documents.
    """
    planted, reason, rows = documents.planted, documents.reason, None
    if not drop_rows:
        try:
            rows = nearness.rows(*_sides(dataset))
        except ModelError as error:
            reason = str(error)
    train, demonstrations = _rows_entry(dataset, rows), _demonstrations(dataset, rows, drop_rows)
    leakage = {"train": train, "demonstrations": demonstrations.to_report(), "index": planted.to_report()}
    pairs = [*_row_pairs(dataset, train, demonstrations, drop_rows), *_document_pairs(planted, cut_documents)]
    still = [pair for pair in pairs if not pair["gone"]]
    settings = {"from": nearness.at_least, "embedder": nearness.vectors.key, "reason": reason}
    settings |= {"rows": "drop" if drop_rows else "keep", "documents": "cut" if cut_documents else "keep"}
    notes = tuple(_notes(train, planted, reason, drop_rows, cut_documents))
    return Guarded(leakage, settings, pairs, _tests(still), _tests(pairs), notes)


def to_embed(dataset: Dataset, documents: Sequence[Document], nearness: Nearness) -> int:
    """How many texts have to be embedded before anything can be said of near duplicates; 0 where their vectors are there."""
    return nearness.unknown(*_sides(dataset), documents)


def write_leaks(folder: Path, found: Guarded) -> None:
    """`leaks.json` of a comparison's folder: at most 1,000 pairs of each kind and place."""
    seen: Counter[tuple[str, str]] = Counter()
    listed = []
    for pair in found.pairs:
        seen[(pair["place"], pair["kind"])] += 1
        if seen[(pair["place"], pair["kind"])] <= LISTED:
            listed.append(pair)
    write_json(folder / FILE, {"near": found.near, "given_away": found.given_away, "found": found.found, "pairs": listed})


def read_leaks(folder: Path, report: Mapping[str, Any]) -> dict[str, Any]:
    """What `write_leaks` kept; for a comparison of before there was such a file, the same from its report, without texts."""
    path = folder / FILE
    if path.exists():
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return found
    pairs = [
        {"place": place, "kind": kind, "text": "", "reference": "", "similarity": None, **pair, "gone": place == "train" and kind != NEAR}
        for place, entry in report["data"]["leakage"].items()
        for kind, rows in (entry.get("items") or {}).items()
        for pair in rows
    ]
    still = [pair for pair in pairs if not pair["gone"]]
    return {"near": report["data"].get("near_duplicates") or {}, "given_away": _tests(still), "found": _tests(pairs), "pairs": pairs}


def _sides(dataset: Dataset) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    rows = [*dataset.train, *dataset.validation]
    return compared_texts(dataset.test, dataset.instruction), compared_texts(rows, dataset.instruction)


def _rows_entry(dataset: Dataset, rows: Sequence[Near] | None) -> dict[str, Any]:
    """The strict kinds were counted and taken out while loading; near rows too where the plan wants that."""
    entry = dict(dataset.leakage["train"])
    if rows is not None:
        near = [pair._asdict() for pair in rows[:LISTED]]
        entry |= {NEAR: len(rows), "items": {**entry["items"], NEAR: near}}
    return entry


def _demonstrations(dataset: Dataset, rows: Sequence[Near] | None, dropped: bool) -> Leaks:
    """What is left in the rows that demonstrations are drawn from: nothing of the strict kinds, if loading did its work."""
    left = find_leaks(dataset.test, compared_texts(dataset.train, dataset.instruction), dataset.instruction)
    if rows is None and not dropped:
        return left
    train = {e.id for e in dataset.train}
    return left.with_near([pair for pair in rows or () if pair.other in train])


def _row_pairs(dataset: Dataset, train: Mapping[str, Any], demonstrations: Leaks, dropped: bool) -> Iterator[dict[str, Any]]:
    known = {e.id: e for e in [*dataset.train, *dataset.validation, *dataset.taken_out]}
    for kind, found in train["items"].items():
        for pair in found:
            yield _pair("train", kind, pair["test"], pair.get("similarity"), known.get(pair["other"]), gone=kind != NEAR or dropped)
    for kind, both, similarity in demonstrations.everything():
        yield _pair("demonstrations", kind, both.test, similarity, known.get(both.other), gone=False)


def _pair(place: str, kind: str, test: str, similarity: float | None, row: Example | None, *, gone: bool) -> dict[str, Any]:
    text, reference = (row.question[:CLIPPED], row.reference[:CLIPPED]) if row else ("", "")
    other = row.id if row else ""
    return {
        "place": place, "kind": kind, "test": test, "other": other, "similarity": similarity, "text": text, "reference": reference, "gone": gone,
    }  # fmt: skip


def _document_pairs(found: Planted, cut: bool) -> Iterator[dict[str, Any]]:
    for kind, pair, similarity in found.leaks.everything():
        passages = found.places[(pair.test, pair.other)]
        text = "\n\n".join(passage.text for passage in passages)[:CLIPPED]
        yield {
            "place": "index", "kind": kind, "test": pair.test, "other": pair.other, "similarity": similarity, "text": text,
            "reference": "", "answer": (pair.test, pair.other) in found.answered, "gone": cut,
        }  # fmt: skip


def _tests(pairs: Iterable[Mapping[str, Any]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for pair in pairs:
        found.setdefault(pair["place"], []).append(pair["test"])
    return {place: sorted(set(tests)) for place, tests in found.items()}


def _notes(train: Mapping[str, Any], found: Planted, reason: str | None, dropped: bool, cut: bool) -> Iterator[str]:
    if reason:
        yield f"Near duplicates by embedding were not looked for: {reason}"
    rows = len({pair["other"] for pair in train["items"][NEAR]}) if train.get(NEAR) else 0
    if rows and dropped:
        one = rows == 1
        yield f"{rows} training {'row' if one else 'rows'} that an embedder finds near a test item {'was' if one else 'were'} taken out."
    elif rows:
        yield f"Training rows near test items by embedding, which stay: {rows}; data.near_duplicates: drop takes them out."
    tests = len({pair.test for _, pair, _ in found.leaks.everything()})
    if tests and cut:
        yield f"What gives {tests} of the test items away was cut out of the documents."
    elif tests:
        yield f"Test items that stand in the documents to retrieve from, which stay: {tests}; knowledge.drop_leaks: true cuts them out."
