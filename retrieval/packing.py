"""Passages into a token budget: the least relevant go first, and never a part of one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

from core.records import Retrieved

T = TypeVar("T")


class Packed(NamedTuple):
    """The passages that fit, in their order, and those that do not."""

    kept: tuple[Retrieved, ...]
    dropped: tuple[Retrieved, ...]


def pack(ranked: Sequence[Retrieved], budget: int, count: Callable[[T], int], wrap: Callable[[Sequence[Retrieved]], T]) -> Packed:
    """The longest beginning of `ranked` (best first) that fits, possibly none.

    Args:
        budget: most tokens of what `wrap` returns.
        count: tokens of what `wrap` returns.
        wrap: the whole prompt with these passages in it; it holds the question, which is why the question is never cut.
            Where it does not fit even without passages, none are kept and the caller says so.
    """
    for keep in range(len(ranked), 0, -1):
        if count(wrap(ranked[:keep])) <= budget:
            return Packed(tuple(ranked[:keep]), tuple(ranked[keep:]))
    return Packed((), tuple(ranked))
