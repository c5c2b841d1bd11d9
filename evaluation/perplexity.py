"""How surprised is the model by the reference, after the prompt that it answered? Lower is better; the answer is not read.

Perplexity is the exponential of the mean negative log-likelihood per token (Jelinek et al. 1977). Stored for each item is that mean, in
nats, since it can be averaged, paired and given an interval; means of perplexities are ruled by a few surprising references. The perplexity
of a method is exp of its mean, so that each item counts alike however long its reference is; pooling all tokens instead, as language-model
benchmarks do, is another number.

It is the loss that fine-tuning minimises, so tuned methods win it easily: it says how well a method imitates the references' wording, not
whether its answers are right. Between models with different tokenizers it cannot be compared.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from core.records import Score, Scored, Unscored
from evaluation.base import Item, MetricInfo, Resources, metrics

MOST = 100.0
"""Nats per token. Nothing that a model says of ordinary text comes near; a range must end somewhere."""


@dataclass(frozen=True)
class ReferenceLoss:
    """Mean negative log-likelihood of the reference's tokens, the end of the turn included, as training counts them."""

    info: MetricInfo

    def score(self, items: Sequence[Item], resources: Resources) -> list[Scored]:
        return [self._one(item) for item in items]

    def _one(self, item: Item) -> Scored:
        if item.finish_reason == "direct":
            return Unscored("it answers without a prompt, so there is no probability of the reference")
        if item.reference_logprob is None or item.reference_tokens < 1:
            return Unscored("the reference's log-probability after this prompt is not known")
        if not math.isfinite(item.reference_logprob):
            return Unscored("the model gave a log-probability that is not a number")
        return Score(min(max(-item.reference_logprob / item.reference_tokens, 0.0), MOST))


def perplexity(mean: float) -> float:
    """Of a mean loss in nats per token."""
    return math.exp(mean)


metrics.add(
    "reference_nll",
    ReferenceLoss(
        MetricInfo(
            "reference_nll",
            "negative log-likelihood of the reference; exp of it is the perplexity",
            high=MOST,
            unit="nats per token",
            higher_is_better=False,
            how="Mean over the reference's tokens, end of turn included, of minus the natural log of the probability that the model gives each "
            "after the prompt. exp of the mean is the perplexity (Jelinek et al. 1977). It is what fine-tuning trains for, and no answer is read: it "
            "tells how well the references' wording is imitated.",
            needs=("reference_logprob",),
            in_verdict=False,
            note="shown, decides nothing",
        )
    ),
)
