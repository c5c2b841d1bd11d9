"""What a training run remembers of itself: curves, epochs, the best one, findings. Kept in each checkpoint, and at last in `training.json`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from training.events import Epoch, Finding, Step


@dataclass
class History:
    """What `training.json` holds. `findings` are those of `training.doctor`, and why training ended before its last epoch."""

    curves: list[dict[str, Any]] = field(default_factory=list)
    epochs: list[dict[str, Any]] = field(default_factory=list)
    best_epoch: int = 0
    best_loss: float = math.inf
    trainable_params: int = 0
    left_out: list[str] = field(default_factory=list)
    seconds: float = 0.0
    peak_memory_mb: float = 0.0
    gradient_checkpointing: bool = False
    findings: list[dict[str, Any]] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "best_loss": self.best_loss if math.isfinite(self.best_loss) else None}

    @classmethod
    def from_json(cls, state: Mapping[str, Any]) -> History:
        known = {name: state[name] for name in (f.name for f in fields(cls)) if name in state}
        return cls(**{**known, "best_loss": math.inf if state["best_loss"] is None else state["best_loss"]})

    def add(self, finding: Finding) -> None:
        self.findings.append(asdict(finding))

    def events(self) -> Iterator[Step | Epoch]:
        """What the run told so far, in order."""
        for epoch in self.epochs:
            yield from (Step(**step) for step in self.curves if step["epoch"] == epoch["epoch"])
            yield Epoch(**epoch)
