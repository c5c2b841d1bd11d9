"""What is known of the training rows before the first step, for the doctor."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from core.errors import ModelError
from training.batches import IGNORED
from training.job import TrainingRow


class RowFacts(NamedTuple):
    """What the doctor is told of the training rows.

    Attributes:
        kept, left_out: rows that are trained on, and rows that are too long for it.
        longest: tokens of the longest row, left out or not.
        words: supervised tokens, ends of turns aside.
        ending: kept rows whose last label ends the turn; None where the model's end tokens are not known.
        unchecked, checked: validation rows that are too long to be measured, and those that are measured.
    """

    kept: int
    left_out: int
    longest: int
    words: int
    ending: int | None
    unchecked: int = 0
    checked: int = 0


def row_facts(kept: Sequence[TrainingRow], left_out: int, longest: int, ends: frozenset[int]) -> RowFacts:
    """Count; `ends` are the ids that end a turn, empty where they are not known."""
    words = sum(token != IGNORED and token not in ends for row in kept for token in row.completion_ids)
    ending = sum(row.completion_ids[-1] in ends for row in kept) if ends else None
    return RowFacts(len(kept), left_out, longest, words, ending)


def ends_of(folder: Path, home: Path | None = None) -> frozenset[int]:
    """Ids that end a turn of the model in this folder; empty where it has no tokenizer to tell. `home` is the store's `models/` folder."""
    from models.transformers_backend import codec_of

    try:
        return codec_of(folder, home).stops
    except ModelError:
        return frozenset()
