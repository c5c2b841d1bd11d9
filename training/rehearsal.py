"""Rehearsal: general rows in every training step, so that a model keeps what it is not being taught (Ratcliff 1990; for language models
Scialom et al. 2022, arXiv:2205.12393).

Each optimiser step has a batch of task rows and a batch of general rows, and minimises

    total = alpha * general + (1 - alpha) * task

where `task` and `general` are each the mean cross-entropy over the supervised tokens of their own rows. So `alpha` means the same whatever the
lengths and numbers of the rows are, and cutting either batch into micro-batches changes nothing. A step has as many general rows as let a
general row and a task row weigh about alike: batch_size * alpha / (1 - alpha), at least one. An epoch is still one pass over the task rows;
the general rows go round as often as that takes, in an order that is a function of the seed and the epoch.

Choosing the best epoch looks at the task's validation rows alone.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import islice
from pathlib import Path

from core.errors import MethodError
from core.records import Example
from training.job import TrainingRow
from training.settings import TrainingSettings

GENERAL = Path(__file__).parent / "general.jsonl"
"""Questions and answers written for this project. None of them stands in the general probe, by which forgetting is measured."""


@cache
def general_examples() -> tuple[Example, ...]:
    """The rows that come with the project, for who names no file of their own."""
    rows = [json.loads(line) for line in GENERAL.read_text(encoding="utf-8").splitlines() if line.strip()]
    return tuple(Example(f"general-{place:03d}", "", row["instruction"], row["output"]) for place, row in enumerate(rows, 1))


def total(task: float, general: float, alpha: float) -> float:
    """The loss that a step with rehearsal minimises."""
    return alpha * general + (1 - alpha) * task


def rows_a_step(batch_size: int, alpha: float) -> int:
    """How many general rows a step has beside `batch_size` task rows; 0 without rehearsal."""
    return max(1, round(batch_size * alpha / (1 - alpha))) if alpha > 0 else 0


def batches(rows: Sequence[TrainingRow], steps: int, size: int, seed: int, epoch: int) -> list[list[TrainingRow]]:
    """The general rows of each step of one epoch; empty ones where `size` is 0. A function of its arguments alone."""
    endless = _round(rows, seed, epoch) if size else iter(())
    return [list(islice(endless, size)) for _ in range(steps)]


def _round(rows: Sequence[TrainingRow], seed: int, epoch: int) -> Iterator[TrainingRow]:
    source = random.Random(f"general/{seed}/{epoch}")
    while True:
        order = sorted(rows, key=lambda row: row.id)
        source.shuffle(order)
        yield from order


def fitting(rows: Sequence[TrainingRow], settings: TrainingSettings) -> tuple[TrainingRow, ...]:
    """The general rows within `max_tokens`; none where nothing is rehearsed.

    Raises:
        MethodError: rehearsal is asked for and no row is there for it.
    """
    if settings.rehearsal_alpha == 0:
        return ()
    kept = tuple(row for row in rows if row.length <= settings.max_tokens)
    if not kept:
        raise MethodError(
            f"rehearsal_alpha {settings.rehearsal_alpha:g} needs general rows of at most max_tokens = {settings.max_tokens}; "
            f"none of the {len(rows)} given is.",
            "Raise max_tokens, or give shorter rows.",
        )
    return kept
