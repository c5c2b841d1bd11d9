"""What becomes of a stopped run on preferences: as `training.stopping` says, with the words of its own unit, epochs of DPO and steps of GRPO."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from training import checkpoints, stopping
from training.checkpoints import Checkpoint
from training.events import Finding
from training.preference.events import History
from training.preference.settings import DpoSettings, GrpoSettings
from training.stopping import Kept

Settings = DpoSettings | GrpoSettings


def whole_of(settings: Settings) -> int:
    """All epochs, or all steps."""
    return settings.steps if isinstance(settings, GrpoSettings) else settings.epochs


def unit_of(settings: Settings) -> str:
    return "step" if isinstance(settings, GrpoSettings) else "epoch"


def last_of(settings: Settings) -> int:
    """The epoch or step that training ends with."""
    return min(whole_of(settings), settings.stop_after or whole_of(settings))


def ending(settings: Settings, at: int, best: int) -> Finding | None:
    """Why training ended before its end; None where it did not."""
    unit, whole = unit_of(settings), whole_of(settings)
    if at >= whole:
        return None
    text = f"Stopped after {unit} {at} of {whole}; the weights of {unit} {best} are kept."
    return Finding("stopped", text, f"Leave stop_after out to train all {unit}s.")


def keep(out: Path, base_id: str, settings: Settings) -> Kept | None:
    """As `training.stopping.keep`: the best weights so far at the top of `out`, labelled; None before the first checkpoint."""
    newest = checkpoints.latest(out)
    if newest is None:
        return None
    kept, history = _kept(newest, settings)
    stopping.label(out, base_id, kept, history.to_json())
    return kept


def adopt(unfinished: Path, out: Path, base_id: str, settings: Settings) -> Kept | None:
    """As `training.stopping.adopt`: an unfinished job's best weights as those of the job with `stop_after`."""
    newest = checkpoints.latest(unfinished)
    if newest is None:
        return None
    kept, history = _kept(newest, settings)
    stopping.carry(unfinished, out, base_id, kept, history.to_json())
    return kept


def _kept(newest: Checkpoint, settings: Settings) -> tuple[Kept, History]:
    history = History.from_json(newest.state)
    if (why := ending(settings, newest.epoch, history.best_epoch)) is not None:
        history.findings.append(asdict(why))
    return Kept(newest.epoch, whole_of(settings), history.best_epoch), history
