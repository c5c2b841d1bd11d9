"""What a preference job tells while it works, and what it leaves behind beside its weights."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from core.errors import MethodError


@dataclass(frozen=True)
class Step:
    """One optimiser step. What a task has no such figure for is None.

    Attributes:
        loss: the task's own loss; of pairs in nats, chance being ln 2.
        reward_accuracy: share of the step's pairs whose chosen answer had the higher reward.
        reward_margin: mean reward of the chosen minus that of the rejected answer.
        reward: mean reward of the answers that were drawn.
        kl: mean distance (nats per token) from the model that it started from.
        answer_tokens: mean length of the answers that were drawn.
    """

    step: int
    steps: int
    epoch: int
    loss: float
    learning_rate: float
    grad_norm: float | None = None
    reward_accuracy: float | None = None
    reward_margin: float | None = None
    reward: float | None = None
    kl: float | None = None
    answer_tokens: float | None = None


@dataclass(frozen=True)
class Epoch:
    """The end of an epoch. Figures on held-out pairs are None without such pairs."""

    epoch: int
    validation_loss: float | None
    validation_reward_accuracy: float | None
    validation_reward_margin: float | None


Tell = Callable[[Step | Epoch], None]


@dataclass
class History:
    """What `training.json` holds, in the form of the supervised trainer's.

    Attributes:
        held_out: {pairs, right}: of the pairs that were never trained on, how many the kept weights order as they should; None where
            none were held out.
    """

    curves: list[dict[str, Any]] = field(default_factory=list)
    epochs: list[dict[str, Any]] = field(default_factory=list)
    best_epoch: int = 0
    trainable_params: int = 0
    left_out: list[str] = field(default_factory=list)
    seconds: float = 0.0
    peak_memory_mb: float = 0.0
    held_out: dict[str, int] | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def checked(number: float, step: int) -> float:
    """The loss of a step.

    Raises:
        MethodError: it is not a number.
    """
    if not math.isfinite(number):
        raise MethodError(f"The training loss is no longer a number at step {step}.", "Lower learning_rate, or set model.dtype: float32.")
    return number
