"""What a difference of means is worth: intervals, a paired test, and how many items it would take. Pure, seeded, no I/O.

Choices, for test sets of 20 to a few thousand items:

- *Paired.* All methods answer the same items, so the unit is the item's difference; this removes how hard the item is (Miller 2024).
- *Bootstrap, not the normal formula*, since scores are skewed and bounded: bias-corrected and accelerated (BCa, Efron 1987), widened for
  few items as Hesterberg (2015) advises, because any bootstrap is too narrow by a factor of about sqrt((n - 1) / n).
- *Right or wrong with fewer than five of one kind* gets Wilson's interval (1927): no bootstrap knows that a 21st item could go wrong when
  20 of 20 went right.
- *Right/wrong differences with few changes* get a score-type interval (Agresti and Min 2005): with three changed items of fifty no
  bootstrap knows that a fourth could change the other way.
- *A sign-flip permutation test* for p: exact for up to 12 items that differ, else 20,000 random flips counted with the observed one.
- *Holm's* step-down for several pairs, which needs no assumption about how they depend on each other.

Values are sorted before they are resampled, and a difference is turned to one sign first, so that the order of items and of the two
methods cannot change a result. Resampling weights depend on n and the seed alone and are kept for the next call with that n.
"""

from __future__ import annotations

import math
import string
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

RESAMPLES = 10_000
FLIPS = 20_000
EXACT_UP_TO = 12
SPARSE_BELOW = 10
FEW_OF_A_KIND = 5
BLOCK = 1_000_000
TIE = 1e-9


class Interval(NamedTuple):
    """A mean and its interval; `low` and `high` are None for fewer than two values, `mean` for none."""

    mean: float | None
    low: float | None
    high: float | None
    n: int


class Difference(NamedTuple):
    """Mean of a - b with its interval, not adjusted for other pairs, and the two-sided p of "no difference"."""

    difference: float | None
    low: float | None
    high: float | None
    p_value: float | None


def mean_interval(
    values: Sequence[float], *, confidence: float = 0.95, resamples: int = RESAMPLES, seed: int = 0, share: bool = False
) -> Interval:
    """Mean and BCa bootstrap interval. Equal values give an interval of no width, but for shares that are all 0 or all 1.

    Args:
        values: one finite number per item.
        share: the values lie in 0 to 1; where all are 0 or 1 and fewer than five are of one kind, the interval is Wilson's.
        confidence: between 0 and 1; 0.95 is usual.
        resamples: 10,000 puts the ends within about 1 % of the interval's width.
    """
    array = np.sort(_finite(values))
    n = len(array)
    if n < 2:
        return Interval(float(array[0]) if n else None, None, None, n)
    mean = _mean(array)
    right = int(np.count_nonzero(array))
    if share and min(right, n - right) < FEW_OF_A_KIND and bool(np.isin(array, (0.0, 1.0)).all()):
        low, high = _wilson(right, n, confidence)
    else:
        low, high = _bca(array, confidence, resamples, seed)
    return Interval(mean, min(low, mean), max(high, mean), n)


def paired_difference(
    a: Sequence[float], b: Sequence[float], *, confidence: float = 0.95, resamples: int = RESAMPLES, seed: int = 0
) -> Difference:
    """Mean of a - b over the same items, in the same order.

    Raises:
        ValueError: the two do not have the same length.
    """
    first, second = _finite(a), _finite(b)
    if len(first) != len(second):
        raise ValueError(f"paired values must have one length; got {len(first)} and {len(second)}")
    differences = first - second
    differences[np.abs(differences) <= TIE * max(1.0, float(np.abs(first).max(initial=0)))] = 0.0
    ascending, mirrored = np.sort(differences), np.sort(-differences)
    if tuple(mirrored) > tuple(ascending):
        flipped = _difference(mirrored, confidence, resamples, seed)
        return Difference(_minus(flipped.difference), _minus(flipped.high), _minus(flipped.low), flipped.p_value)
    return _difference(ascending, confidence, resamples, seed)


def _minus(value: float | None) -> float | None:
    return None if value is None else 0.0 - value


def _difference(ascending: np.ndarray, confidence: float, resamples: int, seed: int) -> Difference:
    n = len(ascending)
    if n == 0:
        return Difference(None, None, None, None)
    mean, p_value = _mean(ascending), sign_flip_p(ascending, seed=seed)
    if n == 1:
        return Difference(mean, None, None, p_value)
    changed = int(np.count_nonzero(ascending))
    right_or_wrong = bool(np.isin(ascending, (-1.0, 0.0, 1.0)).all())
    if right_or_wrong and 0 < changed < SPARSE_BELOW:
        low, high = _agresti_min(ascending, confidence)
    else:
        low, high = _bca(ascending, confidence, resamples, seed)
    return Difference(mean, min(low, mean), max(high, mean), p_value)


def sign_flip_p(differences: np.ndarray, *, seed: int = 0, flips: int = FLIPS) -> float:
    """Two-sided p of "each difference could as well have had the other sign", always in (0, 1].

    Exact over all sign patterns of up to 12 non-zero differences; else random patterns, the observed one counted among them.
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


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values in the given order (Holm 1979): each at least its raw value, at most 1, in the same ranking."""
    adjusted = [0.0] * len(p_values)
    highest = 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=lambda index: p_values[index])):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = highest
    return adjusted


def letters(
    names: Sequence[str], means: Sequence[float], significantly_different: set[tuple[str, str]], *, higher_is_better: bool = True
) -> dict[str, str]:
    """Compact letter display: two names share a letter unless they differ for real. The best mean has an "a".

    Insert-and-absorb (Piepho 2004): begin with one group of all; each real difference splits every group that holds both; a group inside
    another is dropped. Groups are lettered by their best member. Pairs may be given in either order.
    """
    order = sorted(range(len(names)), key=lambda place: -means[place] if higher_is_better else means[place])
    ranks = {names[place]: rank for rank, place in enumerate(order)}
    groups = [frozenset(ranks.values())] if names else []
    for pair in sorted(sorted((ranks[a], ranks[b])) for a, b in significantly_different):
        split = [group - {member} for group in groups if group.issuperset(pair) for member in pair]
        groups = [group for group in groups if not group.issuperset(pair)] + split
        groups = [group for group in set(groups) if not any(group < other for other in groups)]
    groups.sort(key=sorted)
    return {name: "".join(_letter(place) for place, group in enumerate(groups) if ranks[name] in group) for name in names}


def _letter(place: int) -> str:
    """a to z, then A to Z, then (53), (54)…"""
    return string.ascii_letters[place] if place < len(string.ascii_letters) else f"({place + 1})"


def minimum_detectable_difference(differences: Sequence[float], alpha: float = 0.05, power: float = 0.8) -> float | None:
    """The true difference that a test at `alpha` would find with probability `power` on this many items.

    Normal approximation: (z(1 - alpha/2) + z(power)) * sd / sqrt(n). None for fewer than two items or where the differences do not vary.
    """
    spread = _spread(differences)
    return None if spread is None else _z_sum(alpha, power) * spread / math.sqrt(len(differences))


def items_needed(differences: Sequence[float], target: float | None = None, alpha: float = 0.05, power: float = 0.8) -> int | None:
    """How many items it would take to find a true difference of `target` (default: the one that was observed) with probability `power`.

    The same normal approximation turned round. None where the target is 0 or the spread is not known.
    """
    spread = _spread(differences)
    if spread is None:
        return None
    wanted = abs(_mean(_finite(differences)) if target is None else target)
    if wanted <= TIE:
        return None
    return max(2, math.ceil((_z_sum(alpha, power) * spread / wanted) ** 2))


def _spread(differences: Sequence[float]) -> float | None:
    array = _finite(differences)
    spread = float(np.std(array, ddof=1)) if len(array) > 1 else 0.0
    return spread if spread > TIE else None


def _z_sum(alpha: float, power: float) -> float:
    from scipy.special import ndtri

    return float(ndtri(1 - alpha / 2) + ndtri(power))


def _finite(values: Sequence[float]) -> np.ndarray:
    array = np.asarray(values, dtype=np.float64)
    if not np.isfinite(array).all():
        raise ValueError("scores must be finite numbers; leave unscored items out")
    return array


def _mean(values: np.ndarray) -> float:
    return math.fsum(values) / len(values)


def _wilson(right: int, n: int, confidence: float) -> tuple[float, float]:
    from scipy.stats import binomtest

    found = binomtest(right, n).proportion_ci(confidence, method="wilson")
    return float(found.low), float(found.high)


def _agresti_min(differences: np.ndarray, confidence: float) -> tuple[float, float]:
    """Wald interval of matched proportions with half an item added to each of the four cells."""
    from scipy.special import ndtri

    gained, lost, n = int((differences > 0).sum()), int((differences < 0).sum()), len(differences) + 2
    centre = (gained - lost) / n
    error = math.sqrt(gained + lost + 1 - (gained - lost) ** 2 / n) / n
    reach = float(ndtri(0.5 + confidence / 2)) * error
    return max(-1.0, centre - reach), min(1.0, centre + reach)


def _bca(ascending: np.ndarray, confidence: float, resamples: int, seed: int, *, widen: bool = True) -> tuple[float, float]:
    """Ends of the BCa interval of the mean. `widen` applies Hesterberg's small-sample correction."""
    from scipy.special import ndtr, ndtri, stdtrit

    n, mean = len(ascending), _mean(ascending)
    if ascending[-1] - ascending[0] <= TIE * max(1.0, abs(mean)):
        return mean, mean
    centred = ascending - mean
    means = np.concatenate([block @ centred for block in _blocks("counts", n, resamples, seed)]) / n
    near = TIE * float(np.abs(centred).max())
    below = (np.count_nonzero(means < -near) + np.count_nonzero(means <= near)) / 2
    bias = ndtri(min(max(below, 0.5), resamples - 0.5) / resamples)
    acceleration = float((centred**3).sum() / (6 * (centred**2).sum() ** 1.5))
    upper = 0.5 + confidence / 2
    tail = float(stdtrit(n - 1, upper)) * math.sqrt(n / (n - 1)) if widen else float(ndtri(upper))
    shifted = bias + np.array([-tail, tail])
    levels = ndtr(bias + shifted / np.maximum(1 - acceleration * shifted, 1e-3))
    low, high = np.quantile(means, levels)
    return mean + float(low), mean + float(high)


def _blocks(kind: str, n: int, rows: int, seed: int) -> Iterator[np.ndarray]:
    """Resampling weights, shape (at most BLOCK / n, n), float64: how often each item is drawn ("counts"), or -1 and 1 ("signs")."""
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
