"""Kinds that train every weight. Registered into `training.peft_configs.kinds`.

*full* moves all weights of the base. *scratch* is a small model that has never read a word: what it reaches is what the training rows alone
teach, so it says how much of a fine-tune's score comes from what the base knew before.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from core.errors import MethodError
from training.peft_configs import Kind, kinds
from training.settings import TrainingSettings

if TYPE_CHECKING:
    from models.device import Hardware
    from models.weights import Source

HEAD = 32
"""Size of an attention head of the small model; its width is a multiple of it."""


class FullSettings(TrainingSettings):
    """Every weight moves."""

    learning_rate: float = Field(
        5e-5,
        gt=0.0,
        le=1.0,
        description="Largest step size, after warm-up; usual 1e-5 to 1e-4 where every weight moves, ten to fifty times less than for LoRA.",
    )


class ScratchSettings(TrainingSettings):
    """The sizes of the small model."""

    epochs: int = Field(
        10, ge=1, le=1000, description="How often each training row is seen; usual 5 to 100, since the model begins with nothing."
    )
    layers: int = Field(2, ge=1, le=64, description="Layers of the small model; usual 1 to 6.")
    width: int = Field(
        128, ge=HEAD, le=8192, multiple_of=HEAD, description=f"Size of its hidden states, a multiple of {HEAD}; usual 64 to 512."
    )


def whole(base: Any, settings: FullSettings) -> Any:
    """All weights of the base, trained in float32 and saved in the number type that the base answers in.

    Raises:
        MethodError: the base is quantised.
    """
    from models.quantised import weights_of
    from training.whole_module import WholeModel

    if (held := weights_of(base)) != "auto":
        raise MethodError(f"full trains every weight, which {held} cannot hold; the base is loaded in {held}.", NO_QUANTISED)
    return WholeModel(base, base.dtype, Path(base.name_or_path))


NO_QUANTISED = "Leave `weights` at auto, or choose qlora."


def shape_only(source: Source, hardware: Hardware, weights: str = "auto") -> Any:
    """The base without its weights: the small model needs the vocabulary's size, the context and the special ids alone."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    from models.device import torch_dtype

    config = AutoConfig.from_pretrained(str(source.folder), trust_remote_code=False)
    if getattr(config, "is_encoder_decoder", False):
        raise MethodError(
            f"scratch needs a decoder-only base; got an encoder-decoder ({config.model_type}).", "Choose full for this model."
        )
    make: Any = AutoModelForCausalLM.from_config
    with torch.device("meta"):
        return make(config, dtype=torch_dtype(hardware.dtype))


def small_model(base: Any, settings: ScratchSettings) -> Any:
    """A Llama of a few layers with random weights, drawn by the seed; it reads and writes the base's tokens."""
    from transformers import LlamaConfig, LlamaForCausalLM

    from models.transformers_backend import contiguous_input
    from training.whole_module import WholeModel

    of_base = base.config.get_text_config()
    config = LlamaConfig(
        vocab_size=of_base.vocab_size,
        hidden_size=settings.width,
        intermediate_size=4 * settings.width,
        num_hidden_layers=settings.layers,
        num_attention_heads=settings.width // HEAD,
        num_key_value_heads=settings.width // HEAD,
        max_position_embeddings=getattr(of_base, "max_position_embeddings", None) or 2048,
        bos_token_id=of_base.bos_token_id,
        eos_token_id=of_base.eos_token_id,
        pad_token_id=of_base.pad_token_id,
        tie_word_embeddings=True,
    )
    model: Any = LlamaForCausalLM(config)
    model.set_attn_implementation("sdpa")
    model.get_output_embeddings().register_forward_pre_hook(contiguous_input)
    return WholeModel(model, base.dtype, Path(base.name_or_path))


kinds.add("full", Kind(FullSettings, whole))
kinds.add("scratch", Kind(ScratchSettings, small_model, load=shape_only))
