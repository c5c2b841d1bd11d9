"""What some metrics must know of the answering model: how likely it finds given texts after each answer's prompt. Nothing is generated.

The model answers with the weights that the method answered with. A label or a reference is weighed as the assistant's whole turn, its end
included, so that "bill" is not favoured as the beginning of "billing"; an option of a multiple-choice item is weighed as text alone, which
is what lm-evaluation-harness does.
A direct method has no prompt; what it states of the labels itself is taken, and nothing else is known of it.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from comparison.events import Pace, Progressed
from core.records import Answer, Example
from models.base import Ids, LanguageModel

STAGES = {"label_logprobs": "weighing labels", "choice_logprobs": "weighing options", "reference_logprob": "weighing references"}


class Weighed(NamedTuple):
    """Texts after one prompt: summed natural-log probabilities and lengths in tokens. Empty where there is no prompt or no room."""

    logprobs: tuple[float, ...] = ()
    tokens: tuple[int, ...] = ()


def weigh(
    model: LanguageModel, adapter: Path | None, need: str, method: str, rows: Sequence[tuple[Example, Answer]], labels: Sequence[str]
) -> Generator[Progressed, None, tuple[Weighed, ...]]:
    """One `Weighed` for each row.

    Args:
        adapter: folder of the method's trained weights, or None.
        need: a key of `STAGES`.
    """
    found: list[Weighed] = []
    pace = Pace()
    for example, answer in rows:
        found.append(_one(model, adapter, need, answer, texts(need, example, labels)))
        yield Progressed(method, STAGES[need], len(found), len(rows), "answers", {}, pace.eta_s(len(found), len(rows)))
    return tuple(found)


def stated(need: str, answers: Sequence[Answer]) -> tuple[Weighed, ...]:
    """What direct answers say themselves: the probability of each label, which is one piece however many tokens the label has."""
    found = []
    for answer in answers:
        shares = tuple(answer.grounds.probabilities.values()) if answer.grounds and need == "label_logprobs" else ()
        found.append(Weighed(tuple(math.log(share) if share > 0 else -math.inf for share in shares), (1,) * len(shares)))
    return tuple(found)


def texts(need: str, example: Example, labels: Sequence[str]) -> tuple[str, ...]:
    """What is weighed for one item."""
    if need == "choice_logprobs":
        return example.choices
    return (example.reference,) if need == "reference_logprob" else tuple(labels)


def _one(model: LanguageModel, adapter: Path | None, need: str, answer: Answer, said: Sequence[str]) -> Weighed:
    if not said or not answer.prompt.messages:
        return Weighed()
    whole = [model.codec.completion_ids(text) for text in said]
    weighed: list[Ids] = [ids[:-1] or ids for ids in whole] if need == "choice_logprobs" else whole
    prompt = model.codec.prompt_ids(answer.prompt.messages)
    if len(prompt) + max(map(len, weighed)) > model.identity.context_length:
        return Weighed()
    return Weighed(tuple(float(x) for x in model.logprobs(prompt, weighed, adapter)), tuple(map(len, weighed)))


def item_fields(needed: dict[str, tuple[Weighed, ...]], place: int) -> dict[str, Any]:
    """What an `Item` holds of it."""
    labels, choices, reference = (needed[need][place] if need in needed else Weighed() for need in STAGES)
    fields: dict[str, Any] = {"label_logprobs": labels.logprobs, "label_lengths": labels.tokens, "choice_logprobs": choices.logprobs}
    return fields | ({"reference_logprob": reference.logprobs[0], "reference_tokens": reference.tokens[0]} if reference.logprobs else {})
