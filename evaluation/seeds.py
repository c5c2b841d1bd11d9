"""One method trained under several seeds: its item scores are means over the seeds, and how much the seeds differ is a variance of its own.

Two things could have come out otherwise, the items and the training (Bouthillier et al. 2021; Madaan et al. 2024), and they are stated apart:

    item_sd     standard deviation over items of the score that is the mean over seeds
    seed_sd     standard deviation over seeds of the mean over items

The variance of a mean over n items and S seeds is then about item_sd^2 / n + seed_sd^2 / S (each term holds the interaction of both, so that the
sum rather says too much). Of a difference, the seeds of both methods add up, with Welch's degrees of freedom for their sum.

The interval of a difference joins both by the method of variance estimates recovery (Zou and Donner 2008): the reach of the items' own
interval and that of the seeds, t * sqrt(seed_sd_a^2 / S_a + seed_sd_b^2 / S_b), as the sides of a right angle. Without variance between seeds it is
the items' interval; without variance between items it is Welch's. Resampling items and seeds instead, a hierarchical bootstrap, cannot know
more than the three seeds that there are, and covers too little where they differ much (`tests/evaluation/test_coverage.py` shows both). The
p-value solves the same equation for the level, with t for the items too, and is never below that of the test over items alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from core.records import Score, Scored, Unscored
from evaluation.resampling import TIE, Ends

SMALLEST_P = 1e-12


class Between(NamedTuple):
    """What the choice of seeds adds to a mean or a difference: its standard error, and the degrees of freedom of that."""

    error: float
    freedom: float


def pooled(rows: Sequence[Mapping[str, Scored]]) -> dict[str, Scored]:
    """Each item's mean over the seeds; where a seed has no number for it, that seed's reason."""
    return {item: _mean([row.get(item) for row in rows]) for item in {item: None for row in rows for item in row}}


def _mean(scored: Sequence[Scored | None]) -> Scored:
    for one in scored:
        if not isinstance(one, Score):
            return one or Unscored("not every seed has a score for it")
    return Score(math.fsum(one.value for one in scored if isinstance(one, Score)) / len(scored))


def spread(means: Sequence[float]) -> float | None:
    """Standard deviation (n - 1 below) of the means under the seeds, or of anything else; None for fewer than two."""
    if len(means) < 2:
        return None
    middle = math.fsum(means) / len(means)
    found = math.sqrt(math.fsum((mean - middle) ** 2 for mean in means) / (len(means) - 1))
    return found if found > TIE * max(1.0, abs(middle)) else 0.0


def between(*methods: Sequence[float]) -> Between | None:
    """What the seeds of these methods add to the difference of two of them, or to the mean of one.

    Args:
        methods: for each, the mean over items under each of its seeds. One with a single seed adds nothing.
    """
    several = [(sd**2 / len(means), len(means)) for means in methods if (sd := spread(means)) is not None]
    if not several:
        return None
    total = math.fsum(variance for variance, _ in several)
    if total <= 0:
        return Between(0.0, float(sum(count - 1 for _, count in several)))
    return Between(math.sqrt(total), total**2 / math.fsum(variance**2 / (count - 1) for variance, count in several))


def joined_ends(mean: float, ends: Ends, seeds: Between, confidence: float) -> Ends:
    """The ends of the items' interval, moved apart by what the seeds add."""
    from scipy.special import stdtrit

    reach = float(stdtrit(seeds.freedom, 0.5 + confidence / 2)) * seeds.error
    return mean - math.hypot(mean - ends[0], reach), mean + math.hypot(ends[1] - mean, reach)


def joined_p(difference: float, item_error: float, item_freedom: float, seeds: Between) -> float:
    """The level at which the joined interval, with t for the items, just reaches 0."""
    from scipy.optimize import brentq
    from scipy.special import stdtrit

    def beyond(p: float) -> float:
        items, trained = float(stdtrit(item_freedom, 1 - p / 2)) * item_error, float(stdtrit(seeds.freedom, 1 - p / 2)) * seeds.error
        return math.hypot(items, trained) - abs(difference)

    if beyond(SMALLEST_P) <= 0:
        return SMALLEST_P
    return float(brentq(beyond, SMALLEST_P, 1.0)) if difference else 1.0
