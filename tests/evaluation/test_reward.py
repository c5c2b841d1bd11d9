"""The metric hands on what the reward model gave: a number within the stated range, or the reason why there is none."""

from core.records import Score, Unscored
from evaluation.base import Item, Resources, metrics
from evaluation.reward import MOST, deciding_reward

REWARD = metrics.get("reward")


def scored(given):
    return REWARD.score([Item("id", "What?", "yes", "yes", reward=given)], Resources())[0]


def test_a_reward_is_handed_on_and_a_reason_stays_a_reason():
    """E23: no pairs are no 0."""
    assert scored(Score(-1.25)) == Score(-1.25)
    assert scored(Score(1e6)) == Score(MOST)
    assert scored(Unscored("there is no reward model: no pairs")) == Unscored("there is no reward model: no pairs")
    assert isinstance(scored(None), Unscored)


def test_it_decides_only_where_the_plan_says_so():
    assert not REWARD.info.in_verdict and deciding_reward(REWARD).info.in_verdict
    other = metrics.get("token_f1")
    assert deciding_reward(other) is other
