"""Items that belong together are one observation: several questions on one document, turns of one talk, versions of one text.

Their scores rise and fall together, so an interval that counts each of them as news is too narrow (Miller 2024, section 2.2). What is drawn
again, and what changes its sign, is then the whole group. Groups may differ in size: the mean stays that over items, a ratio of two sums
that are drawn together, and the correction for few of them counts as many groups as equally large ones would be worth,
n^2 / sum(n_g^2) (Kish 1965). Below five of those there is no interval: nothing drawn from four groups knows how a fifth would be
(Cameron, Gelbach and Miller 2008 show what few groups do to intervals).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from evaluation.resampling import TIE

FEWEST = 5


class Units(NamedTuple):
    """What is drawn again.

    Attributes:
        sums: one for each unit, ascending: the item's value, or the sum over the group's items.
        sizes: items of each unit; None where each unit is one item.
        effective: how many units of equal size they are worth.
    """

    sums: np.ndarray
    sizes: np.ndarray | None
    effective: float

    @property
    def clustered(self) -> bool:
        return self.sizes is not None

    @property
    def too_few(self) -> bool:
        """Whether no interval should be made of them."""
        return self.clustered and round(self.effective) < FEWEST

    @property
    def items(self) -> int:
        return len(self.sums) if self.sizes is None else int(self.sizes.sum())

    def mirrored(self) -> Units:
        """Of the values with the other sign."""
        return _ordered(-self.sums, self.sizes, self.effective)

    def key(self) -> tuple[float, ...]:
        """For choosing one of the two signs, whatever the order of items was."""
        return tuple(self.sums) if self.sizes is None else (*self.sums, *self.sizes)


def units(values: np.ndarray, groups: Sequence[str] | None = None) -> Units:
    """The units of these values.

    Args:
        groups: each item's group; "" is a group of its own. None, or no group with two items, makes each item a unit.
    """
    codes = _codes(groups, len(values))
    if codes is None:
        return _ordered(values, None, float(len(values)))
    sizes = np.bincount(codes).astype(np.float64)
    sums = np.array([math.fsum(values[codes == code]) for code in range(len(sizes))])
    sums[np.abs(sums) <= TIE * max(1.0, float(np.abs(values).max()))] = 0.0
    return _ordered(sums, sizes, effective(sizes))


def effective(sizes: np.ndarray) -> float:
    """How many groups of equal size groups of these sizes are worth; their number where they are equally large."""
    return float(sizes.sum() ** 2 / (sizes**2).sum())


def counted(groups: Sequence[str]) -> tuple[int, float] | None:
    """How many groups there are, and how many of equal size they are worth. None where no two items share one."""
    codes = _codes(groups, len(groups))
    if codes is None:
        return None
    sizes = np.bincount(codes).astype(np.float64)
    return len(sizes), effective(sizes)


def standard_error(values: np.ndarray, groups: Sequence[str] | None = None) -> float | None:
    """Of the mean over items, from how the units vary. None for fewer than two units, or where they do not vary."""
    drawn = units(values, groups)
    count = len(drawn.sums)
    if count < 2:
        return None
    mean = math.fsum(drawn.sums) / drawn.items
    centred = drawn.sums - mean * (1.0 if drawn.sizes is None else drawn.sizes)
    error = math.sqrt(count / (count - 1) * math.fsum(centred**2)) / drawn.items
    return error if error * math.sqrt(drawn.items) > TIE else None


def _codes(groups: Sequence[str] | None, n: int) -> np.ndarray | None:
    """A number for each item's group, or None where every item stands alone."""
    if groups is None:
        return None
    if len(groups) != n:
        raise ValueError(f"there must be one group for each value; got {len(groups)} for {n}")
    names: dict[str, int] = {}
    codes = [names.setdefault(group or f"\0{place}", len(names)) for place, group in enumerate(groups)]
    return None if len(names) == n else np.array(codes)


def _ordered(sums: np.ndarray, sizes: np.ndarray | None, worth: float) -> Units:
    if sizes is None:
        return Units(np.sort(sums), None, worth)
    order = np.lexsort((sizes, sums))
    return Units(sums[order], sizes[order], worth)
