"""Several rows in one sequence, without one seeing another: no padding, and the same loss as one row at a time.

Each row's positions start from 0 and its tokens attend to the tokens before them in the same row alone: a causal mask in blocks along the
diagonal. Restarting positions by themselves are not enough: transformers reads packed rows off them only where there is no mask at all and only
in its own attention functions, so the whole mask is given (Krell et al. 2021, arXiv:2107.02027, for what attention across rows costs in quality).
Packing decides how the rows of one step lie in memory, never which rows share a step, so it changes no result.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from core.errors import MethodError
from training.batches import TokenBatch
from training.job import TrainingRow
from training.prompt_learning import VirtualTokenSettings
from training.settings import TrainingSettings

if TYPE_CHECKING:
    import torch

AGREES = 0.05
"""Nats per token by which two rows may differ packed and alone: bfloat16 rounds by less, attention across rows changes more."""


def bins(rows: Sequence[TrainingRow], budget: int, most_rows: int | None = None) -> list[list[TrainingRow]]:
    """Rows in sequences of at most `budget` tokens, the longest first into the first that has room; a longer row has one of its own.

    Args:
        most_rows: rows in one sequence.
    """
    found: list[list[TrainingRow]] = []
    for row in sorted(rows, key=lambda row: (-row.length, row.id)):
        fits = (b for b in found if sum(r.length for r in b) + row.length <= budget and len(b) < (most_rows or len(rows)))
        place = next(fits, None)
        if place is None:
            found.append([row])
        else:
            place.append(row)
    return found


def packed(rows: Sequence[TrainingRow]) -> TokenBatch:
    """One sequence of these rows. `columns` are the places whose logits predict a label; the mask is True where a token may look."""
    import torch

    ids = [token for row in rows for token in (*row.prompt_ids, *row.completion_ids)]
    positions = [place for row in rows for place in range(row.length)]
    number = torch.tensor([n for n, row in enumerate(rows) for _ in range(row.length)])
    mask = (number[:, None] == number[None, :]).tril()[None, None]
    labels = [token for row in rows for token in row.completion_ids]
    columns, start = list[int](), 0
    for row in rows:
        first = start + len(row.prompt_ids) - 1
        columns += range(first, first + len(row.completion_ids))
        start += row.length
    return TokenBatch(
        torch.tensor([ids]), mask, torch.tensor([positions]), torch.tensor([labels]), len(labels), columns=torch.tensor(columns)
    )


def mask_for(mask: torch.Tensor, attention: str, dtype: torch.dtype) -> torch.Tensor:
    """The mask in the form that an attention function takes: eager adds it to its scores; the others read a packed one as it is."""
    import torch

    if mask.dim() != 4 or attention != "eager":
        return mask
    return torch.zeros_like(mask, dtype=dtype).masked_fill(~mask, torch.finfo(dtype).min)


def refuse(settings: TrainingSettings, config: Any) -> None:
    """Raises:
    MethodError: rows of this kind of training, or of this model, cannot share a sequence.
    """
    if not settings.packing:
        return
    if isinstance(settings, VirtualTokenSettings):
        raise MethodError(
            "packing puts several rows into one sequence, but virtual tokens stand before each single row.", "Set packing: false."
        )
    if getattr(config, "is_encoder_decoder", False):
        raise MethodError(
            "packing needs a decoder-only model; this one has an encoder, which reads one row at a time.", "Set packing: false."
        )


def check(rows: Sequence[TrainingRow], loss: Callable[[TokenBatch], float]) -> None:
    """Two short rows must lose the same packed as alone, whatever the model's attention does with the mask.

    Args:
        loss: mean cross-entropy per token of a batch, without dropout.

    Raises:
        MethodError: they do not.
    """
    few = sorted(rows, key=lambda row: (row.length, row.id))[:2]
    if len(few) < 2:
        return
    alone, together = [loss(packed([row])) for row in few], loss(packed(few))
    tokens = [len(row.completion_ids) for row in few]
    wanted = sum(a * n for a, n in zip(alone, tokens, strict=True)) / sum(tokens)
    if abs(wanted - together) > AGREES:
        raise MethodError(
            f"packing must not change the loss of a row, but two rows lose {together:.3f} packed and {wanted:.3f} alone: "
            "this model sees beyond the mask.",
            "Set packing: false.",
        )
