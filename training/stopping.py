"""What becomes of a run that is stopped: the best of its finished epochs is made usable weights, labelled by the epoch that it was stopped after.

Beside the checkpoints, from which the same job goes on, these weights have `stopped.json` and no `training.json`, so nothing takes them for
finished ones. Elsewhere they are finished: they are just what a job with `stop_after` set to that epoch would have trained.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, NamedTuple

from core.files import write_json
from training import checkpoints, early
from training.checkpoints import Checkpoint
from training.history import History
from training.settings import TrainingSettings

STOPPED = "stopped.json"
OF_ONE_ATTEMPT = ("job.json", "trainer.log", STOPPED, checkpoints.HISTORY)


class Kept(NamedTuple):
    """`epoch` was the last that ended, of `epochs`; the weights are those of `best_epoch`."""

    epoch: int
    epochs: int
    best_epoch: int


def keep(out: Path, base_id: str, settings: TrainingSettings) -> Kept | None:
    """Put the best finished epoch's weights at the top of `out`; None where no epoch has ended. The checkpoints stay."""
    newest = checkpoints.latest(out)
    if newest is None:
        return None
    kept, history = _kept(newest, settings)
    label(out, base_id, kept, history.to_json())
    return kept


def label(out: Path, base_id: str, kept: Kept, history: dict[str, Any]) -> None:
    """Put the best weights at the top of `out`, and beside them the history that says that they are not the finished ones."""
    checkpoints.place(checkpoints.epoch_folder(out, kept.best_epoch), out, base_id)
    write_json(out / STOPPED, history)


def adopt(unfinished: Path, out: Path, base_id: str, settings: TrainingSettings) -> Kept | None:
    """Make of an unfinished job's best epoch the finished weights of the job with `stop_after`; None where no epoch has ended.

    Args:
        out: another folder; the unfinished one stays as it is.
        settings: those of the unfinished job.
    """
    newest = checkpoints.latest(unfinished)
    if newest is None:
        return None
    kept, history = _kept(newest, settings)
    carry(unfinished, out, base_id, kept, history.to_json())
    return kept


def carry(unfinished: Path, out: Path, base_id: str, kept: Kept, history: dict[str, Any]) -> None:
    """Put the best weights of an unfinished job into another folder as finished ones, with the files that lie beside them."""
    for path in unfinished.iterdir():
        if path.is_file() and path.name not in OF_ONE_ATTEMPT and not path.name.startswith("."):
            shutil.copyfile(path, out / path.name)
    checkpoints.place(checkpoints.epoch_folder(unfinished, kept.best_epoch), out, base_id)
    write_json(out / checkpoints.HISTORY, history)


def _kept(newest: Checkpoint, settings: TrainingSettings) -> tuple[Kept, History]:
    history = History.from_json(newest.state)
    why = early.ending(settings.model_copy(update={"stop_after": newest.epoch}), history.epochs, history.best_epoch)
    if why is not None:
        history.add(why)
    return Kept(newest.epoch, settings.epochs, history.best_epoch), history
