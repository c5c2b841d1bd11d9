"""The table of trainable kinds: each has its settings, and one function from a loaded base to a model of which only the right weights are trained.

Kinds that learn tokens rather than layers stand in `training.prompt_learning`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import Field

from core.errors import MethodError
from core.registry import Registry
from models.layer_sizes import Layer, smallest_layer
from models.transformers_backend import load_weights
from training.settings import TrainingSettings

if TYPE_CHECKING:
    from peft import IA3Config, LoraConfig

    from models.device import Hardware
    from models.quantised import Weights
    from models.weights import Source


class Kind(NamedTuple):
    """One way to train.

    Attributes:
        Settings: what can be set; a method's spec inherits from it.
        wrap: from the loaded base, whose weights are frozen, and the settings to the model that is trained. That is called like the base,
            and has `get_base_model` and `save_pretrained`; it is peft's, or has `put_back` for what was saved.
        begin: gives the model its first values from the answers' ids, where these depend on the rows.
        load: how the base is loaded, given where it lies, the hardware and `ModelSpec.weights`; by default with its weights.
    """

    Settings: type[TrainingSettings]
    wrap: Callable[[Any, Any], Any]
    begin: Callable[[Any, Any, Sequence[Sequence[int]]], None] | None = None
    load: Callable[[Source, Hardware, Weights], Any] = load_weights


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


class RsLoraSettings(LoraSettings):
    """LoRA whose update keeps its size at any rank."""

    rank: int = Field(32, ge=1, le=512, description="Rank of the two thin matrices beside each layer; usual 16 to 256, more than for LoRA.")
    alpha: int = Field(16, ge=1, le=4096, description="Scale of the update is alpha / √rank; usual 4 to 32, whatever the rank.")


class Ia3Settings(TrainingSettings):
    """One factor for each key, value and inner feed-forward feature."""

    learning_rate: float = Field(
        3e-2, gt=0.0, le=1.0, description="Largest step size, after warm-up; usual 3e-3 to 0.1 for IA3, which has few weights to move."
    )


def lora_config(settings: LoraSettings, **more: Any) -> LoraConfig:
    """Low-rank adapters on every linear layer but the output head (Hu et al. 2021, arXiv:2106.09685)."""
    from peft import LoraConfig

    return LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha,
        lora_dropout=settings.dropout,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
        **more,
    )


def rslora_config(settings: LoraSettings) -> LoraConfig:
    """The update is scaled by alpha / √rank, so that a higher rank learns as fast (Kalajdzievski 2023, arXiv:2312.03732)."""
    return lora_config(settings, use_rslora=True)


def dora_config(settings: LoraSettings) -> LoraConfig:
    """Direction by LoRA, length of each column learnt apart (Liu et al. 2024, arXiv:2402.09353)."""
    return lora_config(settings, use_dora=True)


def ia3_config(settings: Ia3Settings) -> IA3Config:
    """Factors on keys, values and inner feed-forward features, all 1 at the start (Liu et al. 2022, arXiv:2205.05638)."""
    from peft import IA3Config

    return IA3Config(task_type="CAUSAL_LM")


def with_peft(config: Callable[[Any], Any]) -> Callable[[Any, Any], Any]:
    """A kind that peft adds to the base by a config.

    Raises, when it wraps:
        MethodError: the rank is over a layer's size, or peft does not know this architecture's layers.
    """

    def wrap(base: Any, settings: Any) -> Any:
        from peft import get_peft_model

        if isinstance(settings, LoraSettings):
            check_rank(settings.rank, smallest_layer(base))
        try:
            made = config(settings)
            made.task_type = "SEQ_2_SEQ_LM" if base.config.is_encoder_decoder else made.task_type
            return get_peft_model(base, made)
        except ValueError as error:
            raise MethodError(
                f"peft has no place to put these weights in a model of type {base.config.model_type}: {error}.",
                "Choose lora for this model.",
            ) from error

    return wrap


def check_rank(rank: int, smallest: Layer) -> None:
    """Raises:
    MethodError: a layer has fewer rows or columns than the rank, so its update could not have that rank.
    """
    if rank > smallest.size:
        raise MethodError(
            f"rank must be at most the size of the smallest layer, {smallest.size} ({smallest.name}); got {rank}.",
            f"Lower rank to {smallest.size} or less; usual 4 to 64.",
        )


kinds.add("lora", Kind(LoraSettings, with_peft(lora_config)))
kinds.add("rslora", Kind(RsLoraSettings, with_peft(rslora_config)))
kinds.add("dora", Kind(LoraSettings, with_peft(dora_config)))
kinds.add("ia3", Kind(Ia3Settings, with_peft(ia3_config)))
