"""The table of trainable kinds: each has its settings, and one function from a loaded base to a model of which only the right weights are trained."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import Field

from core.registry import Registry
from training.settings import TrainingSettings

if TYPE_CHECKING:
    from peft import LoraConfig


class Kind(NamedTuple):
    """One way to train.

    Attributes:
        Settings: what can be set; a method's spec inherits from it.
        wrap: from the loaded base, whose weights are frozen, and the settings to the model that is trained.
    """

    Settings: type[TrainingSettings]
    wrap: Callable[[Any, Any], Any]


kinds: Registry[Kind] = Registry("trainable kind")


class LoraSettings(TrainingSettings):
    """Two thin matrices beside each linear layer."""

    rank: int = Field(
        8,
        ge=1,
        le=512,
        description="Rank of the two thin matrices beside each layer; usual 4 to 64. More can learn more and overfit sooner.",
    )
    alpha: int = Field(16, ge=1, le=4096, description="Scale of the update is alpha / rank; usual 1 to 2 times the rank.")
    dropout: float = Field(0.0, ge=0.0, lt=1.0, description="Share of inputs of each adapter dropped in training; usual 0 to 0.1.")


def lora_config(settings: LoraSettings) -> LoraConfig:
    """Low-rank adapters on every linear layer but the output head (Hu et al. 2021, arXiv:2106.09685)."""
    from peft import LoraConfig

    return LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha,
        lora_dropout=settings.dropout,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )


def with_peft(config: Callable[[Any], Any]) -> Callable[[Any, Any], Any]:
    """A kind that peft adds to the base by a config."""

    def wrap(base: Any, settings: Any) -> Any:
        from peft import get_peft_model

        return get_peft_model(base, config(settings))

    return wrap


kinds.add("lora", Kind(LoraSettings, with_peft(lora_config)))
