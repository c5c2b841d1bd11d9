"""QLoRA: LoRA beside a base that is held in 4 bits, for models that do not fit otherwise (Dettmers et al. 2023, arXiv:2305.14314).

Answers come from the same 4-bit base that the weights were trained on. Prefer LoRA where the base fits as it is: that is faster.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from adapters.base import MethodSpec, methods
from adapters.tuned import Tuned, TunedSpec
from training.peft_configs import LoraSettings


class QLoraSpec(TunedSpec, LoraSettings):
    """Low-rank fine-tuning beside a base in 4 bits."""

    kind: Literal["qlora"] = Field("qlora", description="Low-rank fine-tuning beside a base in 4 bits; needs bitsandbytes.")
    weights: Literal["nf4", "int8"] = Field(
        "nf4", description="Bits of the base's weights, in training and in answering: nf4 (4 bits) as in the paper, or int8."
    )


class QLora(Tuned):
    """See the module's docstring."""

    Spec: ClassVar[type[MethodSpec]] = QLoraSpec


methods.add("qlora", QLora)
