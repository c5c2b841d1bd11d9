"""What the tuning of an encoder tells while it goes on, beside the doctor's findings."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """One optimiser step. `loss` is the mean cross-entropy per row in nats, weighed by label where the labels are balanced."""

    step: int
    steps: int
    epoch: int
    loss: float
    accuracy: float
    learning_rate: float
    grad_norm: float
    seconds: float


@dataclass(frozen=True)
class Epoch:
    """The end of an epoch. Validation figures are None without validation rows."""

    epoch: int
    train_loss: float
    validation_loss: float | None
    validation_accuracy: float | None
