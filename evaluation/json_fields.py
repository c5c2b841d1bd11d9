"""Extraction tasks: the answer and the reference are JSON, and each field counts.

Both are flattened to pairs of a path and a value ("items[].price" and 3.5); F1 counts the pairs that both have, with repetition. Places in
a list do not count, so the order in which things were found does not matter. Micro-averaged over the fields of an item, then averaged over
items, so that each item has a score and so an interval; pooling the fields of all items instead would let long items decide.

Types matter, since a program reads the answer: "12" is not 12, and true is not "true"; 12 and 12.0 are one number. Texts are compared in
canonical form (case folded, single spaces), not in SQuAD's: punctuation of a part number is part of it.

An answer that is no JSON scores 0, for the program that reads it gets nothing; `json_valid` says how often that is the reason. A single code
fence around the whole answer is taken off, as most programs do. Anything else beside the JSON makes it invalid.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal
from typing import Any

from core.records import Score, Scored, Unscored
from evaluation.base import Item, MetricInfo, Resources, metrics
from evaluation.text import canonical, unfenced

_EXACT = Context(prec=10_000, Emax=MAX_EMAX, Emin=MIN_EMIN)
Path = tuple[str, ...]
Pairs = Counter[tuple[Path, str]]


def parsed(text: str) -> Any:
    """The object or list that the whole text is.

    Raises:
        ValueError: it is none.
    """
    try:
        found = json.loads(unfenced(text), parse_float=Decimal, parse_int=Decimal, parse_constant=_refused)
    except (RecursionError, ArithmeticError):
        raise ValueError("nested too deep, or a number out of all range") from None
    if not isinstance(found, (dict, list)):
        raise ValueError("a single value is no record")
    return found


def _refused(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def pairs(found: Any) -> Pairs:
    """Path and value of everything in it, with how often each stands there; an empty object or list is a value, too."""
    return Counter(_flat(found, ()))


def _flat(found: Any, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(found, dict) and found:
        for name, value in found.items():
            yield from _flat(value, (*path, canonical(name).strip()))
    elif isinstance(found, list) and found:
        for value in found:
            yield from _flat(value, (*path, "[]"))
    else:
        yield path, _value(found)


def _value(found: Any) -> str:
    if isinstance(found, str):
        return f"text {' '.join(canonical(found).split())}"
    if isinstance(found, Decimal):
        return f"number {_EXACT.normalize(found) if found else 0}"
    return f"value {json.dumps(found)}"


def field_f1(prediction: Any, reference: Any) -> float:
    """Harmonic mean of the shares of predicted and of expected pairs that the other has, too."""
    predicted, expected = pairs(prediction), pairs(reference)
    return 2 * (predicted & expected).total() / (predicted.total() + expected.total())


def _or_none(text: str) -> Any:
    try:
        return parsed(text)
    except ValueError:
        return None


@dataclass(frozen=True)
class JsonFieldF1:
    info: MetricInfo

    def score(self, items: Sequence[Item], resources: Resources) -> list[Scored]:
        return [self._one(item) for item in items]

    def _one(self, item: Item) -> Scored:
        expected, found = _or_none(item.reference), _or_none(item.prediction)
        if expected is None:
            return Unscored("the reference is no JSON object or list")
        return Score(field_f1(found, expected) if found is not None else 0.0)


@dataclass(frozen=True)
class JsonValid:
    info: MetricInfo

    def score(self, items: Sequence[Item], resources: Resources) -> list[Scored]:
        return [Score(float(_or_none(item.prediction) is not None)) for item in items]


metrics.add(
    "json_field_f1",
    JsonFieldF1(
        MetricInfo(
            "json_field_f1",
            "JSON field F1, mean of items; invalid JSON scores 0",
            how="F1 of the (path, value) pairs of answer and reference, micro-averaged within an item: 2 x shared / (pairs of the answer + "
            "pairs of the reference). Order in lists ignored, types and punctuation not. Invalid JSON scores 0; json_valid says how often. "
            "Slot-filling F1 (van Rijsbergen 1979; MUC-6, 1995) on flattened JSON.",
        )
    ),
)
metrics.add(
    "json_valid",
    JsonValid(
        MetricInfo(
            "json_valid",
            "share of answers that are valid JSON",
            how="Share of answers that are, as a whole, one JSON object or list (RFC 8259); a single code fence around it is taken off. Says "
            "nothing of the content: an empty object is valid.",
            in_verdict=False,
            note="shown, decides nothing",
        )
    ),
)
