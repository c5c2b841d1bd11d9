"""A small model from scratch: a few layers with random weights learn from the same rows, in the base's tokens and template.

The baseline that keeps everybody honest: it has never read anything else, so what a fine-tune scores above it is what the base brought along.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from adapters.base import MethodSpec, Setting, methods
from adapters.full import refuse_quantised
from adapters.tuned import Tuned, TunedSpec
from training.whole import ScratchSettings


class ScratchSpec(ScratchSettings, TunedSpec):
    """A small model with random weights, trained on the training examples alone."""

    kind: Literal["scratch"] = Field("scratch", description="A small model with random weights, trained on the training examples alone.")


class Scratch(Tuned):
    """See the module's docstring."""

    Spec: ClassVar[type[MethodSpec]] = ScratchSpec

    def check(self, setting: Setting) -> None:
        super().check(setting)
        refuse_quantised(self.spec.kind, setting)


methods.add("scratch", Scratch)
