"""What any training by cross-entropy is watched for, be it of a language model or of an encoder: rules over steps and epochs.

Each rule is a pure function of what is known so far. The thresholds are set so that no rule speaks on a run that learns: a warning that comes
too often is read by nobody. What only one family of kinds can have wrong stands with its own doctor.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from training.events import Epoch, Finding, Step

FAR_RATE = 30.0
"""A learning rate this many times over or under its kind's default is orders of magnitude off."""
WINDOW = 5
"""Steps that are looked at together: one step's loss is that of a few rows."""
RISE, RISE_NATS = 1.3, 0.3
LEAP, LEAP_NATS = 3.0, 1.0
FALL = 0.01
STEPS_OF_ONE_EPOCH = 30
NO_GRADIENT, FIRST_STEPS = 1e-9, 3
SOLVED = 0.95
WORSE = 1.02

Rules = Sequence[Callable[[Any], Finding | None]]


class Watch(ABC):
    """One run as it is known so far. Subclasses say what is learnt, at which rate, and which rules look when.

    Attributes:
        spoken: names of rules that have said their word; none speaks twice.
        per: what a loss is the mean of.
        lost_at_once, lost_later: what to do where the loss is no number from the first step, or from a later one; `{rate}` is filled in.
    """

    per: ClassVar[str] = "token"
    lost_at_once: ClassVar[str]
    lost_later: ClassVar[str]

    kind: str
    steps: list[Step]
    epochs: list[Epoch]
    spoken: set[str]

    @property
    @abstractmethod
    def rate(self) -> float:
        """The largest learning rate of this run."""

    @property
    @abstractmethod
    def usual_rate(self) -> float:
        """The kind's default learning rate."""

    @abstractmethod
    def before(self) -> Rules:
        """Rules that need no step."""

    def begin(self) -> list[Finding]:
        """What can be said before the first step."""
        return self._say(self.before())

    def see(self, event: Step | Epoch) -> list[Finding]:
        """What this event shows."""
        if isinstance(event, Step):
            self.steps.append(event)
            return self._say(AT_STEPS)
        self.epochs.append(event)
        return self._say(AT_EPOCHS)

    def _say(self, rules: Rules) -> list[Finding]:
        found = []
        for rule in rules:
            finding = rule(self)
            if finding is not None and finding.rule not in self.spoken:
                self.spoken.add(finding.rule)
                found.append(finding)
        return found


def far_rate(run: Watch) -> Finding | None:
    rate, usual = run.rate, run.usual_rate
    if usual / FAR_RATE <= rate <= usual * FAR_RATE:
        return None
    high = rate > usual
    return Finding(
        "rate",
        f"learning_rate {rate:g} is {'far above' if high else 'far below'} what {run.kind} usually takes (about {usual:g}).",
        f"{'Lower' if high else 'Raise'} it towards {usual:g}.",
    )


def no_number(run: Watch) -> Finding | None:
    last = run.steps[-1]
    if math.isfinite(last.loss) and math.isfinite(last.grad_norm):
        return None
    remedy = run.lost_at_once if last.step == 1 else run.lost_later
    text = f"The training loss is no longer a number at step {last.step}."
    return Finding("no_number", text, remedy.format(rate=f"{run.rate:g}"), last.step, fatal=True)


def no_gradient(run: Watch) -> Finding | None:
    first = run.steps[:FIRST_STEPS]
    if len(run.steps) != FIRST_STEPS or any(step.grad_norm > NO_GRADIENT or step.loss == 0 for step in first):
        return None
    text = f"The gradients of the first {FIRST_STEPS} steps are zero: nothing that is trained has a part in the loss."
    return Finding("flat", text, "Choose another kind of fine-tuning for this model.", run.steps[-1].step)


def diverging(run: Watch) -> Finding | None:
    """The last steps, each of them, lie well above the first ones' mean, or far above the first step, which no update came before."""
    for count, factor, nats in ((WINDOW, RISE, RISE_NATS), (1, LEAP, LEAP_NATS)):
        if len(run.steps) < count + WINDOW:
            continue
        start = sum(step.loss for step in run.steps[:count]) / count
        if min(step.loss for step in run.steps[-WINDOW:]) > max(start * factor, start + nats):
            return _rises(run, start, run.steps[-1].loss)
    return None


def rising_epochs(run: Watch) -> Finding | None:
    """An epoch's training loss lies well above that of an earlier one."""
    best = min(epoch.train_loss for epoch in run.epochs)
    last = run.epochs[-1].train_loss
    return None if last <= max(best * RISE, best + RISE_NATS) else _rises(run, best, last)


def _rises(run: Watch, before: float, now: float) -> Finding:
    return Finding(
        "diverging",
        f"The training loss rises instead of falling: from {before:.2f} to {now:.2f} nats per {run.per}.",
        f"Lower learning_rate (it is {run.rate:g}; try {run.rate / 10:g}), or raise warmup_share.",
        run.steps[-1].step if run.steps else 0,
    )


def flat(run: Watch) -> Finding | None:
    """No fall from the first epoch to this one or, within a single long epoch, from its first third to its last."""
    if not run.steps or run.steps[-1].token_accuracy >= SOLVED or "diverging" in run.spoken:
        return None
    if len(run.epochs) >= 2:
        before, now = run.epochs[0].train_loss, run.epochs[-1].train_loss
    elif len(run.steps) >= STEPS_OF_ONE_EPOCH:
        third = len(run.steps) // 3
        before, now = (sum(step.loss for step in part) / third for part in (run.steps[:third], run.steps[-third:]))
    else:
        return None
    if now < before * (1 - FALL):
        return None
    return Finding(
        "flat",
        f"The training loss does not fall: {before:.3f} nats per {run.per} at first, {now:.3f} now.",
        f"Raise learning_rate (it is {run.rate:g}; usual for {run.kind} is about {run.usual_rate:g}), or train for more epochs.",
        run.steps[-1].step,
    )


def overfitting(run: Watch) -> Finding | None:
    """Two epochs in a row with a worse validation loss than the best one's, and a better training loss."""
    known = [(epoch, epoch.validation_loss) for epoch in run.epochs if epoch.validation_loss is not None]
    if len(known) < 3:
        return None
    best, lowest = min(known, key=lambda one: one[1])
    (last, now), (_, before) = known[-1], known[-2]
    if min(now, before) <= lowest * WORSE or last.train_loss >= best.train_loss:
        return None
    return Finding(
        "overfitting",
        f"Since epoch {best.epoch} the validation loss rises ({lowest:.3f} to {now:.3f} nats per {run.per}) while the training loss falls: rows "
        f"are learnt by heart. The weights of epoch {best.epoch} are kept.",
        f"Set early_stopping: 1 or epochs: {best.epoch}, lower learning_rate, or give more training rows.",
        run.steps[-1].step if run.steps else 0,
    )


AT_STEPS: Rules = (no_number, no_gradient, diverging)
AT_EPOCHS: Rules = (rising_epochs, flat, overfitting)
