"""Says in words what is wrong with a training run and what to change, while there is still time to.

Each rule is a pure function of what is known so far: facts about the rows, the settings, the steps and the epochs. It says something at most
once. The thresholds are set so that no rule speaks on a run that learns: a warning that comes too often is read by nobody.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from training.events import Epoch, Finding, Step
from training.facts import RowFacts
from training.peft_configs import kinds
from training.settings import TrainingSettings

FAR_RATE = 30.0
"""A learning rate this many times over or under its kind's default is orders of magnitude off."""
ENDING_SHARE = 0.9
WINDOW = 5
"""Steps that are looked at together: one step's loss is that of a few rows."""
RISE, RISE_NATS = 1.3, 0.3
LEAP, LEAP_NATS = 3.0, 1.0
FALL = 0.01
STEPS_OF_ONE_EPOCH = 30
NO_GRADIENT, FIRST_STEPS = 1e-9, 3
SOLVED = 0.95
WORSE = 1.02


@dataclass
class Doctor:
    """Watches one run.

    Attributes:
        spoken: names of rules that have said their word.
    """

    kind: str
    settings: TrainingSettings
    rows: RowFacts
    steps: list[Step] = field(default_factory=list)
    epochs: list[Epoch] = field(default_factory=list)
    spoken: set[str] = field(default_factory=set)

    def begin(self) -> list[Finding]:
        """What can be said before the first step."""
        return self._say(BEFORE)

    def see(self, event: Step | Epoch) -> list[Finding]:
        """What this event shows."""
        if isinstance(event, Step):
            self.steps.append(event)
            return self._say(AT_STEPS)
        self.epochs.append(event)
        return self._say(AT_EPOCHS)

    @property
    def usual_rate(self) -> float:
        """The kind's default learning rate."""
        return float(kinds.get(self.kind).Settings.model_fields["learning_rate"].default)

    def _say(self, rules: Sequence[Rule]) -> list[Finding]:
        found = []
        for rule in rules:
            finding = rule(self)
            if finding is not None and finding.rule not in self.spoken:
                self.spoken.add(finding.rule)
                found.append(finding)
        return found


Rule = Callable[[Doctor], Finding | None]


def diagnose(kind: str, settings: TrainingSettings, rows: RowFacts, events: Iterable[Step | Epoch]) -> list[Finding]:
    """All findings of a stream, in the order in which a run would have told them; up to the first that would have ended it."""
    doctor = Doctor(kind, settings, rows)
    found = doctor.begin()
    for event in events:
        if any(finding.fatal for finding in found):
            break
        found += doctor.see(event)
    return found


def nothing_supervised(run: Doctor) -> Finding | None:
    if run.rows.words:
        return None
    return Finding(
        "masked",
        f"No token of the {run.rows.kept} training answers counts towards the loss: all labels are masked, or all answers are empty.",
        "Check that the output column is the right one, and that completion_ids hold the answer's tokens.",
        fatal=True,
    )


def no_end(run: Doctor) -> Finding | None:
    if run.rows.ending is None or run.rows.ending >= ENDING_SHARE * run.rows.kept:
        return None
    return Finding(
        "no_end",
        f"{run.rows.kept - run.rows.ending} of {run.rows.kept} training answers do not end with the token that ends a turn, so the model "
        "would not learn to stop.",
        "End completion_ids with the model's end-of-turn id, as models.chat's completion_ids does.",
    )


def most_left_out(run: Doctor) -> Finding | None:
    if run.rows.left_out <= run.rows.kept:
        return None
    limit = run.settings.max_tokens
    enough = f" to {run.rows.longest} for all of them" if run.rows.longest > limit else ""
    return Finding(
        "left_out",
        f"Most training rows are too long and are left out: {run.rows.left_out} of {run.rows.left_out + run.rows.kept} "
        f"(max_tokens is {limit}).",
        f"Raise max_tokens{enough}, or shorten the texts.",
    )


def far_rate(run: Doctor) -> Finding | None:
    rate, usual = run.settings.learning_rate, run.usual_rate
    if usual / FAR_RATE <= rate <= usual * FAR_RATE:
        return None
    high = rate > usual
    return Finding(
        "rate",
        f"learning_rate {rate:g} is {'far above' if high else 'far below'} what {run.kind} usually takes (about {usual:g}).",
        f"{'Lower' if high else 'Raise'} it towards {usual:g}.",
    )


def no_number(run: Doctor) -> Finding | None:
    last = run.steps[-1]
    if math.isfinite(last.loss) and math.isfinite(last.grad_norm):
        return None
    text = f"The training loss is no longer a number at step {last.step}."
    if last.step == 1:
        remedy = "The untrained model gives no numbers already: set model.dtype: float32, or fetch its weights again."
    else:
        remedy = f"Lower learning_rate (it is {run.settings.learning_rate:g}), or set model.dtype: float32."
    return Finding("no_number", text, remedy, last.step, fatal=True)


def no_gradient(run: Doctor) -> Finding | None:
    first = run.steps[:FIRST_STEPS]
    if len(run.steps) != FIRST_STEPS or any(step.grad_norm > NO_GRADIENT or step.loss == 0 for step in first):
        return None
    text = f"The gradients of the first {FIRST_STEPS} steps are zero: nothing that is trained has a part in the loss."
    return Finding("flat", text, "Choose another kind of fine-tuning for this model.", run.steps[-1].step)


def diverging(run: Doctor) -> Finding | None:
    """The last steps, each of them, lie well above the first ones' mean, or far above the first step, which no update came before."""
    for count, factor, nats in ((WINDOW, RISE, RISE_NATS), (1, LEAP, LEAP_NATS)):
        if len(run.steps) < count + WINDOW:
            continue
        start = sum(step.loss for step in run.steps[:count]) / count
        if min(step.loss for step in run.steps[-WINDOW:]) > max(start * factor, start + nats):
            return _rises(run, start, run.steps[-1].loss)
    return None


def rising_epochs(run: Doctor) -> Finding | None:
    """An epoch's training loss lies well above that of an earlier one."""
    best = min(epoch.train_loss for epoch in run.epochs)
    last = run.epochs[-1].train_loss
    return None if last <= max(best * RISE, best + RISE_NATS) else _rises(run, best, last)


def _rises(run: Doctor, before: float, now: float) -> Finding:
    rate = run.settings.learning_rate
    return Finding(
        "diverging",
        f"The training loss rises instead of falling: from {before:.2f} to {now:.2f} nats per token.",
        f"Lower learning_rate (it is {rate:g}; try {rate / 10:g}), or raise warmup_share.",
        run.steps[-1].step if run.steps else 0,
    )


def flat(run: Doctor) -> Finding | None:
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
    rate = run.settings.learning_rate
    remedy = f"Raise learning_rate (it is {rate:g}; usual for {run.kind} is about {run.usual_rate:g}), or train for more epochs."
    return Finding(
        "flat", f"The training loss does not fall: {before:.3f} nats per token at first, {now:.3f} now.", remedy, run.steps[-1].step
    )


def overfitting(run: Doctor) -> Finding | None:
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
        f"Since epoch {best.epoch} the validation loss rises ({lowest:.3f} to {now:.3f} nats per token) while the training loss falls: rows are "
        f"learnt by heart. The weights of epoch {best.epoch} are kept.",
        f"Set early_stopping: 1 or epochs: {best.epoch}, lower learning_rate, or give more training rows.",
        run.steps[-1].step if run.steps else 0,
    )


BEFORE: tuple[Rule, ...] = (nothing_supervised, no_end, most_left_out, far_rate)
AT_STEPS: tuple[Rule, ...] = (no_number, no_gradient, diverging)
AT_EPOCHS: tuple[Rule, ...] = (rising_epochs, flat, overfitting)
