"""Prefix tuning: learnt keys and values at each layer, before every prompt; the model stays as it is (Li and Liang 2021, arXiv:2101.00190).

More to learn than a soft prompt, so it suits small models better. It starts from the keys and values of real words, which the paper
found best for few rows, and without the paper's extra network, which that start makes needless.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from adapters.base import MethodSpec, methods
from adapters.tuned import Tuned, TunedSpec
from training.prompt_learning import PrefixTuningSettings


class PrefixTuningSpec(PrefixTuningSettings, TunedSpec):
    """Learnt keys and values before every prompt."""

    kind: Literal["prefix_tuning"] = Field("prefix_tuning", description="Learnt keys and values before every prompt.")


class PrefixTuning(Tuned):
    """See the module's docstring."""

    Spec: ClassVar[type[MethodSpec]] = PrefixTuningSpec


methods.add("prefix_tuning", PrefixTuning)
