"""Passages in training prompts as in RAFT (Zhang et al. 2024, arXiv:2403.10131): the passage that holds the answer among distractors.

By default a training prompt holds what the retriever finds for its question, as the prompt that is asked will: a model then learns with the
very passages that it will see, misses included. With `gold_share` p, each training row whose gold passage is known has it among top_k - 1
distractors with probability p, and top_k distractors alone with probability 1 - p, so that the model learns to take the answer from a passage
and to know it by heart. Distractors are the passages nearest to the question that do not hold the reference. Which rows go without and in which
order the passages stand are functions of the seed and the row's id. Rows without a known gold passage keep what the retriever finds, and
validation rows and questions always do. The paper's p lies between 0.4 and 1, by task.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from adapters.prompts import Words
from adapters.retrieved import PassageFinder
from core.records import Example, Passage, Prompt, Retrieved

MARGIN = 8
"""Passages fetched beside those that are needed and those that hold the reference."""


class Chosen(NamedTuple):
    """The passages of one training prompt, the one that must not be lost first; `gold` is None where no gold passage is known."""

    passages: tuple[Retrieved, ...]
    gold: bool | None


def choose(
    finder: PassageFinder, examples: Sequence[Example], gold: Mapping[str, Sequence[Passage]], gold_share: float, seed: int
) -> list[Chosen]:
    """Passages for each training row.

    Args:
        gold: by example id the passages that hold its reference, the best first.
    """
    most = max((len(found) for found in gold.values()), default=0)
    ranked = finder.found(examples, finder.top_k + most + MARGIN)
    return [_of_one(e, found, gold.get(e.id, ()), finder.top_k, gold_share, seed) for e, found in zip(examples, ranked, strict=True)]


def _of_one(example: Example, found: Sequence[Retrieved], gold: Sequence[Passage], top_k: int, share: float, seed: int) -> Chosen:
    if not gold:
        return Chosen(tuple(found[:top_k]), None)
    holding = {passage.id for passage in gold}
    others = [r for r in found if r.passage.id not in holding]
    if random.Random(f"{seed}/{example.id}/gold").random() >= share:
        return Chosen(_ranked(others[:top_k]), False)
    score = next((r.score for r in found if r.passage.id == gold[0].id), 0.0)
    return Chosen(_ranked([Retrieved(gold[0], score, 0), *others[: top_k - 1]]), True)


def _ranked(found: Sequence[Retrieved]) -> tuple[Retrieved, ...]:
    return tuple(replace(r, rank=rank) for rank, r in enumerate(found))


def in_seeded_order(prompt: Prompt, example: Example, instruction: str, words: Words, seed: int) -> Prompt:
    """The prompt with its passages shuffled, so that the place of one says nothing of what it holds."""
    passages = list(prompt.passages)
    random.Random(f"{seed}/{example.id}/order").shuffle(passages)
    return replace(prompt, passages=tuple(passages), messages=words(example, instruction, (), tuple(passages)))
