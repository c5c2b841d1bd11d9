"""Prompts to batches, as a pure function of the prompts and the policy.

Rounding in bfloat16 depends on which prompts stand in a batch, so batches must never be composed from "what is left to do":
the same plan always gives the same batches, and with them the same answers, however often it was interrupted. Prompts are sorted
by length, since padding costs as much as text, and a beginning that all of them share (the instruction, fixed demonstrations)
is counted once and computed once.
"""

from __future__ import annotations

from collections.abc import Sequence

from models.base import Batch, BatchPolicy, Ids


def shared_prefix(prompts: Sequence[Ids], minimum: int) -> int:
    """How many leading ids all prompts have in common; 0 where it is under `minimum` or there is only one prompt.

    At least one id of each prompt is left over, since the model must read something to answer.
    """
    if len(prompts) < 2:
        return 0
    first, last = min(prompts), max(prompts)
    most = min(len(p) for p in prompts) - 1
    count = 0
    while count < most and first[count] == last[count]:
        count += 1
    return count if count >= minimum else 0


def compose(prompts: Sequence[Ids], policy: BatchPolicy, reserve: int) -> list[Batch]:
    """Batches in the order in which they are to be answered; together they hold each prompt once.

    Args:
        reserve: tokens of room that each answer needs (`max_new_tokens`).
    """
    shared = shared_prefix(prompts, policy.min_shared_prefix)
    order = sorted(range(len(prompts)), key=lambda row: (len(prompts[row]), prompts[row], row))
    batches: list[list[int]] = []
    for row in order:
        padded = len(prompts[row]) - shared + reserve
        current = batches[-1] if batches else []
        if current and len(current) < policy.max_rows and padded * (len(current) + 1) <= policy.max_padded_tokens:
            current.append(row)
        else:
            batches.append([row])
    return [Batch(tuple(rows), tuple(prompts[row] for row in rows), shared) for rows in batches]
