"""What a reward model gives an answer: trained on people's votes or on synthetic pairs, it stands in for those who voted.

The number is a logit up to a constant: of two answers to one question, σ(difference) is the chance that the first would be preferred (Bradley and
Terry 1952; Ouyang et al. 2022, arXiv:2203.02155). Its zero is the mean over the answers of the training pairs. A model that was tuned against this
very reward wins it easily (Gao et al. 2023, arXiv:2210.10760), and how well it orders pairs that it has not seen must be read beside it, so it
decides a verdict only where the plan says so. The reward model is asked in `comparison.rewarding`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from core.records import Score, Scored, Unscored
from evaluation.base import Item, Metric, MetricInfo, Resources, metrics

REWARD = "reward"
MOST = 100.0
"""Logits. A preference that is surer than e^-100 is never meant; a range must end somewhere."""


@dataclass(frozen=True)
class Reward:
    """Hands on what the reward model gave."""

    info: MetricInfo

    def score(self, items: Sequence[Item], resources: Resources) -> list[Scored]:
        return [_within(item.reward) for item in items]


def _within(found: Scored | None) -> Scored:
    if found is None:
        return Unscored("no reward model was asked about this answer")
    return Score(min(max(found.value, -MOST), MOST)) if isinstance(found, Score) else found


def deciding_reward(metric: Metric) -> Metric:
    """The metric as the plan's primary: it may decide. Others stay as they are."""
    if not isinstance(metric, Reward):
        return metric
    return replace(metric, info=replace(metric.info, in_verdict=True, note="decides, since the plan says so"))


metrics.add(
    REWARD,
    Reward(
        MetricInfo(
            REWARD,
            "reward, by a model trained on preference pairs",
            low=-MOST,
            high=MOST,
            unit="logit",
            how="A reward model (the base with an adapter and one linear head, trained on pairs of answers by the Bradley-Terry loss) reads the bare "
            "question and the answer. Of two answers to one question, the logistic function of the difference is the chance that the first would be "
            "preferred (Bradley and Terry 1952; Ouyang et al. 2022). Without bound; 0 is the mean over the answers of its training pairs. Methods that "
            "were tuned against a reward win it easily.",
            needs=(REWARD,),
            in_verdict=False,
            note="shown, decides nothing",
        )
    ),
)
