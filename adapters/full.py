"""Full fine-tuning: every weight of the base is trained, in float32, and the whole model is saved in the number type that it answers in.

Prefer it where there are thousands of rows and memory for 16 bytes a parameter (weights, gradients, and AdamW's two moments); with few rows LoRA
usually learns as much and forgets less (Biderman et al. 2024, arXiv:2405.09673).
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from adapters.base import MethodSpec, Setting, methods
from adapters.tuned import Tuned, TunedSpec
from core.errors import MethodError
from training.whole import NO_QUANTISED, FullSettings


class FullSpec(FullSettings, TunedSpec):
    """Fine-tuning of every weight."""

    kind: Literal["full"] = Field("full", description="Fine-tuning of every weight on the training examples.")


class Full(Tuned):
    """See the module's docstring."""

    Spec: ClassVar[type[MethodSpec]] = FullSpec

    def check(self, setting: Setting) -> None:
        super().check(setting)
        refuse_quantised(self.spec.kind, setting)


def refuse_quantised(kind: str, setting: Setting) -> None:
    """Raises:
    MethodError: the base is to be held in few bits, which cannot take small steps.
    """
    if setting.model.weights != "auto":
        raise MethodError(f"{kind} trains whole weights, so `weights` must be auto; got {setting.model.weights}.", NO_QUANTISED)


methods.add("full", Full)
