"""One forward pass of training: rows to a batch, a batch to the logits that should predict its labels; decoder-only or encoder-decoder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from training import packing, seq2seq
from training.batches import TokenBatch, collate, pieces
from training.job import TrainingRow
from training.seq2seq import Seq2SeqBatch
from training.settings import TrainingSettings

if TYPE_CHECKING:
    import torch

Rows = Sequence[TrainingRow]
SHORT_ROWS = 256


def cutter(settings: TrainingSettings) -> Callable[[Rows], Sequence[Rows]]:
    """How a process cuts its rows of a step into what is computed at once."""
    at_once = settings.micro_batch_size
    if settings.packing:
        return lambda rows: packing.bins(rows, settings.pack_tokens, at_once)
    return lambda rows: pieces(rows, at_once or len(rows))


def batch_of(rows: Rows, packed: bool, pad: int, start: int | None) -> TokenBatch | Seq2SeqBatch:
    """These rows as tensors.

    Args:
        start: the id that an encoder-decoder's decoder begins with; None for a decoder-only model.
    """
    if start is not None:
        return seq2seq.collate(rows, pad, start)
    return packing.packed(rows) if packed else collate(rows, pad)


def attend(base: Any, device: str, width: int) -> None:
    """Take the attention that is fast for rows of this many tokens.

    PyTorch's fused attention on a CPU takes longer than plain matrix products for short rows, forward and backward together (8 rows of
    64 tokens on two cores: 6.9 ms against 1.9 ms a layer; as long at 256), and wins for long ones, where it also saves memory
    (`python -m benchmarks.layers`).
    """
    name = "eager" if device == "cpu" and width <= SHORT_ROWS else "sdpa"
    if base.config._attn_implementation != name:
        base.set_attn_implementation(name)


def logits_of(model: Any, base: Any, batch: TokenBatch | Seq2SeqBatch, place: torch.device) -> torch.Tensor:
    """Logits of the columns that should predict a label alone, shape (rows, columns, vocabulary).

    Args:
        model: what is trained, which wraps `base`.
    """
    if isinstance(batch, Seq2SeqBatch):
        return batch.logits(model, place)
    answer, columns = batch.labels.shape[1], batch.columns
    logits: torch.Tensor = model(
        input_ids=batch.input_ids.to(place),
        attention_mask=packing.mask_for(batch.attention_mask.to(place), base.config._attn_implementation, base.dtype),
        position_ids=batch.position_ids.to(place),
        use_cache=False,
        logits_to_keep=answer + 1 if columns is None else columns.to(place),
    ).logits
    return logits[:, :-1] if columns is None else logits
