"""Says in words what is wrong with a run on preferences: the rules of any training (`training.watch`), and those of pairs and of rewards.

A pair that the model cannot tell apart costs ln 2 = 0.693 nats, which is where DPO begins and where a coin would stay. Policy optimisation has no
such number: it is watched by its rewards, and by how far it went from the model that it started from.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar, NamedTuple

from training import events
from training.events import Finding
from training.preference.events import Epoch, Step
from training.preference.settings import AdapterSettings, GrpoSettings
from training.watch import FALL, Rules, Watch, far_rate, flat, no_number, overfitting, rising_epochs

CHANCE = math.log(2)
FEW = 3
"""Steps of policy optimisation that are looked at together; there are few, and each is of many answers."""
FAR_KL, KL_RISE = 2.0, 3.0
"""Nats a token from which, and times the first steps' by which, the distance from the start has exploded; runs that learn stay under 1."""
ALIKE = 0.95
NO_MOVE = 1.0
"""Stands for a gradient whose length was not told."""


class PairFacts(NamedTuple):
    """What is known before the first step: pairs that are trained on, pairs that are too long for it, and the tokens of the longest of both."""

    kept: int
    left_out: int = 0
    longest: int = 0


@dataclass
class PairDoctor(Watch):
    """Watches a run of DPO or of a reward model; `kind` is its job's task.

    Attributes:
        own: the run's steps, as its trainer told them.
    """

    per: ClassVar[str] = "pair"
    lost_at_once: ClassVar[str] = "The untrained model gives no numbers already: set model.dtype: float32, or fetch its weights again."
    lost_later: ClassVar[str] = "Lower learning_rate (it is {rate}), or set model.dtype: float32."

    kind: str
    settings: AdapterSettings
    rows: PairFacts
    steps: list[events.Step] = field(default_factory=list)
    epochs: list[events.Epoch] = field(default_factory=list)
    spoken: set[str] = field(default_factory=set)
    own: list[Step] = field(default_factory=list)

    @property
    def rate(self) -> float:
        return self.settings.learning_rate

    @property
    def usual_rate(self) -> float:
        return float(type(self.settings).model_fields["learning_rate"].default)

    def before(self) -> Rules:
        return BEFORE

    def watch(self, event: Step | Epoch) -> list[Finding]:
        """What this event shows: to the rules of any training, whose accuracy is here the share of pairs that are ordered right."""
        if isinstance(event, Epoch):
            self.epochs.append(events.Epoch(event.epoch, event.train_loss, event.validation_loss, event.validation_reward_accuracy))
            return self._say(AT_EPOCHS)
        self.own.append(event)
        return self.see(in_general(event))


@dataclass
class RewardsDoctor(PairDoctor):
    """Watches policy optimisation, whose loss is about 0 whatever happens."""

    def watch(self, event: Step | Epoch) -> list[Finding]:
        if isinstance(event, Epoch):
            return []
        self.own.append(event)
        self.steps.append(in_general(event))
        return self._say(OF_REWARDS)


def doctor_of(task: str, settings: AdapterSettings, rows: PairFacts) -> PairDoctor:
    """The doctor of such a job."""
    return (RewardsDoctor if isinstance(settings, GrpoSettings) else PairDoctor)(task, settings, rows)


def in_general(step: Step) -> events.Step:
    """A step as that of any training."""
    right = step.reward_accuracy or 0.0
    norm = NO_MOVE if step.grad_norm is None else step.grad_norm
    return events.Step(step.step, step.steps, step.epoch, step.loss, right, step.learning_rate, norm, 0, 0.0)


def most_left_out(run: PairDoctor) -> Finding | None:
    if run.rows.left_out <= run.rows.kept:
        return None
    limit = run.settings.max_tokens
    enough = f" to {run.rows.longest} for all of them" if run.rows.longest > limit else ""
    return Finding(
        "left_out",
        f"Most pairs are too long and are left out: {run.rows.left_out} of {run.rows.left_out + run.rows.kept} (max_tokens is {limit}).",
        f"Raise max_tokens{enough}, or shorten the texts.",
    )


def at_chance(run: PairDoctor) -> Finding | None:
    """The first epoch and the last one both cost what a coin would."""
    first, last = run.epochs[0].train_loss, run.epochs[-1].train_loss
    if len(run.epochs) < 2 or max(abs(first / CHANCE - 1), abs(last / CHANCE - 1)) > FALL:
        return None
    return Finding(
        "flat",
        f"The training loss stays at {last:.3f} nats per pair, and a coin would cost {CHANCE:.3f}: no answer is preferred yet.",
        f"Raise learning_rate (it is {run.rate:g}; usual for {run.kind} is about {run.usual_rate:g}), train for more epochs, or look at the pairs: "
        "what makes the chosen answers better?",
        run.own[-1].step,
    )


def by_heart(run: PairDoctor) -> Finding | None:
    """The general rule, with what can be set here."""
    found = overfitting(run)
    best = min(run.epochs, key=lambda epoch: math.inf if epoch.validation_loss is None else epoch.validation_loss).epoch
    return found and replace(found, remedy=f"Set epochs: {best}, lower learning_rate, or give more pairs.")


def no_signal(run: RewardsDoctor) -> Finding | None:
    """For some steps nearly every prompt's answers were rewarded alike: their advantages are zero, and so are the gradients."""
    shares = [step.equal_rewards for step in run.own[-FEW:] if step.equal_rewards is not None]
    if len(shares) < FEW or min(shares) < ALIKE or not isinstance(run.settings, GrpoSettings):
        return None
    return Finding(
        "no_signal",
        f"In the last {FEW} steps all answers to a prompt got the same reward, so there was nothing to learn from them.",
        f"Raise temperature (it is {run.settings.temperature:g}) or answers (it is {run.settings.answers}), so that answers differ; if they do, "
        "the reward model cannot tell them apart: give it more pairs.",
        run.own[-1].step,
    )


def runaway(run: RewardsDoctor) -> Finding | None:
    """The distance from the start explodes. With a rising reward that is over-optimisation (Gao et al. 2023, arXiv:2210.10760)."""
    far = [step.kl for step in run.own if step.kl is not None]
    rewards = [step.reward for step in run.own if step.reward is not None]
    if min(len(far), len(rewards)) < 2 * FEW or not isinstance(run.settings, GrpoSettings):
        return None
    before, now = _mean(far[:FEW]), _mean(far[-FEW:])
    if now < FAR_KL or now < before * KL_RISE:
        return None
    low, high = _mean(rewards[:FEW]), _mean(rewards[-FEW:])
    meant = (
        f"while the reward rises ({low:.2f} to {high:.2f}): answers may please the reward model and nobody else"
        if high > low
        else f"and the reward does not rise ({low:.2f} to {high:.2f})"
    )
    return Finding(
        "runaway",
        f"The distance from the model that it started from explodes ({before:.2g} to {now:.2g} nats per token) {meant}.",
        f"Raise kl (it is {run.settings.kl:g}), lower learning_rate (it is {run.settings.learning_rate:g}), or take fewer steps.",
        run.own[-1].step,
    )


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


BEFORE: Rules = (most_left_out, far_rate)
AT_EPOCHS: Rules = (rising_epochs, at_chance, flat, by_heart)
OF_REWARDS: Rules = (no_number, no_signal, runaway)
