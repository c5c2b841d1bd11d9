"""Which training rows to leave out, and why: pure rules over texts, numbers and vectors. Nothing is deleted; a rule that is taken back brings its rows back.

near_duplicates   asks nearly the same as a row before it, and has the same answer (Lee et al. 2022, arXiv:2107.06499)
empty             nothing is asked, or the answer has neither a letter nor a digit
too_long          the answer is longer than what may be written when answering, so the model would learn answers that are then cut
already_right     the untuned model gives this answer already
noisy             the row's loss lies far above that of the others: mislabelled rows are learnt last and keep a high loss
                  (Arpit et al. 2017, arXiv:1706.05394; Han et al. 2018, arXiv:1804.06872; Swayamdipta et al. 2020, arXiv:2009.10795)
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from core.dataset.leakage import normalise
from core.dataset.nearness import near_pairs
from core.records import Example

if TYPE_CHECKING:
    import numpy as np

FilterName = Literal["near_duplicates", "empty", "too_long", "already_right", "noisy"]
ORDER: tuple[FilterName, ...] = ("empty", "too_long", "near_duplicates", "noisy", "already_right")
"""Cheap and certain ones first; each sees only the rows that those before it have kept."""
FAR = 3.5
FEWEST = 12
"""With fewer rows a median says too little of what is far from it."""


@dataclass(frozen=True)
class Dropped:
    """A row that is left out.

    Attributes:
        filter: which rule.
        reason: in words, without the row's texts.
        other: id of the row that it repeats, or "".
    """

    id: str
    filter: str
    reason: str
    other: str = ""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def empty_rows(examples: Iterable[Example], labels: Sequence[str] = ()) -> list[Dropped]:
    """Rows that ask nothing or answer nothing. A label may consist of signs alone."""
    found = []
    for example in examples:
        if not _says_something(example.input) and not (example.choices or _says_something(example.question)):
            found.append(Dropped(example.id, "empty", "it asks nothing"))
        elif example.reference not in labels and not _says_something(example.reference):
            found.append(Dropped(example.id, "empty", "its answer has neither a letter nor a digit"))
    return found


def _says_something(text: str) -> bool:
    return any(character.isalnum() for character in text)


def long_answers(lengths: Mapping[str, int], most: int) -> list[Dropped]:
    """Rows whose answer has more tokens than may be written.

    Args:
        lengths: row id to tokens of its answer, the end of the turn included.
    """
    reason = f"its answer has {{}} tokens; generation.max_new_tokens is {most}"
    return [Dropped(name, "too_long", reason.format(tokens)) for name, tokens in lengths.items() if tokens > most]


def near_duplicates(examples: Sequence[Example], vectors: np.ndarray, at_least: float) -> list[Dropped]:
    """Rows near one that stands before them and is kept, with the same answer; rows that differ in their answer are no duplicates.

    Args:
        vectors: of the questions, (rows, dimension) float32, L2-normalised.
        at_least: cosine similarity from which two questions are near.
    """
    place = {example.id: number for number, example in enumerate(examples)}
    ids = [example.id for example in examples]
    answers = {example.id: normalise(example.reference) or example.reference for example in examples}
    near: dict[str, list[tuple[str, float]]] = {}
    for pair in near_pairs(ids, vectors, ids, vectors, at_least):
        if place[pair.other] < place[pair.test] and answers[pair.other] == answers[pair.test]:
            near.setdefault(pair.test, []).append((pair.other, pair.similarity))
    dropped: dict[str, Dropped] = {}
    for name in ids:
        kept = [(other, similarity) for other, similarity in near.get(name, ()) if other not in dropped]
        if kept:
            other, similarity = max(kept, key=lambda pair: (pair[1], -place[pair[0]]))
            reason = f"it asks nearly the same as a row that is kept (cosine similarity {similarity:.2f}), with the same answer"
            dropped[name] = Dropped(name, "near_duplicates", reason, other)
    return list(dropped.values())


def already_right(examples: Iterable[Example], answers: Mapping[str, str]) -> list[Dropped]:
    """Rows that the untuned model answers as the reference does, but for case, width, spaces and punctuation.

    Args:
        answers: row id to what it said; rows without an answer stay.
    """
    found = []
    for example in examples:
        said = answers.get(example.id)
        if said is not None and _same(said, example.reference):
            found.append(Dropped(example.id, "already_right", "the model answers it without training"))
    return found


def _same(said: str, reference: str) -> bool:
    plain = normalise(reference)
    return normalise(said) == plain if plain else said.strip() == reference.strip()


def noisy(losses: Mapping[str, float]) -> list[Dropped]:
    """Rows in the far upper tail of the losses: a modified z-score over 3.5 (Iglewicz & Hoaglin 1993), which a few outliers do not move.

    The score is 0.6745 × (loss − median) / MAD, MAD being the median distance from the median; where more than half of the rows have one
    and the same loss, MAD is 0 and the mean distance × 1.2533 stands for MAD / 0.6745. Fewer than 12 rows have no tail.

    Args:
        losses: row id to mean cross-entropy per answer token, in nats.
    """
    if len(losses) < FEWEST:
        return []
    middle = statistics.median(losses.values())
    distances = [abs(loss - middle) for loss in losses.values()]
    spread = statistics.median(distances) / 0.6745 or statistics.fmean(distances) * 1.2533
    if spread == 0:
        return []
    far = {name: (loss - middle) / spread for name, loss in losses.items()}
    reason = "its loss is {:.2f} nats a token, {:.1f} robust deviations above the median of {:.2f}"
    return [Dropped(name, "noisy", reason.format(losses[name], score, middle)) for name, score in far.items() if score > FAR]
