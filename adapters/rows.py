"""Examples to rows of ids: worded and encoded by the very functions that word and encode what is asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from adapters.base import Setting
from adapters.prompts import Words, plain, word
from adapters.retrieved import PassageFinder
from core.errors import MethodError
from core.records import Example, Prompt
from models.base import Ids
from models.text_codec import TextCodec
from training.job import TrainingRow

WordedExample = tuple[Example, Prompt | MethodError]
"""An example with its prompt, or with the reason why it has none."""


class WordedRows(NamedTuple):
    """Training rows, and the ids of the examples that do not fit the model even without passages, or not with their answer."""

    rows: tuple[TrainingRow, ...]
    left_out: tuple[str, ...]


def worded(setting: Setting, finder: PassageFinder | None, examples: Sequence[Example], words: Words = word) -> list[Prompt]:
    """The prompts of these examples, for training and for asking alike. A finder words prompts in its own words."""
    if finder is not None:
        return finder.prompts(examples)
    codec = setting.codec()
    return [plain(example, setting.instruction, codec, setting.prompt_budget, words) for example in examples]


def worded_each(
    setting: Setting, finder: PassageFinder | None, examples: Sequence[Example], words: Words = word
) -> Iterator[WordedExample]:
    """All at once where all fit; one by one, with the reason, where one does not."""
    try:
        yield from zip(examples, worded(setting, finder, examples, words), strict=True)
    except MethodError:
        for example in examples:
            try:
                yield example, worded(setting, finder, [example], words)[0]
            except MethodError as reason:
                yield example, reason


def fits(setting: Setting, prompt: Ids, answer: Ids) -> bool:
    """Whether the model's context has room for both; an encoder-decoder has that room for each."""
    room = setting.model_key.context_length - setting.virtual_tokens
    needed = max(len(prompt), len(answer)) if isinstance(setting.codec(), TextCodec) else len(prompt) + len(answer)
    return needed <= room


def encoded(setting: Setting, found: Iterable[WordedExample]) -> WordedRows:
    """The prompt's ids as they will be asked, then those of the reference and the end of the turn.

    Raises:
        MethodError: there are training examples, and none of them fits the model.
    """
    codec = setting.codec()
    rows: list[TrainingRow] = []
    left_out: list[str] = []
    for example, prompt in found:
        if isinstance(prompt, MethodError):
            left_out.append(example.id)
            continue
        ids, answer = codec.prompt_ids(prompt.messages), codec.completion_ids(example.reference)
        if not fits(setting, ids, answer):
            left_out.append(example.id)
            continue
        rows.append(TrainingRow(id=example.id, prompt_ids=ids, completion_ids=answer))
    if left_out and not rows:
        raise MethodError(
            f"None of {len(left_out)} training examples fits the model.", "Shorten them, or choose a model with a longer context."
        )
    return WordedRows(tuple(rows), tuple(left_out))


def training_rows(setting: Setting, finder: PassageFinder | None, examples: Sequence[Example], words: Words = word) -> WordedRows:
    """Examples as ids.

    Raises:
        MethodError: there are examples, and none of them fits the model.
    """
    return encoded(setting, worded_each(setting, finder, examples, words))
