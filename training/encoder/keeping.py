"""Checkpoints of a tuned encoder: one folder an epoch, trusted only with a valid MANIFEST, and what remains of them in the end."""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from core.files import write_json, write_manifest, write_whole
from models.encoder import WEIGHTS, EncoderClassifier
from training import early
from training.checkpoints import FOLDER, HISTORY, Checkpoint, epoch_folder, keep_needed
from training.checkpoints import latest as latest
from training.encoder.events import Epoch, Step
from training.encoder.job import EncoderSettings
from training.events import Finding
from training.stopping import STOPPED, Kept

OPTIMIZER = "optimizer.safetensors"


@dataclass
class History:
    """What `training.json` holds.

    Attributes:
        begun: the head on the untouched encoder.
        cut_rows: how many texts are longer than the encoder reads.
        findings: the doctor's, and why training ended before its last epoch.
    """

    curves: list[dict[str, Any]] = field(default_factory=list)
    epochs: list[dict[str, Any]] = field(default_factory=list)
    begun: dict[str, Any] = field(default_factory=dict)
    best_epoch: int = 0
    best_loss: float = math.inf
    trainable_params: int = 0
    cut_rows: int = 0
    seconds: float = 0.0
    peak_memory_mb: float = 0.0
    findings: list[dict[str, Any]] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "best_loss": self.best_loss if math.isfinite(self.best_loss) else None}

    @classmethod
    def from_json(cls, state: dict[str, Any]) -> History:
        best = state["best_loss"]
        return cls(**{**state, "best_loss": math.inf if best is None else best})

    def add(self, finding: Finding) -> None:
        self.findings.append(asdict(finding))

    def events(self) -> Iterator[Step | Epoch]:
        """What the run told so far, in order."""
        for epoch in self.epochs:
            yield from (Step(**step) for step in self.curves if step["epoch"] == epoch["epoch"])
            yield Epoch(**epoch)


def save(out: Path, epoch: int, model: EncoderClassifier, optimizer: torch.optim.Optimizer, history: History) -> None:
    """Write the epoch's weights, optimiser state and history, MANIFEST last; what nothing needs goes."""
    folder = epoch_folder(out, epoch)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    model.save(folder)
    state = optimizer.state_dict()["state"]
    save_file(
        {f"{i}.{name}": value.detach().cpu().contiguous() for i, entry in state.items() for name, value in entry.items()},
        folder / OPTIMIZER,
    )
    write_json(folder / "state.json", history.to_json())
    write_manifest(folder, {"epoch": epoch})
    keep_needed(out, epoch, history.best_epoch)


def restore(checkpoint: Checkpoint, model: EncoderClassifier, optimizer: torch.optim.Optimizer) -> History:
    """Put weights and optimiser state back in place; the history so far."""
    model.load(checkpoint.folder)
    state: dict[int, dict[str, torch.Tensor]] = {}
    for name, tensor in load_file(checkpoint.folder / OPTIMIZER).items():
        index, _, part = name.partition(".")
        state.setdefault(int(index), {})[part] = tensor
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    return History.from_json(checkpoint.state)


def finish(out: Path, history: History) -> None:
    """Put the best epoch's weights at the top of `out`, then the history, then drop the checkpoints.

    `training.json` is written last: where it stands, the weights beside it are whole, whenever the process was killed.
    """
    _place(out, history.best_epoch, out)
    write_json(out / HISTORY, history.to_json())
    (out / STOPPED).unlink(missing_ok=True)  # the label of an earlier attempt that was stopped
    shutil.rmtree(out / FOLDER)


def is_finished(out: Path) -> bool:
    """True where an earlier attempt got as far as the history; what it left of its checkpoints is removed."""
    if not ((out / HISTORY).is_file() and (out / WEIGHTS).is_file()):
        return False
    shutil.rmtree(out / FOLDER, ignore_errors=True)
    return True


def keep(out: Path, settings: EncoderSettings) -> Kept | None:
    """Of a run that is stopped: put the best finished epoch's weights at the top of `out`, beside `stopped.json`; None where none has ended.

    The checkpoints stay, and the same job goes on from them.
    """
    return _keep(out, out, STOPPED, settings)


def adopt(unfinished: Path, out: Path, settings: EncoderSettings) -> Kept | None:
    """Make of an unfinished job's best epoch the finished weights of the job with `stop_after`, in another folder; None where none has ended."""
    return _keep(unfinished, out, HISTORY, settings)


def _keep(unfinished: Path, out: Path, name: str, settings: EncoderSettings) -> Kept | None:
    newest = latest(unfinished)
    if newest is None:
        return None
    history = History.from_json(newest.state)
    why = early.ending(settings.model_copy(update={"stop_after": newest.epoch}), history.epochs, history.best_epoch)
    if why is not None:
        history.add(why)
    _place(unfinished, history.best_epoch, out)
    write_json(out / name, history.to_json())
    return Kept(newest.epoch, settings.epochs, history.best_epoch)


def _place(source: Path, epoch: int, out: Path) -> None:
    """Put an epoch's weights at the top of `out`."""
    write_whole(out / WEIGHTS, (epoch_folder(source, epoch) / WEIGHTS).read_bytes())
