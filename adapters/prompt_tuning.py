"""Prompt tuning: learnt embeddings before every prompt, a soft prompt; the model stays as it is (Lester, Al-Rfou and Constant 2021, arXiv:2104.08691).

The paper finds it level with full fine-tuning for very large models and behind it for small ones. It needs a far larger learning rate
than LoRA and more epochs.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from adapters.base import MethodSpec, methods
from adapters.tuned import Tuned, TunedSpec
from training.prompt_learning import PromptTuningSettings


class PromptTuningSpec(PromptTuningSettings, TunedSpec):
    """A learnt soft prompt before every prompt."""

    kind: Literal["prompt_tuning"] = Field("prompt_tuning", description="A learnt soft prompt before every prompt.")


class PromptTuning(Tuned):
    """See the module's docstring."""

    Spec: ClassVar[type[MethodSpec]] = PromptTuningSpec


methods.add("prompt_tuning", PromptTuning)
