"""rsLoRA: LoRA whose update is scaled by alpha / √rank, so that a high rank learns as fast as a low one (Kalajdzievski 2023, arXiv:2312.03732).

Prefer it to LoRA where LoRA with a higher rank was no better: with alpha / rank, the update shrinks as the rank grows.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from adapters.base import MethodSpec, methods
from adapters.tuned import Tuned, TunedSpec
from training.peft_configs import RsLoraSettings


class RsLoraSpec(TunedSpec, RsLoraSettings):
    """Low-rank fine-tuning with a scale that suits high ranks."""

    kind: Literal["rslora"] = Field("rslora", description="Low-rank fine-tuning with a scale that suits high ranks.")


class RsLora(Tuned):
    """See the module's docstring."""

    Spec: ClassVar[type[MethodSpec]] = RsLoraSpec


methods.add("rslora", RsLora)
