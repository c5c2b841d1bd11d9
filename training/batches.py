"""Rows to padded batches. Rows of like length stand together, and answers are aligned at the right edge.

Padding on the left, as at inference, puts every answer in the last columns, so that logits are computed for those columns only: with a
vocabulary of 49,152 and answers of a few tokens, that is most of the cost of the output layer.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from training.job import TrainingRow

if TYPE_CHECKING:
    import torch

IGNORED = -100  # the label that cross-entropy passes over
WINDOW = 8  # steps whose rows are sorted by length together; more pads less and mixes less


class TokenBatch(NamedTuple):
    """Shapes: (rows, width) each, but labels (rows, answer width).

    `labels[:, j]` is the id that the logits at column `width - answer_width - 1 + j` should predict. Where rows are packed into one sequence,
    it is at column `columns[j]`, and the mask has the shape (1, 1, width, width).
    """

    input_ids: torch.Tensor
    attention_mask: torch.Tensor
    position_ids: torch.Tensor
    labels: torch.Tensor
    supervised: int
    columns: torch.Tensor | None = None


def steps_of(rows: Sequence[TrainingRow], batch_size: int, seed: int, epoch: int) -> list[list[TrainingRow]]:
    """The rows of each optimiser step of one epoch: shuffled, then grouped by length within windows. A function of its arguments alone."""
    order = sorted(rows, key=lambda row: row.id)
    source = random.Random(f"{seed}/{epoch}")
    source.shuffle(order)
    steps: list[list[TrainingRow]] = []
    for start in range(0, len(order), batch_size * WINDOW):
        window = sorted(order[start : start + batch_size * WINDOW], key=lambda row: row.length)
        steps += [window[i : i + batch_size] for i in range(0, len(window), batch_size)]
    source.shuffle(steps)
    return steps


def pieces(rows: Sequence[TrainingRow], size: int) -> list[Sequence[TrainingRow]]:
    """Consecutive pieces of at most `size` rows."""
    return [rows[i : i + size] for i in range(0, len(rows), size)]


def collate(rows: Sequence[TrainingRow], pad: int) -> TokenBatch:
    """One batch, padded on the left."""
    import torch

    width, answer = max(row.length for row in rows), max(len(row.completion_ids) for row in rows)
    ids = [[pad] * (width - row.length) + [*row.prompt_ids, *row.completion_ids] for row in rows]
    mask = torch.tensor([[0] * (width - row.length) + [1] * row.length for row in rows])
    labels = [[IGNORED] * (answer - len(row.completion_ids)) + list(row.completion_ids) for row in rows]
    positions = (mask.cumsum(1) - 1).clamp(min=0)
    return TokenBatch(torch.tensor(ids), mask, positions, torch.tensor(labels), sum(len(row.completion_ids) for row in rows))
