"""What cannot be trained into which model, refused with the plan: the model's config tells, so that no weight is loaded for it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from adapters.base import Setting
from core.errors import MethodError
from models.architecture import described
from models.layer_sizes import layer_under
from models.text_codec import is_encoder_decoder
from models.weights import locate
from training import packing
from training.peft_configs import check_rank
from training.settings import TrainingSettings

DECODERS_ONLY = {
    "prompt_tuning": "Choose lora for this model, or another model.",
    "prefix_tuning": "Choose lora for this model, or another model.",
    "scratch": "Choose full for this model, or another model.",
    "dpo": "Choose lora for this model, or another model.",
    "grpo": "Choose lora for this model, or another model.",
}
"""Kinds that need a model without an encoder, and what to do with one that has it."""


def check_model(spec: Any, setting: Setting) -> None:
    """Raises:
    MethodError: this kind, or these settings of it, cannot be trained into the setting's model.
    """
    if setting.model.id != setting.model_key.id:  # a setting that was made by hand, for a model that is not there
        return
    folder = locate(setting.model.id, setting.model.revision, setting.models_home).folder
    if is_encoder_decoder(folder):
        refuse_encoder_decoder(spec, str(described(folder).get("model_type")))
    rank: int | None = getattr(spec, "rank", None)
    smaller = layer_under(rank, setting.model, setting.models_home) if rank is not None else None
    if rank is not None and smaller is not None:
        check_rank(rank, smaller)


def refuse_encoder_decoder(spec: Any, family: str) -> None:
    """Raises:
    MethodError: this kind needs a decoder-only model.
    """
    if spec.kind in DECODERS_ONLY:
        raise MethodError(f"{spec.kind} needs a decoder-only model; got an encoder-decoder ({family}).", DECODERS_ONLY[spec.kind])
    if isinstance(spec, TrainingSettings):
        packing.refuse(spec, SimpleNamespace(is_encoder_decoder=True))
