"""What a model answers to the training rows, kept as an artefact: the base model's answers for synthetic pairs, a teacher's for distillation.

Answers are worded as any question is and come by the one inference path, greedily. A pass that was cut off goes on behind the last line that it
wrote; batches are a function of the rows alone, so that it ends with the same answers.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from adapters.base import Progress, Recipe, Setting
from adapters.prompts import PROMPT_VERSION
from adapters.torn import whole_rows
from core import versions
from core.errors import MethodError
from core.fingerprint import fingerprint
from core.records import Message, to_json
from models.base import BatchPolicy, GenerationConfig, LanguageModel, ModelIdentity, OutOfMemory
from models.batching import compose
from models.writing import ServerWriter

STAGE_VERSION = "1"
"""Bumped by hand when the same rows would be answered otherwise."""
FILE = "answers.jsonl"
POLICY = BatchPolicy(max_rows=32, max_padded_tokens=8192)

Chat = tuple[str, Sequence[Message]]
"""A row's id and what it is asked by."""


class Said(NamedTuple):
    """An answer; `finish` is "stop", or "length" where it was cut."""

    text: str
    finish: str


class Author(Protocol):
    """Who answers."""

    @property
    def key(self) -> dict[str, Any]:
        """What the answers depend on."""
        ...

    def answers(self, chats: Sequence[Chat], known: Mapping[str, Said]) -> Iterator[dict[str, Said]]:
        """The answers, some at a time, without those that are known."""
        ...


@dataclass(frozen=True)
class LocalAuthor:
    """A model of this machine."""

    identity: ModelIdentity
    model: Callable[[], LanguageModel]
    generation: GenerationConfig

    @property
    def key(self) -> dict[str, Any]:
        return {"model": asdict(self.identity), "generation": greedy(self.generation).model_dump(), "policy": POLICY.model_dump()}

    def answers(self, chats: Sequence[Chat], known: Mapping[str, Said]) -> Iterator[dict[str, Said]]:
        codec = self.model().codec
        ids = [codec.prompt_ids(messages) for _, messages in chats]
        room = self.identity.context_length - self.generation.max_new_tokens
        fitting = [place for place, prompt in enumerate(ids) if len(prompt) <= room]
        for batch in compose([ids[place] for place in fitting], POLICY, self.generation.max_new_tokens):
            names = [chats[fitting[row]][0] for row in batch.rows]
            if set(names) <= known.keys():
                continue
            try:
                found = self.model().generate(batch, greedy(self.generation))
            except OutOfMemory as error:
                raise MethodError(
                    f"The training rows cannot be answered in batches of {len(names)}: the device has no memory left.",
                    "Take a smaller model.",
                ) from error
            yield {name: Said(one.text, one.finish_reason) for name, one in zip(names, found, strict=True)}


@dataclass(frozen=True)
class ServerAuthor:
    """A model behind an OpenAI-compatible server; one row at a time."""

    writer: ServerWriter

    @property
    def key(self) -> dict[str, Any]:
        spec = self.writer.spec
        return {"server": spec.url.rstrip("/"), "model": spec.model, "max_tokens": spec.max_tokens}

    def answers(self, chats: Sequence[Chat], known: Mapping[str, Said]) -> Iterator[dict[str, Said]]:
        for name, messages in chats:
            if name not in known:
                yield {name: Said(*self.writer.write(messages))}


def greedy(generation: GenerationConfig) -> GenerationConfig:
    """The plan's decoding without chance."""
    return generation.model_copy(update={"temperature": 0.0, "top_p": 1.0, "seed": 0})


def answers_recipe(
    setting: Setting, author: Author, about: Mapping[str, Any], chats: Callable[[Sequence[Path]], Sequence[Chat]], stage: str
) -> Recipe:
    """The answers to the setting's training rows.

    Args:
        about: how the rows are worded.
        chats: the rows that can be asked, given the paths of the recipes before.
        stage: what progress calls it.
    """
    inputs = {"stage": STAGE_VERSION, "author": author.key, "prompts": PROMPT_VERSION, "libraries": versions.libraries(), **about}

    def build(folder: Path, earlier: Sequence[Path]) -> Iterator[Progress]:
        asked = chats(earlier)
        known = read(folder)
        with (folder / FILE).open("a", encoding="utf-8") as file:
            yield Progress(stage, len(known), len(asked), "rows")
            for found in author.answers(asked, known):
                known |= found
                file.writelines(json.dumps({"id": name, "text": s.text, "finish": s.finish}) + "\n" for name, s in found.items())
                file.flush()
                yield Progress(stage, len(known), len(asked), "rows")

    key = fingerprint({**inputs, "rows": [to_json(example) for example in setting.train]})
    return Recipe("answers", key, {**inputs, "rows": len(setting.train)}, build)


def read(folder: Path) -> dict[str, Said]:
    """Answers by row; a last line that was cut off is taken out of the file."""
    return {row["id"]: Said(row["text"], row["finish"]) for row in whole_rows(folder / FILE)}
