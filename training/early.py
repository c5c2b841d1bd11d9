"""When to end before the last epoch: no better validation loss for some epochs (early stopping), or a set number of epochs. Pure functions.

The schedule of the learning rate stays that of all epochs, so a run that ends early took the very steps that a whole one begins with.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core.errors import MethodError
from training.settings import TrainingSettings


def check(settings: TrainingSettings, validation_rows: int) -> None:
    """Raises:
    MethodError: early stopping without validation rows, which it goes by.
    """
    if settings.early_stopping is not None and not validation_rows:
        raise MethodError(
            "early_stopping needs validation rows, whose loss it watches; there are none.",
            "Give the validation split a share (data.split.validation), or leave early_stopping out.",
        )


def last_epoch(settings: TrainingSettings) -> int:
    """The epoch after which training ends at the latest."""
    return min(settings.epochs, settings.stop_after or settings.epochs)


def patience_over(epochs: Sequence[Mapping[str, Any]], patience: int | None) -> bool:
    """Whether the best validation loss is `patience` epochs old.

    Args:
        epochs: as the history has them, in order.
    """
    losses = [float(epoch["validation_loss"]) for epoch in epochs if epoch["validation_loss"] is not None]
    return patience is not None and bool(losses) and len(losses) - 1 - losses.index(min(losses)) >= patience
