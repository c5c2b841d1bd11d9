"""Says in words what is wrong with a training run and what to change, while there is still time to.

Each rule is a pure function of what is known so far: facts about the rows, the settings, the steps and the epochs. It says something at most
once. Rules that hold for any training stand in `training.watch`; here are those of rows of ids that a language model learns.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from training.events import Epoch, Finding, Step
from training.facts import RowFacts
from training.peft_configs import kinds
from training.settings import TrainingSettings
from training.watch import Rules, Watch, far_rate

ENDING_SHARE = 0.9
UNMEASURED_SHARE = 0.1


@dataclass
class Doctor(Watch):
    """Watches one run."""

    lost_at_once: ClassVar[str] = "The untrained model gives no numbers already: set model.dtype: float32, or fetch its weights again."
    lost_later: ClassVar[str] = "Lower learning_rate (it is {rate}), or set model.dtype: float32."

    kind: str
    settings: TrainingSettings
    rows: RowFacts
    steps: list[Step] = field(default_factory=list)
    epochs: list[Epoch] = field(default_factory=list)
    spoken: set[str] = field(default_factory=set)

    @property
    def rate(self) -> float:
        return self.settings.learning_rate

    @property
    def usual_rate(self) -> float:
        return float(kinds.get(self.kind).Settings.model_fields["learning_rate"].default)

    def before(self) -> Rules:
        return BEFORE


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


def unmeasured(run: Doctor) -> Finding | None:
    """The best epoch is chosen by fewer validation rows than there are, or by none."""
    gone, whole = run.rows.unchecked, run.rows.unchecked + run.rows.checked
    if gone <= UNMEASURED_SHARE * whole:
        return None
    chosen = "the best epoch is chosen by the others" if run.rows.checked else "the last epoch is kept, whatever it is worth"
    return Finding(
        "validation_left_out",
        f"{gone} of {whole} validation rows are too long and are not measured (max_tokens is {run.settings.max_tokens}); {chosen}.",
        "Raise max_tokens, or shorten the texts.",
    )


BEFORE: Rules = (nothing_supervised, no_end, most_left_out, unmeasured, far_rate)
