"""What a difference of means is worth: intervals, a paired test, and how many items it would take. Pure, seeded, no I/O.

Choices, for test sets of 20 to a few thousand items:

- *Paired.* All methods answer the same items, so the unit is the item's difference; this removes how hard the item is (Miller 2024).
- *Bootstrap, not the normal formula*, since scores are skewed and bounded (Bowyer et al. 2025): bias-corrected and accelerated (BCa, Efron
  1987), widened for few items as Hesterberg (2015) advises, because any bootstrap is too narrow by a factor of about sqrt((n - 1) / n).
- *Right or wrong with fewer than five of one kind* gets Wilson's interval (1927): no bootstrap knows that a 21st item could go wrong when
  20 of 20 went right.
- *Right/wrong differences of which all but nine are the same* (no change, mostly) get a score-type interval (Agresti and Min 2005): with
  three changed items of fifty no bootstrap knows that a fourth could change the other way, and with none that one could change at all.
- *McNemar's exact test* (1947) for p where every score of both is 0 or 1; else *a sign-flip permutation test*: exact for up to 12
  items that differ, else 20,000 random flips counted with the observed one. Both need six items that differ to say anything at 5 %;
  with fewer the difference says that they are too few. Sign flips hold their level for scores that either method could have had, but not
  for few differences that are skewed around 0; so p is at least that of a t test with the skewness removed (Hall 1992).
- *Items of one group* are drawn, and change sign, together (`evaluation.clusters`); Wilson, McNemar and the score interval, which count items
  as independent, then serve only where all items agree, on as many items as the groups are worth.
- *Several seeds* of a trained method add their own variance (`evaluation.seeds`).
- *Holm's* step-down (1979) for several pairs, which needs no assumption about how they depend on each other.

A difference is turned to one sign first, so that the order of the two methods cannot change a result.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np

from evaluation.clusters import FEWEST, Units, standard_error, units
from evaluation.resampling import FLIPS, RESAMPLES, TIE, Ends, agresti_min, bca, mcnemar_p, mean_of, sign_flip_p, skewed_p, wilson
from evaluation.seeds import between, joined_ends, joined_p

SPARSE_BELOW = 10
FEW_OF_A_KIND = 5
FEWEST_CHANGED = 6
TOO_FEW = "too few differences to tell"

Test = Literal["mcnemar exact", "permutation", "group permutation"]
Seeds = tuple[Sequence[float], Sequence[float]]


class Interval(NamedTuple):
    """A mean and its interval; `low` and `high` are None for fewer than two values or five groups, `mean` for none."""

    mean: float | None
    low: float | None
    high: float | None
    n: int


class Difference(NamedTuple):
    """Mean of a - b with its interval, not adjusted for other pairs, and the two-sided p of "no difference".

    Attributes:
        test: what gave the p; None without items.
        only_a, only_b: items that only one of them has right, where all scores are 0 or 1.
        item_error, seed_error: standard errors of the difference from the items (or groups), and from the seeds; None where not known.
        note: why it cannot be told, or has no interval; None where there is nothing to say.
    """

    difference: float | None
    low: float | None
    high: float | None
    p_value: float | None
    test: Test | None = None
    only_a: int | None = None
    only_b: int | None = None
    item_error: float | None = None
    seed_error: float | None = None
    note: str | None = None


def mean_interval(
    values: Sequence[float],
    *,
    confidence: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
    share: bool = False,
    groups: Sequence[str] | None = None,
    seed_means: Sequence[float] = (),
) -> Interval:
    """Mean and BCa bootstrap interval. Equal values give an interval of no width, but for shares that are all 0 or all 1.

    Args:
        values: one finite number per item.
        share: the values lie in 0 to 1; where all are 0 or 1 and fewer than five are of one kind, the interval is Wilson's.
        groups: each item's group; see `evaluation.clusters`.
        seed_means: the mean under each seed, where `values` are means over seeds.
        confidence: between 0 and 1; 0.95 is usual.
        resamples: 10,000 puts the ends within about 1 % of the interval's width.
    """
    array = _finite(values)
    n = len(array)
    drawn = units(array, groups)
    if n < 2 or drawn.too_few:
        return Interval(mean_of(array) if n else None, None, None, n)
    mean = mean_of(array)
    ends = _mean_ends(drawn, array, confidence, resamples, seed, share)
    seeds = between(seed_means)
    low, high = _within(joined_ends(mean, ends, seeds, confidence), (0.0, 1.0) if share else None) if seeds else ends
    return Interval(mean, min(low, mean), max(high, mean), n)


def _mean_ends(drawn: Units, values: np.ndarray, confidence: float, resamples: int, seed: int, share: bool) -> Ends:
    right = int(np.count_nonzero(values))
    few = min(right, len(values) - right) < (1 if drawn.clustered else FEW_OF_A_KIND)
    if share and few and _right_or_wrong(values):
        worth = math.floor(drawn.effective)
        return wilson(right * worth // len(values), worth, confidence)
    return bca(drawn.sums, confidence, resamples, seed, sizes=drawn.sizes, effective=drawn.effective)


def paired_difference(
    a: Sequence[float],
    b: Sequence[float],
    *,
    confidence: float = 0.95,
    resamples: int = RESAMPLES,
    flips: int = FLIPS,
    seed: int = 0,
    share: bool = True,
    groups: Sequence[str] | None = None,
    seed_means: Seeds = ((), ()),
) -> Difference:
    """Mean of a - b over the same items, in the same order.

    Args:
        share: scores that are all 0 or 1 mean wrong or right; False for scales on which they do not.
        groups, seed_means: as in `mean_interval`; of a and of b.

    Raises:
        ValueError: the two do not have the same length.
    """
    first, second = _finite(a), _finite(b)
    if len(first) != len(second):
        raise ValueError(f"paired values must have one length; got {len(first)} and {len(second)}")
    if not len(first):
        return Difference(None, None, None, None)
    differences = first - second
    differences[np.abs(differences) <= TIE * max(1.0, float(np.abs(first).max(initial=0)))] = 0.0
    right_or_wrong = share and _right_or_wrong(first) and _right_or_wrong(second)
    drawn = units(differences, groups)
    mirrored = drawn.mirrored()
    turned, even = mirrored.key() > drawn.key(), mirrored.key() == drawn.key()
    if turned:
        drawn, differences = mirrored, 0.0 - differences
    mean, p_value = mean_of(differences), _p_value(drawn, right_or_wrong, seed, flips)
    ends = _difference_ends(drawn, right_or_wrong, confidence, resamples, seed)
    error, seeds = standard_error(differences, groups), between(*seed_means)
    if seeds is not None:
        p_value = max(p_value, joined_p(mean, error or 0.0, max(drawn.effective - 1, 1.0), seeds))
        ends = _within(joined_ends(mean, ends, seeds, confidence), (-1.0, 1.0) if share else None) if ends else None
    if even and ends:
        reach = max(-ends[0], ends[1])
        ends = -reach, reach
    low, high = (min(ends[0], mean), max(ends[1], mean)) if ends else (None, None)
    if turned:
        mean, low, high = 0.0 - mean, _minus(high), _minus(low)
    better = first > second, first < second
    only_a, only_b = (int(side.sum()) for side in better) if right_or_wrong else (None, None)
    test: Test = "group permutation" if drawn.clustered else "mcnemar exact" if right_or_wrong else "permutation"
    seed_error = seeds.error if seeds else None
    return Difference(mean, low, high, p_value, test, only_a, only_b, error, seed_error, _note(drawn))


def _within(ends: Ends, limits: Ends | None) -> Ends:
    return (max(ends[0], limits[0]), min(ends[1], limits[1])) if limits else ends


def _minus(value: float | None) -> float | None:
    return None if value is None else 0.0 - value


def _p_value(drawn: Units, right_or_wrong: bool, seed: int, flips: int) -> float:
    if right_or_wrong and not drawn.clustered:
        return mcnemar_p(int((drawn.sums > 0).sum()), int((drawn.sums < 0).sum()))
    return max(sign_flip_p(drawn.sums, seed=seed, flips=flips), skewed_p(drawn.sums))


def _difference_ends(drawn: Units, right_or_wrong: bool, confidence: float, resamples: int, seed: int) -> Ends | None:
    if drawn.items < 2 or drawn.too_few:
        return None
    gained, lost, n = int((drawn.sums > 0).sum()), int((drawn.sums < 0).sum()), len(drawn.sums)
    if right_or_wrong and drawn.clustered and not gained + lost:
        return agresti_min(0, 0, math.floor(drawn.effective), confidence)
    steps = right_or_wrong or (gained + lost > 0 and bool(np.isin(drawn.sums, (-1.0, 0.0, 1.0)).all()))
    if steps and not drawn.clustered and n - max(gained, lost, n - gained - lost) < SPARSE_BELOW:
        return agresti_min(gained, lost, n, confidence)
    return bca(drawn.sums, confidence, resamples, seed, sizes=drawn.sizes, effective=drawn.effective)


def _note(drawn: Units) -> str | None:
    notes = []
    changed, what = int(np.count_nonzero(drawn.sums)), "groups" if drawn.clustered else "items"
    if changed < FEWEST_CHANGED:
        notes.append(f"{TOO_FEW}: {changed} of {len(drawn.sums)} {what} differ, and under {FEWEST_CHANGED} no p can be below 0.05")
    if drawn.too_few:
        notes.append(few_groups(len(drawn.sums), drawn.effective))
    return "; ".join(notes) or None


def few_groups(groups: int, effective: float) -> str:
    """Why there is no interval."""
    return f"no interval: the items fall into {groups} groups, worth {effective:.1f} of equal size, and it takes {FEWEST}"


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values in the given order (Holm 1979): each at least its raw value, at most 1, in the same ranking."""
    adjusted = [0.0] * len(p_values)
    highest = 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=lambda index: p_values[index])):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = highest
    return adjusted


def minimum_detectable_difference(
    differences: Sequence[float], alpha: float = 0.05, power: float = 0.8, *, groups: Sequence[str] | None = None, seed_error: float = 0.0
) -> float | None:
    """The true difference that a test at `alpha` would find with probability `power` on this many items.

    None for fewer than two items or where the differences do not vary.
    """
    error = standard_error(_finite(differences), groups)
    return None if error is None else detectable(error, seed_error, alpha, power)


def detectable(item_error: float, seed_error: float = 0.0, alpha: float = 0.05, power: float = 0.8) -> float:
    """The same from the difference's standard errors, the first of which is sd / sqrt(n) without groups.

    Normal approximation: (z(1 - alpha/2) + z(power)) * sqrt(item_error^2 + seed_error^2).
    """
    return _z_sum(alpha, power) * math.hypot(item_error, seed_error)


def items_needed(
    differences: Sequence[float],
    target: float | None = None,
    alpha: float = 0.05,
    power: float = 0.8,
    *,
    groups: Sequence[str] | None = None,
    seed_error: float = 0.0,
) -> int | None:
    """How many items it would take to find a true difference of `target` (default: the one that was observed) with probability `power`.

    None where the target is 0, the spread is not known, or the seeds alone vary too much for any number of items.
    """
    array = _finite(differences)
    error = standard_error(array, groups)
    wanted = mean_of(array) if target is None and len(array) else target or 0.0
    return None if error is None else items_for(wanted, len(array), error, seed_error, alpha, power)


def items_for(target: float, n: int, item_error: float, seed_error: float = 0.0, alpha: float = 0.05, power: float = 0.8) -> int | None:
    """The same from the standard errors on `n` items: `detectable` turned round; more items come in groups as large as these."""
    room = (abs(target) / _z_sum(alpha, power)) ** 2 - seed_error**2
    return None if abs(target) <= TIE or room <= 0 else max(2, math.ceil(n * item_error**2 / room))


def _z_sum(alpha: float, power: float) -> float:
    from scipy.special import ndtri

    return float(ndtri(1 - alpha / 2) + ndtri(power))


def _right_or_wrong(values: np.ndarray) -> bool:
    return bool(np.isin(values, (0.0, 1.0)).all())


def _finite(values: Sequence[float]) -> np.ndarray:
    array = np.asarray(values, dtype=np.float64)
    if not np.isfinite(array).all():
        raise ValueError("scores must be finite numbers; leave unscored items out")
    return array
