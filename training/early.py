"""When to end before the last epoch: no better validation loss for some epochs (early stopping), or a set number of epochs. Pure functions.

The schedule of the learning rate stays that of all epochs, so a run that ends early took the very steps that a whole one begins with.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from core.errors import MethodError
from training.events import Finding


class Ending(Protocol):
    """The settings that say when training ends."""

    @property
    def epochs(self) -> int: ...

    @property
    def early_stopping(self) -> int | None: ...

    @property
    def stop_after(self) -> int | None: ...


def check(settings: Ending, validation_rows: int) -> None:
    """Raises:
    MethodError: early stopping without validation rows, which it goes by.
    """
    if settings.early_stopping is not None and not validation_rows:
        raise MethodError(
            "early_stopping needs validation rows, whose loss it watches; there are none.",
            "Give the validation split a share (data.split.validation), or leave early_stopping out.",
        )


def last_epoch(settings: Ending) -> int:
    """The epoch after which training ends at the latest."""
    return min(settings.epochs, settings.stop_after or settings.epochs)


def patience_over(epochs: Sequence[Mapping[str, Any]], patience: int | None) -> bool:
    """Whether the best validation loss is `patience` epochs old.

    Args:
        epochs: as the history has them, in order.
    """
    losses = [float(epoch["validation_loss"]) for epoch in epochs if epoch["validation_loss"] is not None]
    return patience is not None and bool(losses) and len(losses) - 1 - losses.index(min(losses)) >= patience


def ending(settings: Ending, epochs: Sequence[Mapping[str, Any]], best_epoch: int) -> Finding | None:
    """Why training ended before its last epoch; None where it did not."""
    ended = len(epochs)
    if not 0 < ended < settings.epochs:
        return None
    kept = f"the weights of epoch {best_epoch} are kept"
    if settings.stop_after is not None and ended >= settings.stop_after:
        return Finding("stopped", f"Stopped after epoch {ended} of {settings.epochs}; {kept}.", "Leave stop_after out to train all epochs.")
    text = f"Ended early after epoch {ended} of {settings.epochs}: the validation loss was lowest in epoch {best_epoch}; {kept}."
    return Finding("early_stopping", text, f"This is what early_stopping: {settings.early_stopping} asks for.")
