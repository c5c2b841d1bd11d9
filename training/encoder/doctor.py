"""Says in words what is wrong with the tuning of an encoder: the rules of any training, and those of texts with labels."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple

from training import events
from training.encoder.events import Epoch, Step
from training.encoder.job import EncoderSettings
from training.events import Finding
from training.watch import Rules, Watch, far_rate


class TextFacts(NamedTuple):
    """What is known of the training rows before the first step.

    Attributes:
        rows, cut: training rows, and how many of them are longer than the `reads` tokens that the encoder reads.
        labels, absent: labels that occur in the training rows, and those of the label set that do not.
    """

    rows: int
    cut: int
    reads: int
    labels: int
    absent: int


@dataclass
class EncoderDoctor(Watch):
    """Watches one run."""

    per: ClassVar[str] = "row"
    lost_at_once: ClassVar[str] = "The untrained encoder gives no numbers already: fetch its weights again, or name another model.embedder."
    lost_later: ClassVar[str] = "Lower learning_rate (it is {rate})."

    settings: EncoderSettings
    facts: TextFacts
    kind: str = "tuned_encoder"
    steps: list[events.Step] = field(default_factory=list)
    epochs: list[events.Epoch] = field(default_factory=list)
    spoken: set[str] = field(default_factory=set)

    @property
    def rate(self) -> float:
        return self.settings.learning_rate

    @property
    def usual_rate(self) -> float:
        return float(EncoderSettings.model_fields["learning_rate"].default)

    def before(self) -> Rules:
        return BEFORE

    def watch(self, event: Step | Epoch) -> list[Finding]:
        """What this event shows."""
        return self.see(in_general(event))


def in_general(event: Step | Epoch) -> events.Step | events.Epoch:
    """A trainer's event as that of any training: what is learnt are labels of rows, as it is tokens elsewhere."""
    if isinstance(event, Epoch):
        return events.Epoch(event.epoch, event.train_loss, event.validation_loss, event.validation_accuracy)
    return events.Step(
        event.step, event.steps, event.epoch, event.loss, event.accuracy, event.learning_rate, event.grad_norm, 0, event.seconds
    )


def most_cut(run: EncoderDoctor) -> Finding | None:
    if 2 * run.facts.cut <= run.facts.rows:
        return None
    return Finding(
        "cut",
        f"Most training texts are longer than the encoder reads: {run.facts.cut} of {run.facts.rows} have more than {run.facts.reads} tokens, and "
        "only their beginning counts.",
        "Shorten the texts, or name an encoder that reads more (model.embedder).",
    )


def absent_labels(run: EncoderDoctor) -> Finding | None:
    if not run.facts.absent:
        return None
    every = run.facts.labels + run.facts.absent
    return Finding(
        "absent",
        f"{run.facts.absent} of {every} labels do not occur in the training rows, so they are never answered.",
        "Give the training split more rows or another seed, or take these labels out of data.labels.",
    )


BEFORE: Rules = (absent_labels, most_cut, far_rate)
