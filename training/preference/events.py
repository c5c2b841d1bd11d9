"""What a preference job tells while it works, and what it leaves behind beside its weights."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from core.errors import MethodError
from training.events import Finding


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
        equal_rewards: share of the step's prompts whose answers all got the same reward, so that they teach nothing.
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
    equal_rewards: float | None = None


@dataclass(frozen=True)
class Epoch:
    """The end of an epoch: the mean loss of its steps, and figures on held-out pairs, None without such pairs."""

    epoch: int
    train_loss: float
    validation_loss: float | None
    validation_reward_accuracy: float | None
    validation_reward_margin: float | None


Tell = Callable[[Step | Epoch | Finding], None]


@dataclass
class History:
    """What `training.json` holds, in the form of the supervised trainer's.

    Attributes:
        best_epoch: whose weights are kept; of GRPO, which has no epochs, the step.
        held_out: {pairs, right}: of the pairs that were never trained on, how many the kept weights order as they should; None where
            none were held out.
        findings: of `training.preference.doctor`, and why training ended before its end.
    """

    curves: list[dict[str, Any]] = field(default_factory=list)
    epochs: list[dict[str, Any]] = field(default_factory=list)
    best_epoch: int = 0
    best_loss: float = math.inf
    trainable_params: int = 0
    left_out: list[str] = field(default_factory=list)
    seconds: float = 0.0
    peak_memory_mb: float = 0.0
    held_out: dict[str, int] | None = None
    findings: list[dict[str, Any]] = field(default_factory=list)

    def to_json(self, more: Sequence[Finding] = ()) -> dict[str, Any]:
        """Args:
        more: findings that are known but not told yet.
        """
        found = {"findings": [*self.findings, *map(asdict, more)]}
        return {**asdict(self), **found, "best_loss": self.best_loss if math.isfinite(self.best_loss) else None}

    @classmethod
    def from_json(cls, state: Mapping[str, Any]) -> History:
        known = {name: state[name] for name in (f.name for f in fields(cls)) if name in state}
        return cls(**{**known, "best_loss": math.inf if state.get("best_loss") is None else state["best_loss"]})

    def end_epoch(self, epoch: int, loss: float | None, accuracy: float | None, margin: float | None) -> Epoch:
        """Remember an epoch, and whether its weights are the best so far: by the held-out pairs, or where there are none, the last ones.

        Args:
            loss, accuracy, margin: on held-out pairs.
        """
        steps = [step["loss"] for step in self.curves if step["epoch"] == epoch]
        ended = Epoch(epoch, sum(steps) / len(steps), loss, accuracy, margin)
        self.epochs.append(asdict(ended))
        if loss is None or loss < self.best_loss or not self.best_epoch:
            self.best_epoch, self.best_loss = epoch, math.inf if loss is None else loss
        return ended

    def events(self) -> Iterator[Step | Epoch]:
        """What the run told so far, in order."""
        ended = {epoch["epoch"]: Epoch(**epoch) for epoch in self.epochs}
        for place, step in enumerate(self.curves):
            yield Step(**step)
            is_last = place + 1 == len(self.curves) or self.curves[place + 1]["epoch"] != step["epoch"]
            if is_last and step["epoch"] in ended:
                yield ended[step["epoch"]]

    def told(self, findings: Sequence[Finding], tell: Tell) -> None:
        """Remember and tell what the doctor said.

        Raises:
            MethodError: going on would be of no use.
        """
        for finding in findings:
            if finding.fatal:
                raise MethodError(finding.text, finding.remedy)
            self.findings.append(asdict(finding))
            tell(finding)
