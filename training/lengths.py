"""How long training rows are, and what share of them is left out: known before anything is trained."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from training.job import TrainingRow

QUANTILES = (("median", 0.5), ("p90", 0.9), ("p99", 0.99))
BARS = 12


def length_report(rows: Sequence[TrainingRow], max_tokens: int, unworded: int = 0) -> dict[str, Any]:
    """Tokens of prompts, of answers (the end of the turn included) and of both; None for figures of no rows.

    Args:
        max_tokens: rows with more tokens are left out, since a cut answer would teach the model not to end.
        unworded: rows that no prompt could be worded for, because they do not fit the model.
    """
    over = sum(row.length > max_tokens for row in rows)
    count = len(rows) + unworded
    return {
        "rows": count,
        "max_tokens": max_tokens,
        "over": over,
        "unworded": unworded,
        "share_cut": round((over + unworded) / count, 4) if count else None,
        "prompt": figures([len(row.prompt_ids) for row in rows]),
        "completion": figures([len(row.completion_ids) for row in rows]),
        "both": figures([row.length for row in rows]),
    }


def figures(lengths: Sequence[int]) -> dict[str, Any]:
    """Sum, extremes, quantiles (the smallest length that this share of the rows does not exceed) and a histogram of equal bars."""
    ordered = sorted(lengths)
    if not ordered:
        return {"tokens": 0, "min": None, "max": None, **{name: None for name, _ in QUANTILES}, "histogram": []}
    quantiles = {name: ordered[max(0, math.ceil(share * len(ordered)) - 1)] for name, share in QUANTILES}
    return {"tokens": sum(ordered), "min": ordered[0], "max": ordered[-1], **quantiles, "histogram": histogram(ordered)}


def histogram(ordered: Sequence[int]) -> list[dict[str, int]]:
    """At most 12 bars of equal width in whole tokens, {from, to, rows}, both ends included."""
    low, high = ordered[0], ordered[-1]
    width = math.ceil((high - low + 1) / BARS)
    bars = [{"from": start, "to": start + width - 1, "rows": 0} for start in range(low, high + 1, width)]
    for length in ordered:
        bars[(length - low) // width]["rows"] += 1
    return bars
