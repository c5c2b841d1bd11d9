"""When free answers are really classes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

FEWEST_LABELS, MOST_LABELS, LONGEST_LABEL, ROWS_PER_LABEL = 2, 50, 60, 4


def find_labels(references: Sequence[str]) -> tuple[str, ...]:
    """The distinct answers, sorted, where they look like classes: 2 to 50 of at most 60 characters, each there 4 times on average."""
    counts = Counter(references)
    few = FEWEST_LABELS <= len(counts) <= MOST_LABELS and len(references) >= ROWS_PER_LABEL * len(counts)
    return tuple(sorted(counts)) if few and all(len(label) <= LONGEST_LABEL for label in counts) else ()
