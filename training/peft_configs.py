"""The table of trainable kinds: each is one function from settings to a peft config."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from core.registry import Registry
from training.job import TrainingSettings

if TYPE_CHECKING:
    from peft import PeftConfig

kinds: Registry[Callable[[TrainingSettings], Any]] = Registry("trainable kind")


def lora(settings: TrainingSettings) -> PeftConfig:
    """Low-rank adapters on every linear layer but the output head (Hu et al. 2021, arXiv:2106.09685)."""
    from peft import LoraConfig

    return LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha,
        lora_dropout=settings.dropout,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )


kinds.add("lora", lora)
