"""Kinds that learn tokens before the prompt and leave every weight of the base as it is. Registered into `training.peft_configs.kinds`.

Virtual tokens start from real words, which both papers found better than random values for small models and few rows: from the words of
the training answers, the most frequent first (for a task with labels, the labels themselves), or from words of the whole vocabulary.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Literal

from pydantic import Field

from core.errors import MethodError
from training.peft_configs import Kind, kinds
from training.settings import TrainingSettings


class VirtualTokenSettings(TrainingSettings):
    """Learnt tokens before each prompt."""

    virtual_tokens: int = Field(
        20, ge=1, le=4096, description="Learnt tokens before each prompt; usual 5 to 100. They take up room in the model's context."
    )
    start_from: Literal["answers", "vocabulary"] = Field(
        "answers",
        description="Real tokens that the learnt ones start from: those of the training answers, most frequent first, or any of the vocabulary.",
    )


class PromptTuningSettings(VirtualTokenSettings):
    """Soft prompts."""

    learning_rate: float = Field(
        3e-2, gt=0.0, le=1.0, description="Largest step size, after warm-up; usual 5e-3 to 0.3 for soft prompts, far more than for LoRA."
    )


class PrefixTuningSettings(VirtualTokenSettings):
    """Learnt keys and values at each layer."""

    learning_rate: float = Field(1e-2, gt=0.0, le=1.0, description="Largest step size, after warm-up; usual 1e-3 to 3e-2 for prefixes.")


def with_virtual_tokens(form: str) -> Callable[[Any, VirtualTokenSettings], Any]:
    """A kind that learns tokens of this form, as `models.virtual_tokens.FORMS` names it.

    Raises, when it wraps:
        MethodError: the virtual tokens leave no room in the model's context, or the model is not decoder-only.
    """

    def wrap(base: Any, settings: VirtualTokenSettings) -> Any:
        from models.virtual_tokens import FORMS

        context = getattr(base.config.get_text_config(), "max_position_embeddings", None)
        check_room(settings.virtual_tokens, context)
        return FORMS[form](base, words_of_the_vocabulary(base.config.get_text_config().vocab_size, settings))

    return wrap


def check_room(virtual_tokens: int, context: int | None, others: int = 1) -> None:
    """Raises:
    MethodError: they and `others`, the tokens that are needed beside them, do not fit the model's context.
    """
    if context is not None and virtual_tokens + others > context:
        raise MethodError(
            f"virtual_tokens must leave room in the model's context of {context} tokens, of which {others} are needed otherwise; "
            f"got {virtual_tokens}.",
            f"Lower virtual_tokens to {max(context - others, 1)} or less; usual 5 to 100.",
        )


def words_of_the_vocabulary(size: int, settings: VirtualTokenSettings) -> list[int]:
    """Ids by the seed alone."""
    source = random.Random(settings.seed)
    return [source.randrange(size) for _ in range(settings.virtual_tokens)]


def words_of_the_answers(answers: Sequence[Sequence[int]], count: int) -> list[int]:
    """Ids of the answers, the most frequent first, over again where there are fewer than `count`; ties in the order of the ids."""
    found = Counter(token for answer in answers for token in answer)
    ranked = sorted(found, key=lambda token: (-found[token], token))
    return [ranked[place % len(ranked)] for place in range(count)] if ranked else []


def begin(model: Any, settings: VirtualTokenSettings, answers: Sequence[Sequence[int]]) -> None:
    """Give the virtual tokens their first values, unless they are to stay words of the vocabulary."""
    words = words_of_the_answers(answers, settings.virtual_tokens)
    if settings.start_from == "answers" and words:
        model.start_from(words)


kinds.add("prompt_tuning", Kind(PromptTuningSettings, with_virtual_tokens("PROMPT_TUNING"), begin))
kinds.add("prefix_tuning", Kind(PrefixTuningSettings, with_virtual_tokens("PREFIX_TUNING"), begin))
