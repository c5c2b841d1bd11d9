"""Rows to batches for encoder-decoder models: the prompt goes to the encoder, the answer is what the decoder should write.

The ids are those of asking: the prompt's are the encoder's whole input, and the decoder begins with the same start id and sees the answer
so far. Every answer's id is supervised, its end of sequence too, and nothing else is; logits exist for the answer's columns anyway.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from training.batches import IGNORED
from training.job import TrainingRow

if TYPE_CHECKING:
    import torch


class Seq2SeqBatch(NamedTuple):
    """Shapes: (rows, prompt width), and (rows, answer width) for what the decoder sees and for the labels; all padded on the right."""

    input_ids: torch.Tensor
    attention_mask: torch.Tensor
    decoder_input_ids: torch.Tensor
    labels: torch.Tensor
    supervised: int

    def logits(self, model: Any, device: Any) -> torch.Tensor:
        """Of each answer's column, shape (rows, answer width, vocabulary)."""
        found: torch.Tensor = model(
            input_ids=self.input_ids.to(device),
            attention_mask=self.attention_mask.to(device),
            decoder_input_ids=self.decoder_input_ids.to(device),
            use_cache=False,
        ).logits
        return found


def collate(rows: Sequence[TrainingRow], pad: int, start: int) -> Seq2SeqBatch:
    """One batch.

    Args:
        start: the id that the decoder begins with; see `models.text_codec.start_id`.
    """
    import torch

    width, answer = max(len(row.prompt_ids) for row in rows), max(len(row.completion_ids) for row in rows)
    begun = [(start, *row.completion_ids[:-1]) for row in rows]
    return Seq2SeqBatch(
        torch.tensor([[*row.prompt_ids, *[pad] * (width - len(row.prompt_ids))] for row in rows]),
        torch.tensor([[1] * len(row.prompt_ids) + [0] * (width - len(row.prompt_ids)) for row in rows]),
        torch.tensor([[*ids, *[pad] * (answer - len(ids))] for ids in begun]),
        torch.tensor([[*row.completion_ids, *[IGNORED] * (answer - len(row.completion_ids))] for row in rows]),
        sum(len(row.completion_ids) for row in rows),
    )
