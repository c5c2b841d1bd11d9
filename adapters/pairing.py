"""Preference pairs as rows of ids: from a file of votes, or synthetic ones, the reference against the base model's wrong answer.

Synthetic pairs say nothing of people: they repeat what the references say, with the model's own mistakes as the other side. They are called
synthetic wherever they are used. Test items are in neither: a file is cleared of them before any method sees it, and synthetic pairs are made of
training rows alone.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import Field

from adapters import answered
from adapters.base import Recipe, Setting
from adapters.retrieved import PassageFinder
from adapters.rows import fits, worded_each
from core.dataset import normalise
from core.dataset.pairs import as_example
from core.errors import MethodError
from core.records import Example
from core.specs import Spec
from models.base import Codec, Ids
from training.preference.job import PairRow

STAGE = "the base model answers training rows"
FEWEST_TO_HOLD_OUT = 5
NEARLY_RIGHT = 0.5
"""Share of words in common (F1) from which an answer is not called wrong."""


class PairSettings(Spec):
    """Where pairs come from."""

    pairs: str | None = Field(
        None,
        min_length=1,
        description="A file of prompt, chosen and rejected, as `python -m comparison votes ID --export FILE` writes it. Empty: synthetic pairs, "
        "the reference against the base model's wrong answer on training rows.",
    )
    held_out: float = Field(
        0.1,
        ge=0.0,
        le=0.5,
        description="Share of prompts whose pairs are never trained on, to choose the best epoch and to report; usual 0.1 to 0.2.",
    )


class Paired(NamedTuple):
    """Rows, and what the report says of them."""

    train: tuple[PairRow, ...]
    held_out: tuple[PairRow, ...]
    record: dict[str, Any]


class _Pair(NamedTuple):
    example: Example
    chosen: str
    rejected: str
    cut: bool


def source_inputs(spec: PairSettings, setting: Setting, answers: Recipe | None) -> dict[str, Any]:
    """What the pairs depend on, by content."""
    return {
        "pairs": setting.pairs[spec.pairs].fingerprint if spec.pairs else "synthetic",
        "answers": answers.fingerprint if answers else "",
        "held_out": spec.held_out,
    }


def base_answers(
    spec: PairSettings, setting: Setting, find: Callable[[Sequence[Path]], PassageFinder | None], about: Mapping[str, Any]
) -> Recipe | None:
    """The base model's answers to the training rows, for synthetic pairs; None where pairs come from a file.

    Args:
        find: the finder, given the paths of the recipes before.
        about: how the rows are worded, beside the instruction.
    """
    if spec.pairs is not None:
        return None

    def chats(earlier: Sequence[Path]) -> list[answered.Chat]:
        each = worded_each(setting, find(earlier), setting.train)
        return [(example.id, prompt.messages) for example, prompt in each if not isinstance(prompt, MethodError)]

    author = answered.LocalAuthor(setting.model_key, setting.language_model, setting.generation)
    return answered.answers_recipe(setting, author, {"instruction": setting.instruction, **about}, chats, STAGE)


def paired(spec: PairSettings, setting: Setting, finder: PassageFinder | None, answers: Path | None) -> Paired:
    """The pairs as ids, those of some prompts held out.

    Args:
        answers: folder of the base model's answers, for synthetic pairs.

    Raises:
        MethodError: there is no pair, or none fits the model.
    """
    if answers is None:
        found = [_Pair(as_example(p, setting.instruction), p.chosen, p.rejected, False) for p in setting.pairs[str(spec.pairs)].pairs]
        right = 0
    else:
        said = answered.read(answers)
        known = [e for e in setting.train if e.id in said and e.reference.strip()]
        found = [
            _Pair(e, e.reference, said[e.id].text, said[e.id].finish == "length") for e in known if is_wrong(said[e.id].text, e.reference)
        ]
        right = len(known) - len(found)
        if not found:
            raise MethodError(
                f"There are no synthetic pairs: the base model answers all {len(known)} training rows right, or nearly so.",
                "Name a file of people's votes in pairs, or give more or harder training rows.",
            )
    rows, left_out = _encoded(setting, finder, found)
    names = _held_out([pair.example for pair in found if pair.example.id not in left_out], spec.held_out)
    train, held_out = (tuple(row for row in rows if (row.id in names) == out) for out in (False, True))
    record = {
        "source": "synthetic" if answers is not None else setting.pairs[str(spec.pairs)].file,
        "synthetic": answers is not None,
        "train": len(train),
        "held_out": len(held_out),
        "answered_right": right,
        "left_out": sorted(left_out),
    }
    return Paired(train, held_out, record)


def _encoded(setting: Setting, finder: PassageFinder | None, found: Sequence[_Pair]) -> tuple[list[PairRow], set[str]]:
    codec = setting.codec()
    by_id = {pair.example.id: pair for pair in found}
    rows, left_out = [], set()
    for example, prompt in worded_each(setting, finder, [pair.example for pair in by_id.values()]):
        if isinstance(prompt, MethodError):
            left_out.add(example.id)
            continue
        pair = by_id[example.id]
        chosen, rejected = codec.completion_ids(pair.chosen), _ids(codec, pair.rejected, pair.cut)
        ids = codec.prompt_ids(prompt.messages)
        if chosen == rejected or not fits(setting, ids, max(chosen, rejected, key=len)):  # two texts may have the same tokens
            left_out.add(example.id)
            continue
        rows.append(PairRow(id=example.id, prompt_ids=ids, chosen_ids=chosen, rejected_ids=rejected))
    if not rows:
        raise MethodError(
            f"None of {len(found)} pairs fits the model and has two answers that differ.",
            "Shorten them, or choose a model with a longer context.",
        )
    return rows, left_out


def _ids(codec: Codec, text: str, cut: bool) -> Ids:
    """An answer's ids; one that was cut never ended its turn."""
    whole = codec.completion_ids(text)
    return whole[:-1] or whole if cut else whole


def _held_out(examples: Sequence[Example], share: float) -> set[str]:
    """Ids of the pairs of some prompts, the same ones whatever the seed; none where there are fewer than five prompts."""
    by_prompt: dict[str, list[str]] = {}
    for example in examples:
        by_prompt.setdefault(normalise(example.input or example.instruction), []).append(example.id)
    count = max(1, round(share * len(by_prompt))) if share > 0 and len(by_prompt) >= FEWEST_TO_HOLD_OUT else 0
    chosen = sorted(by_prompt, key=lambda prompt: hashlib.sha256(prompt.encode("utf-8", "surrogatepass")).digest())[:count]
    return {name for prompt in chosen for name in by_prompt[prompt]}


def is_wrong(answer: str, reference: str) -> bool:
    """Whether an answer is plainly not the reference: it neither holds its words in a row nor shares half of them."""
    said, right = normalise(answer).split(), normalise(reference).split()
    if not said or not right:
        return said != right
    if any(said[place : place + len(right)] == right for place in range(len(said) - len(right) + 1)):
        return False
    common = sum((Counter(said) & Counter(right)).values())
    return 2 * common / (len(said) + len(right)) < NEARLY_RIGHT


def in_words(record: Mapping[str, Any]) -> str:
    """Where the pairs came from, for notes."""
    what = (
        f"{record['train']} synthetic pairs ({_better(record)} against the base model's wrong answer; no person was asked)"
        if record["synthetic"]
        else f"{record['train']} pairs of {record['source']}"
    )
    by = "a reward model that was trained on" if record.get("reward_model") else "trained on"
    return f"{by[0].upper()}{by[1:]} {what}" if not record.get("reward_model") else f"Rewarded by {by} {what}"


def _better(record: Mapping[str, Any]) -> str:
    return f"the answer of the teacher {record['teacher']['model']}" if record.get("teacher") else "the reference"


def accuracy_in_words(record: Mapping[str, Any] | None) -> str:
    """What held-out pairs say of the kept weights."""
    if not record:
        return "no pair was held out to check it on"
    return f"of {record['pairs']} held-out pairs it orders {record['right']} as they should be"
