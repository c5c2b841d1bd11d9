"""Which test items' references stand in the documents: worked out once when a comparison starts, and kept in `gold.json`.

Afterwards the documents may be gone, or the result far away; a report must still be able to tell a retriever that missed from documents that
do not hold the answer.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from core.files import write_json
from core.records import Answer, Document, Example, Passage
from evaluation.content import content_words
from evaluation.gold import known_in, windows

GOLD = "gold.json"
MOST_CHARACTERS = 2_000_000
"""Beyond that, looking would take longer than a quarter of a minute; then only passages that some prompt held are known."""
SPOTS = 5


def write_gold(folder: Path, examples: Sequence[Example], documents: Sequence[Document], labels: Sequence[str]) -> None:
    """Keep where each reference stands: {example id: [{document, start, end}]}, at most five places each. Done once."""
    path = folder / GOLD
    if path.exists() or not documents or sum(len(document.text) for document in documents) > MOST_CHARACTERS:
        return
    found = known_in(examples, (window for document in documents for window in windows(document)), labels)
    write_json(path, {i: [{"document": w.document, "start": w.start, "end": w.end} for w in places[:SPOTS]] for i, places in found.items()})


def holding(examples: Sequence[Example], passages: Sequence[Passage], labels: Sequence[str]) -> dict[str, list[Passage]]:
    """Example id to the passages that hold its reference, the nearest to its question first, then in their order; others are absent."""
    asked = {example.id: set(content_words(example.question)) for example in examples}

    def shared(name: str, passage: Passage) -> int:
        return len(asked[name] & set(content_words(passage.text)))

    known = known_in(examples, passages, labels)
    return {name: sorted(found, key=lambda passage, i=name: -shared(i, passage)) for name, found in known.items()}  # type: ignore[misc]


def read_gold(folder: Path) -> frozenset[str] | None:
    """Ids of the items whose reference stands in the documents; None where that was not kept."""
    path = folder / GOLD
    if not path.exists():
        return None
    places: Mapping[str, object] = json.loads(path.read_text(encoding="utf-8"))
    return frozenset(places)


def seen_in_prompts(examples: Sequence[Example], answers: Mapping[str, Mapping[str, Answer]], labels: Sequence[str]) -> frozenset[str]:
    """The same from the passages that any method's prompts held: fewer than there are, for results without `gold.json`."""
    pool = {
        found.passage.id + found.passage.text: found.passage
        for of_one in answers.values()
        for a in of_one.values()
        for found in a.prompt.passages
    }
    return frozenset(known_in(examples, pool.values(), labels))
