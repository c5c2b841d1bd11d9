"""A reward model: the base with an adapter, and one linear head that reads a number off the last token of an answer.

Two answers to the same prompt can be compared by it, and their difference is a logit: σ(difference) is the chance that people who voted as
those of the training pairs would prefer the first (Bradley and Terry 1952). The zero is the mean over the answers of the training pairs; between
different prompts the numbers mean little. The head stands in `head.safetensors`, beside the adapter.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import MethodError
from models.base import Ids

if TYPE_CHECKING:
    import torch

    from models.transformers_backend import TransformersModel

HEAD = "head.safetensors"
ROWS = 16
"""Answers that are scored at once."""


def last_states(module: Any, rows: Sequence[Ids], pad: int) -> torch.Tensor:
    """The hidden states at each row's last token, shape (rows, hidden), float32; rows are padded on the left."""
    import torch

    width = max(map(len, rows))
    place = next(module.parameters()).device
    ids = torch.tensor([[pad] * (width - len(row)) + list(row) for row in rows], device=place)
    mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in rows], device=place)
    positions = (mask.cumsum(1) - 1).clamp(min=0)
    out = module(input_ids=ids, attention_mask=mask, position_ids=positions, use_cache=False, output_hidden_states=True, logits_to_keep=1)
    states: torch.Tensor = out.hidden_states[-1][:, -1].float()
    return states


def save_head(folder: Path, weight: torch.Tensor, offset: float) -> None:
    """Shape (hidden,); `offset` is taken off each score."""
    import torch
    from safetensors.torch import save_file

    save_file({"weight": weight.detach().float().cpu().contiguous(), "offset": torch.tensor([offset])}, folder / HEAD)


def score_rows(model: TransformersModel, folder: Path, rows: Sequence[tuple[Ids, Ids]]) -> list[float]:
    """The reward of each (prompt ids, answer ids), in logits.

    Args:
        model: the base; the reward model's adapter is switched on for as long as this takes.

    Raises:
        MethodError: the folder holds no reward model.
    """
    import torch
    from safetensors.torch import load_file

    if not rows:
        return []
    if not (folder / HEAD).is_file():
        raise MethodError(f"There is no reward model in {folder.name}: {HEAD} is missing.", "Train it again.")
    head = load_file(folder / HEAD)
    whole = [(*prompt, *answer) for prompt, answer in rows]
    order = sorted(range(len(whole)), key=lambda row: (len(whole[row]), whole[row]))
    scores = [0.0] * len(whole)
    with model.lock, model.adapters.active(folder, whole[0]) as module, torch.inference_mode():
        for start in range(0, len(order), ROWS):
            places = order[start : start + ROWS]
            states = last_states(module, [whole[place] for place in places], model.codec.pad)
            found = states @ head["weight"].to(states.device) - float(head["offset"][0])
            for place, value in zip(places, found.tolist(), strict=True):
                scores[place] = value
    return scores
