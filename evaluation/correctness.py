"""When an answer counts as right: the one rule of the page's filters and of the causes of errors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.records import Score, Scored

RULE = "An answer counts as wrong where its score lies below the middle of the range of the metric that the verdict is about."


def is_right(scored: Scored | None, info: Mapping[str, Any]) -> bool | None:
    """Whether a score reaches the middle of its metric's range; None where there is no score.

    Args:
        info: the metric's entry of the report (`low`, `high`, `higher_is_better`); what is absent counts as 0, 1 and True.
    """
    if not isinstance(scored, Score):
        return None
    middle = (float(info.get("low", 0.0)) + float(info.get("high", 1.0))) / 2
    return scored.value >= middle if info.get("higher_is_better", True) else scored.value <= middle
