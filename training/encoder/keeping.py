"""Checkpoints of a tuned encoder: one folder an epoch, trusted only with a valid MANIFEST, and what remains of them in the end."""

from __future__ import annotations

import math
import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from core.files import write_json, write_manifest, write_whole
from models.encoder import WEIGHTS, EncoderClassifier
from training.checkpoints import FOLDER, HISTORY, Checkpoint, keep_only
from training.checkpoints import latest as latest

OPTIMIZER = "optimizer.safetensors"


@dataclass
class History:
    """What `training.json` holds. `begun` is the head on the untouched encoder; `cut_rows` counts texts longer than the encoder reads."""

    curves: list[dict[str, Any]] = field(default_factory=list)
    epochs: list[dict[str, Any]] = field(default_factory=list)
    begun: dict[str, Any] = field(default_factory=dict)
    best_epoch: int = 0
    best_loss: float = math.inf
    trainable_params: int = 0
    cut_rows: int = 0
    seconds: float = 0.0
    peak_memory_mb: float = 0.0

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "best_loss": self.best_loss if math.isfinite(self.best_loss) else None}


def save(out: Path, epoch: int, model: EncoderClassifier, optimizer: torch.optim.Optimizer, history: History) -> None:
    """Write the epoch's weights, optimiser state and history, MANIFEST last; of the others only the best is kept."""
    folder = out / FOLDER / f"epoch-{epoch:03d}"
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
    keep_only(out, {epoch, history.best_epoch})


def restore(checkpoint: Checkpoint, model: EncoderClassifier, optimizer: torch.optim.Optimizer) -> History:
    """Put weights and optimiser state back in place; the history so far."""
    model.load(checkpoint.folder)
    state: dict[int, dict[str, torch.Tensor]] = {}
    for name, tensor in load_file(checkpoint.folder / OPTIMIZER).items():
        index, _, part = name.partition(".")
        state.setdefault(int(index), {})[part] = tensor
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    best = checkpoint.state["best_loss"]
    return History(**{**checkpoint.state, "best_loss": math.inf if best is None else best})


def finish(out: Path, history: History) -> None:
    """Put the best epoch's weights at the top of `out`, then the history, then drop the checkpoints.

    `training.json` is written last: where it stands, the weights beside it are whole, whenever the process was killed.
    """
    write_whole(out / WEIGHTS, (out / FOLDER / f"epoch-{history.best_epoch:03d}" / WEIGHTS).read_bytes())
    write_json(out / HISTORY, history.to_json())
    shutil.rmtree(out / FOLDER)


def is_finished(out: Path) -> bool:
    """True where an earlier attempt got as far as the history; what it left of its checkpoints is removed."""
    if not ((out / HISTORY).is_file() and (out / WEIGHTS).is_file()):
        return False
    shutil.rmtree(out / FOLDER, ignore_errors=True)
    return True
