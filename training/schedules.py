"""The learning rate over the steps: a rise in a line (warm-up), then one of three ways on. Pure functions of the step's number.

`linear` falls in a line and `cosine` along half a wave (Loshchilov and Hutter 2017, arXiv:1608.03983), slowly at first and at the end; both
would reach 0 one step after the last. `constant` stays, so that more epochs change none of the earlier steps.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Literal

Schedule = Literal["linear", "cosine", "constant"]

HELP = "How the learning rate goes on after the warm-up: linear falls to 0 in a line, cosine along half a wave, constant stays."

AFTER_WARM_UP: Mapping[str, Callable[[float], float]] = {
    "linear": lambda left: left,
    "cosine": lambda left: (1 - math.cos(math.pi * left)) / 2,
    "constant": lambda left: 1.0,
}
"""Share of the largest rate, by the share of the steps after the warm-up that are left, this one included."""


def rate(step: int, total: int, *, largest: float, warmup_share: float, schedule: str = "linear") -> float:
    """The learning rate of a step.

    Args:
        step: counts from 1 to `total`.
        largest: the rate that the warm-up ends with.
        warmup_share: share of all steps that are warm-up, 0 to 1.
    """
    warmup = math.ceil(total * warmup_share)
    if step <= warmup:
        return largest * step / warmup
    return largest * AFTER_WARM_UP[schedule]((total - step + 1) / (total - warmup))
