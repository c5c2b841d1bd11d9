"""What a direct answer rests on, as it is shown: the nearest training example, or the likeliest labels. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from core.records import Grounds

LISTED = 5


class Basis(NamedTuple):
    """Attributes:
    question, similarity: of the nearest training example; "" for a method that does not look for one.
    shares: (label, probability) of the likeliest labels; `more` counts the others.
    """

    question: str = ""
    similarity: str = ""
    shares: Sequence[tuple[str, str]] = ()
    more: int = 0


def basis(grounds: Grounds | None) -> Basis | None:
    """None for an answer that a prompt was worded for."""
    if grounds is None:
        return None
    ranked = sorted(grounds.probabilities.items(), key=lambda pair: -pair[1])
    shares = [(label, f"{share:.2f}") for label, share in ranked[:LISTED]]
    similarity = "" if grounds.similarity is None else f"{grounds.similarity:.2f}"
    return Basis(grounds.question, similarity, shares, max(0, len(ranked) - LISTED))
