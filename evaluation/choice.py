"""Multiple choice without reading any text: which of an item's options does the model find likeliest?

Two readings, those of lm-evaluation-harness (Gao et al., EleutherAI), which most published numbers use:

- `choice_accuracy` (its `acc`): the sum of the option's log-probabilities. Short options have fewer factors below 1, so they win too often.
- `choice_accuracy_norm` (its `acc_norm`): the sum divided by the option's length in characters. Better where options differ in length, and
  free of the tokenizer; dividing by tokens (Brown et al. 2020) is not comparable between models.

Where both are far apart, length decides and neither should be trusted alone. The right option may be given as its text, as a letter (A is
the first), or as its place counted from 0; as a text it wins, so that an option "2" is itself and not the third. A tie counts as wrong:
lm-evaluation-harness gives it to the first of the tied.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from core.dataset.options import by_letter, by_place
from core.records import Score, Scored, Unscored
from evaluation.accuracy import label_form
from evaluation.base import Item, MetricInfo, Resources, metrics


def right_choice(reference: str, choices: Sequence[str]) -> int | None:
    """Which option the reference means, or None."""
    for same in (str.strip, label_form):
        found = [place for place, choice in enumerate(choices) if same(choice) == same(reference)]
        if found:
            return found[0]
    letter = by_letter(reference, choices)
    return by_place(reference, choices) if letter is None else letter


@dataclass(frozen=True)
class ChoiceMetric:
    """1 where the right option weighs most. `weight` makes a number of an option and its summed log-probability."""

    info: MetricInfo
    weight: Callable[[str, float], float] = field(repr=False)

    def score(self, items: Sequence[Item], resources: Resources) -> list[Scored]:
        return [self._one(item) for item in items]

    def _one(self, item: Item) -> Scored:
        if len(item.choices) < 2:
            return Unscored("the item has no options to choose from (a choices column of at least two)")
        right = right_choice(item.reference, item.choices)
        if right is None:
            return Unscored("the reference is none of the item's options, nor a letter or place of one")
        if item.finish_reason == "direct":
            return Unscored("it answers without a prompt and gives no probabilities of the options")
        if len(item.choice_logprobs) != len(item.choices):
            return Unscored("the options' log-probabilities after this prompt are not known")
        if any(math.isnan(value) or value == math.inf for value in item.choice_logprobs) or max(item.choice_logprobs) == -math.inf:
            return Unscored("the model gave a log-probability that is not a number")
        weights = [self.weight(choice, value) for choice, value in zip(item.choices, item.choice_logprobs, strict=True)]
        return Score(float(all(weights[right] > value for place, value in enumerate(weights) if place != right)))


def _register(name: str, label: str, what: str, weight: Callable[[str, float], float]) -> None:
    how = (
        f"Share of prompts after which the right option of the item's choices has the highest {what}; a tie counts as wrong, and no text is "
        "read. The options' texts are weighed without an end of turn, after lm-evaluation-harness (Gao et al.)."
    )
    metrics.add(name, ChoiceMetric(MetricInfo(name, label, how=how, needs=("choices", "choice_logprobs")), weight))


_register(
    "choice_accuracy",
    "multiple choice by log-likelihood, raw (lm-eval's acc)",
    "summed log-likelihood",
    lambda choice, value: value,
)
_register(
    "choice_accuracy_norm",
    "multiple choice by log-likelihood, per character (lm-eval's acc_norm)",
    "summed log-likelihood divided by its number of characters",
    lambda choice, value: value / max(len(choice), 1),
)
