"""DoRA: LoRA for the direction of each weight column, and its length learnt apart (Liu et al. 2024, arXiv:2402.09353).

Often a little better than LoRA at a low rank; training takes longer, since the length of base plus update is computed at each step.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from adapters.base import MethodSpec, methods
from adapters.tuned import Tuned, TunedSpec
from training.peft_configs import LoraSettings


class DoraSpec(TunedSpec, LoraSettings):
    """Low-rank fine-tuning of directions, with lengths learnt apart."""

    kind: Literal["dora"] = Field("dora", description="Low-rank fine-tuning of directions, with lengths learnt apart.")


class Dora(Tuned):
    """See the module's docstring."""

    Spec: ClassVar[type[MethodSpec]] = DoraSpec


methods.add("dora", Dora)
