"""Near duplicates by embedding: pairs of texts whose vectors point almost the same way. Knows no model; vectors come from outside.

The threshold of 0.9 is measured, with all-MiniLM-L6-v2. Of 26,000 pairs of a test item and another row of the three bundled examples, which
are about the same few things, the nearest has a cosine similarity of 0.66. Of 13 hand-made light rewordings (order, politeness, spelling) 11
lie above 0.91 and the rest at 0.82; free paraphrases lie between 0.57 and 0.85. Questions that differ in one fact ("18 times 4" for
"17 times 4") reach 0.94, so pairs are counted, listed and looked at, and rows taken out only where the plan says so. A question is
compared with whole passages and with each of their sentences: a sentence that only answers it reached 0.86, one that asks it 0.89 to 0.98.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np

NEAR_FROM = 0.9
DIGITS = 4
"""Similarities are rounded: their last bits depend on how many texts are embedded at once."""
BLOCK = 1024


class Near(NamedTuple):
    """A test item, a text near it, and the cosine similarity of the two (-1 to 1)."""

    test: str
    other: str
    similarity: float


def near_pairs(
    test: Sequence[str], test_vectors: np.ndarray, others: Sequence[str], vectors: np.ndarray, at_least: float = NEAR_FROM
) -> list[Near]:
    """All pairs at or above the threshold, the nearest first; of several texts with one id the nearest counts. Memory grows with the blocks only.

    Args:
        test, others: an id for each row of `test_vectors` and `vectors`; (rows, dimension) float32, L2-normalised.
        at_least: the threshold.
    """
    import numpy as np

    best: dict[tuple[str, str], float] = {}
    for first in range(0, len(test), BLOCK):
        for start in range(0, len(others), BLOCK):
            similar = np.round(test_vectors[first : first + BLOCK] @ vectors[start : start + BLOCK].T, DIGITS)
            for row, column in zip(*np.nonzero(similar >= np.float32(at_least)), strict=True):
                place = test[first + int(row)], others[start + int(column)]
                best[place] = max(best.get(place, -1.0), round(float(similar[row, column]), DIGITS))
    return sorted(
        (Near(*place, similarity) for place, similarity in best.items()), key=lambda pair: (-pair.similarity, pair.test, pair.other)
    )
