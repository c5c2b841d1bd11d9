"""IA3: one learnt factor for each key, value and inner feed-forward feature (Liu et al. 2022, arXiv:2205.05638).

The smallest kind by far, a few factors a layer: prefer it where many tunes are to be kept, or where LoRA overfits a handful of rows.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from adapters.base import MethodSpec, methods
from adapters.tuned import Tuned, TunedSpec
from training.peft_configs import Ia3Settings


class Ia3Spec(Ia3Settings, TunedSpec):
    """Learnt factors on keys, values and feed-forward features."""

    kind: Literal["ia3"] = Field("ia3", description="Learnt factors on keys, values and feed-forward features.")


class Ia3(Tuned):
    """See the module's docstring."""

    Spec: ClassVar[type[MethodSpec]] = Ia3Spec


methods.add("ia3", Ia3)
