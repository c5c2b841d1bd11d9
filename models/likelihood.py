"""How likely a model finds given continuations of a prompt: for label choice, for the judge, and for the loss of a single answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from models.base import Ids
from models.kv_cache import RoomyCache


def continuation_logprobs(
    model: Any, prompt_ids: Ids, continuations: Sequence[Ids], pad: int, start: RoomyCache | None = None
) -> list[float]:
    """Summed natural-log probabilities, one for each continuation; the prompt is computed once, behind `start` where there is one.

    Logits are taken to float32 before the softmax, so that bfloat16 weights do not round the sum.
    """
    import torch

    if not continuations:
        return []
    longest, rows, device = max(map(len, continuations)), len(continuations), model.device
    with torch.inference_mode():
        read = len(prompt_ids) + (start.get_seq_length() if start else 0)
        cache = RoomyCache(model.config, room=read, start=start)
        out = model(input_ids=torch.tensor([prompt_ids], device=device), past_key_values=cache, use_cache=True, logits_to_keep=1)
        first = torch.log_softmax(out.logits[0, -1].float(), dim=-1)
        sums = [float(first[ids[0]]) for ids in continuations]
        if longest == 1:
            return sums
        tokens = torch.tensor([[*ids, *[pad] * (longest - len(ids))] for ids in continuations], device=device)
        seen = torch.tensor([[1] * (read + len(ids)) + [0] * (longest - len(ids)) for ids in continuations], device=device)
        positions = torch.arange(read, read + longest - 1, device=device).expand(rows, -1)
        expanded = RoomyCache(model.config, room=read + longest, start=cache, rows=rows)
        out = model(input_ids=tokens[:, :-1], attention_mask=seen[:, :-1], position_ids=positions, past_key_values=expanded, use_cache=True)
        after = torch.log_softmax(out.logits.float(), dim=-1).gather(-1, tokens[:, 1:, None])[..., 0]
        return [s + float(after[row, : len(ids) - 1].sum()) for row, (s, ids) in enumerate(zip(sums, continuations, strict=True))]
