"""What a training run tells while it goes on: steps, ends of epochs, and findings of the doctor."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """One optimiser step. `loss` is the mean cross-entropy per supervised token in nats; `tokens` counts those.

    Both are of the task's rows; `general_loss` is that of the general rows of the step, None without rehearsal.
    """

    step: int
    steps: int
    epoch: int
    loss: float
    token_accuracy: float
    learning_rate: float
    grad_norm: float
    tokens: int
    seconds: float
    general_loss: float | None = None


@dataclass(frozen=True)
class Epoch:
    """The end of an epoch. Validation figures are None without validation rows."""

    epoch: int
    train_loss: float
    validation_loss: float | None
    validation_token_accuracy: float | None


@dataclass(frozen=True)
class Finding:
    """What is wrong with a run, and what to change.

    Attributes:
        rule: its name in `training.doctor`.
        fatal: going on would be of no use, so the run ends.
        step: the step that it was found at; 0 before the first.
    """

    rule: str
    text: str
    remedy: str
    step: int = 0
    fatal: bool = False
