"""What a fine-tune has forgotten: right answers to the general probe before and after, and how much worse it reads general text.

    forgotten = share right before - share right after        over the same items, with the interval of the paired difference
    loss      = mean of -ln p(token | the tokens before it)   of a general text, in nats; its exponential is the perplexity

A network that learns a new task by gradient descent overwrites what served the old ones (catastrophic interference; McCloskey & Cohen 1989).
In language models it is measured, as here, by general tasks before and after tuning (Luo et al. 2023, arXiv:2308.08747; Biderman et al. 2024,
arXiv:2405.09673, "LoRA learns less and forgets less"). The probe is small and easy: it finds a model that has lost its general ability, not
that it has lost one fact. A tuned model that answers general questions in the task's form ("billing") has forgotten how to answer them, too.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from evaluation.statistics import mean_interval, paired_difference

WINDOW = 512
FRESH = 384
"""Tokens that a window reads, and how many of them are new: all but those of the first window are read after 128 or more others."""


class Span(NamedTuple):
    """A window over a text's tokens: those from `start` are read, those from `fresh` to `end` are counted."""

    start: int
    fresh: int
    end: int


def spans(tokens: int, window: int = WINDOW, fresh: int = FRESH) -> Iterator[Span]:
    """Windows that count each token once but the first, before which there is nothing; none for fewer than two tokens.

    Args:
        window: most tokens that are read at once; at least 2.
    """
    new = min(fresh, window - 1)
    counted = 1
    while counted < tokens:
        end = min(tokens, window if counted == 1 else counted + new)
        yield Span(max(0, end - window), counted, end)
        counted = end


def forgetting(
    before: Mapping[str, float], after: Mapping[str, float], kinds: Mapping[str, Sequence[str]], losses: tuple[float | None, float | None]
) -> dict[str, Any]:
    """A method's `forgetting` in the report. Items that only one side has answered are left out, and `n` is what remains.

    Args:
        before, after: item to 1 for right and 0 for wrong.
        kinds: ids of the items by kind.
        losses: of the general text before and after, in nats per token; None where not known.
    """
    whole = [item for items in kinds.values() for item in items]
    by_kind = {kind: _compared(before, after, items) for kind, items in kinds.items()}
    return {
        **_compared(before, after, whole),
        "kinds": by_kind,
        "loss_before": losses[0],
        "loss_after": losses[1],
        "perplexity_before": _perplexity(losses[0]),
        "perplexity_after": _perplexity(losses[1]),
    }


def _compared(before: Mapping[str, float], after: Mapping[str, float], items: Sequence[str]) -> dict[str, Any]:
    both = [item for item in items if item in before and item in after]
    first, second = [before[item] for item in both], [after[item] for item in both]
    gap = paired_difference(first, second)
    return {
        "before": mean_interval(first, share=True).mean,
        "after": mean_interval(second, share=True).mean,
        "difference": gap.difference,
        "ci_low": gap.low,
        "ci_high": gap.high,
        "p_value": gap.p_value,
        "n": len(both),
        "right_before": round(sum(first)),
        "right_after": round(sum(second)),
        "lost": gap.only_a,
        "gained": gap.only_b,
        "note": gap.note,
    }


def _perplexity(loss: float | None) -> float | None:
    return None if loss is None else math.exp(min(loss, 100.0))
