"""Letters for what cannot be told apart: two names share one unless they differ for real."""

from __future__ import annotations

import string
from collections.abc import Sequence


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
