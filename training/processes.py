"""One job in several processes (`torchrun --nproc_per_node 2 -m training SPEC`): who computes which rows, and whose figures are whose.

Each process takes its share of every step's rows. The loss is normalised by the supervised tokens of all processes together, not by each
one's own, so that a step's gradient is that of one process, however the rows fall. Every process computes the same number of batches, since
a wrapped model may wait for the others in each pass; where one has fewer, it computes a row once more and counts it as nothing.
Only the main process writes files and events.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from training.job import TrainingRow

if TYPE_CHECKING:
    from accelerate import Accelerator

Rows = Sequence[TrainingRow]


class Part(NamedTuple):
    """Rows that are computed at once; `counts` is False where they only keep the process in step with the others."""

    rows: Rows
    counts: bool
    last: bool


def share(rows: Rows, cut: Callable[[Rows], Sequence[Rows]], index: int = 0, processes: int = 1) -> list[Part]:
    """What one process computes of these rows.

    Rows are dealt in turn, so that shares of rows sorted by length take about as long.

    Args:
        cut: rows to groups that are computed at once.
    """
    groups = [list(cut(rows[each::processes])) if rows[each::processes] else [] for each in range(processes)]
    most = max(map(len, groups))
    mine = [(group, True) for group in groups[index]]
    mine += [(rows[:1], False)] * (most - len(mine))
    return [Part(group, counts, place == most - 1) for place, (group, counts) in enumerate(mine)]


def summed(accelerator: Accelerator, *figures: float) -> tuple[float, ...]:
    """Each figure's sum over all processes."""
    if accelerator.num_processes == 1:
        return figures
    import torch

    whole: Any = accelerator.reduce(torch.tensor(figures, dtype=torch.float64, device=accelerator.device), "sum")
    return tuple(whole.tolist())


def wrapping() -> list[Any]:
    """What torch's data-parallel wrapper is told: buffers (rotary frequencies) never change, so they need not be sent before each pass."""
    from accelerate import DistributedDataParallelKwargs

    return [DistributedDataParallelKwargs(broadcast_buffers=False)]
