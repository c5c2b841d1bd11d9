"""Drawing again: bootstrap ends, sign flips, and the closed forms for where there is too little to draw from. Pure, seeded, no I/O.

What is drawn are units: single items, or whole groups of items that belong together (`evaluation.clusters`). Values are sorted before they are
drawn, so that the order of items cannot change a result. Weights depend on the number of units and the seed alone and are kept for the next call.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache

import numpy as np

RESAMPLES = 10_000
FLIPS = 20_000
EXACT_UP_TO = 12
FEWEST_FOR_SKEWNESS = 8
BLOCK = 1_000_000
TIE = 1e-9

Ends = tuple[float, float]


def bca(
    values: np.ndarray,
    confidence: float,
    resamples: int,
    seed: int,
    *,
    sizes: np.ndarray | None = None,
    effective: float | None = None,
    widen: bool = True,
) -> Ends:
    """Ends of the bias-corrected and accelerated interval (Efron 1987) of the mean over items.

    Args:
        values: one for each unit, in a fixed order: an item's value, or the sum over a group's items.
        sizes: items of each unit; None where each is one item. The mean is then a ratio, and so is each redrawn one.
        effective: how many units of equal size they are worth, for the correction; by default their number.
        widen: Hesterberg's small-sample correction (2015): t quantiles and a factor of sqrt(n / (n - 1)).
    """
    from scipy.special import ndtr, ndtri, stdtrit

    n = len(values)
    mean = mean_of(values) if sizes is None else math.fsum(values) / float(sizes.sum())
    centred = values - mean if sizes is None else values - mean * sizes
    if np.ptp(centred) <= TIE * max(1.0, abs(mean)):
        return mean, mean
    means = np.concatenate([block @ centred / (n if sizes is None else block @ sizes) for block in _blocks("counts", n, resamples, seed)])
    near = TIE * float(np.abs(centred).max())
    below = (np.count_nonzero(means < -near) + np.count_nonzero(means <= near)) / 2
    bias = ndtri(min(max(below, 0.5), resamples - 0.5) / resamples)
    acceleration = float((centred**3).sum() / (6 * (centred**2).sum() ** 1.5))
    upper, worth = 0.5 + confidence / 2, n if effective is None else effective
    tail = float(stdtrit(worth - 1, upper)) * math.sqrt(worth / (worth - 1)) if widen else float(ndtri(upper))
    shifted = bias + np.array([-tail, tail])
    levels = ndtr(bias + shifted / np.maximum(1 - acceleration * shifted, 1e-3))
    low, high = np.quantile(means, levels)
    return mean + float(low), mean + float(high)


def sign_flip_p(differences: np.ndarray, *, seed: int = 0, flips: int = FLIPS) -> float:
    """Two-sided p of "each difference could as well have had the other sign", always in (0, 1].

    Exact over all sign patterns of up to 12 non-zero differences; else random patterns, the observed one counted among them
    (Phipson and Smyth 2010), so that it is valid for any number of flips.
    """
    changed = np.sort(differences[differences != 0])
    if len(changed) == 0:
        return 1.0
    observed = abs(changed.sum()) - TIE * float(np.abs(changed).sum())
    if len(changed) <= EXACT_UP_TO:
        patterns = 1 - 2 * ((np.arange(2 ** len(changed))[:, None] >> np.arange(len(changed))) & 1)
        return float(np.mean(np.abs(patterns @ changed) >= observed))
    whole = np.sort(differences)
    extreme = sum(int(np.count_nonzero(np.abs(block @ whole) >= observed)) for block in _blocks("signs", len(whole), flips, seed))
    return (extreme + 1) / (flips + 1)


def skewed_p(values: np.ndarray) -> float:
    """Two-sided p of "the mean is 0" by the t statistic with its skewness removed (Hall 1992, a monotone cubic), for at least 8 values.

    With S = mean / sd and g the skewness, t = sqrt(n) (S + g S^2 / 3 + g^2 S^3 / 27 + g / 6n). Where values do not vary, or are fewer, it
    claims nothing: 0, so that the larger of it and another p is the other one.
    """
    from scipy.special import stdtr

    n, mean = len(values), float(np.mean(values))
    spread = float(np.std(values))
    if n < FEWEST_FOR_SKEWNESS or spread <= TIE:
        return 0.0
    ratio, skewness = mean / spread, float(np.mean((values - mean) ** 3)) / spread**3
    t = math.sqrt(n) * (ratio + skewness * ratio**2 / 3 + skewness**2 * ratio**3 / 27 + skewness / (6 * n))
    return float(2 * stdtr(n - 1, -abs(t)))


def mcnemar_p(only_a: int, only_b: int) -> float:
    """Exact two-sided p of McNemar's test (1947): of the items that only one method has right, is it each with probability 1/2?

    A binomial test, and the same number as all sign patterns of right/wrong differences would give.
    """
    from scipy.stats import binomtest

    return float(binomtest(only_a, only_a + only_b).pvalue) if only_a + only_b else 1.0


def wilson(right: int, n: int, confidence: float) -> Ends:
    """Wilson's interval (1927) of a share of right answers."""
    from scipy.stats import binomtest

    found = binomtest(right, n).proportion_ci(confidence, method="wilson")
    return float(found.low), float(found.high)


def agresti_min(gained: int, lost: int, n: int, confidence: float) -> Ends:
    """Wald interval of matched proportions with half an item added to each of the four cells (Agresti and Min 2005)."""
    from scipy.special import ndtri

    counted = n + 2
    centre = (gained - lost) / counted
    error = math.sqrt(gained + lost + 1 - (gained - lost) ** 2 / counted) / counted
    reach = float(ndtri(0.5 + confidence / 2)) * error
    return max(-1.0, centre - reach), min(1.0, centre + reach)


def mean_of(values: np.ndarray) -> float:
    """The mean, whatever the order of the values."""
    return math.fsum(values) / len(values)


def _blocks(kind: str, n: int, rows: int, seed: int) -> Iterator[np.ndarray]:
    """Resampling weights, shape (at most BLOCK / n, n), float64: how often each unit is drawn ("counts"), or -1 and 1 ("signs")."""
    step = max(1, BLOCK // n)
    for start in range(0, rows, step):
        yield _block(kind, n, min(step, rows - start), seed, start).astype(np.float64)


@lru_cache(maxsize=48)
def _block(kind: str, n: int, rows: int, seed: int, start: int) -> np.ndarray:
    generator = np.random.default_rng([seed, n, start, len(kind)])
    if kind == "signs":
        return (generator.integers(0, 2, (rows, n), dtype=np.int8) * 2 - 1).astype(np.int8)
    drawn = generator.integers(0, n, (rows, n)) + np.arange(rows)[:, None] * n
    return np.bincount(drawn.ravel(), minlength=rows * n).reshape(rows, n).astype(np.uint16)
