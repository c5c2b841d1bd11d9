"""LoRA: a fine-tune that trains two thin matrices beside each layer and leaves the base as it is (Hu et al. 2021, arXiv:2106.09685)."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from adapters.base import MethodSpec, methods
from adapters.tuned import Tuned, TunedSpec
from training.peft_configs import LoraSettings


class LoraSpec(TunedSpec, LoraSettings):
    """Low-rank fine-tuning on the training examples."""

    kind: Literal["lora"] = Field("lora", description="Low-rank fine-tuning on the training examples.")


class Lora(Tuned):
    """See the module's docstring."""

    Spec: ClassVar[type[MethodSpec]] = LoraSpec


methods.add("lora", Lora)
