"""Gradient checkpointing: keep each layer's input alone and compute the rest once more on the way back (Chen et al. 2016, arXiv:1604.06174).

It saves most of the memory that activations take and costs one more forward pass, so it changes no result and is turned on only where the
activations of a batch would not fit otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from core.errors import MethodError
from training.job import TrainingRow

Choice = Literal["auto", "on", "off"]
MEMINFO = Path("/proc/meminfo")
FILLED = 0.8  # of the free memory that activations may take before they are computed twice instead
PER_HIDDEN, PER_INNER = 10, 4
"""Values kept for each token and layer: inputs of norms, projections and attention for each hidden feature; gate, up, activation and their
product for each inner one. For a layer with an inner size of 4 times the hidden one that is 26; Korthikanti et al. (2022, arXiv:2205.05198)
count 17 values of 16 bits, since their layer has no gate."""


def turn_on(base: Any, model: Any, choice: Choice, rows: Sequence[TrainingRow], at_once: int) -> bool:
    """Turn it on where it is asked for or needed. True where it is on.

    Args:
        base: the transformers model.
        model: what is trained, which may wrap it.
        at_once: rows that are computed together.

    Raises:
        MethodError: it is asked for and virtual tokens are trained; transformers would drop what they put before the prompt.
    """
    from models.virtual_tokens import VirtualTokens

    virtual = isinstance(model, VirtualTokens)
    if virtual and choice == "on":
        raise MethodError(
            "gradient_checkpointing must be off or auto for virtual tokens, which stand in the cache that it drops.",
            "Turn it off, or lower micro_batch_size.",
        )
    wanted = choice == "on" or (choice == "auto" and not virtual and needed(base, rows, at_once))
    if wanted:
        base.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    return wanted


def needed(base: Any, rows: Sequence[TrainingRow], at_once: int) -> bool:
    """Whether the longest rows' activations would take more than their share of what is free."""
    longest = sorted(rows, key=lambda row: row.length, reverse=True)[:at_once]
    free = free_bytes(base.device.type)
    return free is not None and activation_bytes(base.config, longest, base.dtype.itemsize) > FILLED * free


def activation_bytes(config: Any, rows: Sequence[TrainingRow], value_bytes: int) -> int:
    """About what one forward pass over these rows keeps for the way back, without checkpointing.

    Attention is counted as fused (its scores are not kept); logits are counted in the number type and twice in float32, for answers alone.
    """
    text = config.get_text_config()
    hidden = int(text.hidden_size)
    inner = int(getattr(text, "intermediate_size", None) or getattr(text, "d_ff", None) or 4 * hidden)
    layers = int(text.num_hidden_layers) + int(getattr(text, "num_decoder_layers", None) or 0)
    width, answer = max(row.length for row in rows), max(len(row.completion_ids) for row in rows)
    kept = len(rows) * width * layers * (PER_HIDDEN * hidden + PER_INNER * inner) * value_bytes
    return kept + len(rows) * answer * int(text.vocab_size) * (value_bytes + 8)


def free_bytes(device: str) -> int | None:
    """Memory that is free on the device now; None where nobody says."""
    if device == "cuda":
        import torch

        return int(torch.cuda.mem_get_info()[0])
    try:
        line = next(line for line in MEMINFO.read_text().splitlines() if line.startswith("MemAvailable:"))
    except (OSError, StopIteration):
        return None
    return int(line.split()[1]) * 1024
