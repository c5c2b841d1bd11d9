"""What happens to the training rows before a fine-tune sees them: which wordings, which further tasks, which rows are left out.

All of it is settings: leaving one away again brings every row back, and nothing of the data is ever changed or deleted.

- `template`: the chat template's turns, or the Alpaca prompt in one user turn; asked in the same words as trained.
- `instructions`: several wordings of the task (FLAN; Wei et al. 2022, arXiv:2109.01652). Each training row has one of them, chosen by a hash
  of its id; validation rows and questions that are asked have the first.
- `mix`: rows of other tasks (`adapters.mixing`).
- `filters`: rules that leave rows out (`core.dataset.filters`), with what the untuned model says of the rows (`adapters.screening`).
- `keep_rows`: rows that are taken back, whatever a filter says of them.
- `gold_share`: what passages stand in training prompts with retrieval (`adapters.distractors`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_serializer, field_validator, model_validator

from adapters.base import Setting
from adapters.prompts import Words, word, word_as_alpaca
from core.dataset import NEAR_FROM, ColumnsSpec, DataSpec, find_labels
from core.dataset.filters import FilterName
from core.errors import MethodError, PlanError
from core.fingerprint import fingerprint
from core.records import Example
from core.specs import Spec

WORDS: dict[str, Words] = {"chat": word, "alpaca": word_as_alpaca}
STAGE_VERSION = "1"
"""Bumped by hand when the same settings prepare other rows."""


class MixSpec(Spec):
    """Rows of another task."""

    path: str = Field(min_length=1, description="A CSV, TSV, JSON, JSONL or Parquet file with rows of another task.")
    weight: float = Field(
        gt=0.0, lt=1.0, description="Share of all training rows that come from this file; usual 0.05 to 0.5. The weights add up to below 1."
    )
    columns: ColumnsSpec = Field(default=ColumnsSpec(), description="Which of its columns is what, as in the data section.")
    instruction: str = Field(
        "", max_length=20_000, description="What to do with its rows, for a file that lacks it; {labels} are its labels."
    )

    @field_serializer("path", when_used="json")
    def _shown(self, path: str) -> str:
        """Results travel: of a file's place they hold no more than its name."""
        return Path(path).name if Path(path).is_absolute() else path

    @property
    def key(self) -> str:
        """Names what is read; two entries that differ in their weight alone read the same."""
        return fingerprint(self.model_dump(exclude={"weight"}))

    def data(self) -> DataSpec:
        return DataSpec(path=self.path, columns=self.columns, instruction=self.instruction)


class PreparationSettings(Spec):
    """How the training rows of a fine-tune are prepared."""

    template: Literal["chat", "alpaca"] = Field(
        "chat", description="How a prompt is laid out: chat, or the Alpaca prompt in one user turn; trained and asked alike."
    )
    instructions: tuple[str, ...] | None = Field(
        None, description="Wordings of the task, instead of the data's instruction: training rows take turns, questions have the first."
    )
    wordings: int | None = Field(
        None, ge=1, description="Train with the first so many of `instructions`; by default with all. 1 to see what several are worth."
    )
    mix: tuple[MixSpec, ...] = Field((), description="Rows of other tasks in training: a list of {path, weight, columns, instruction}.")
    filters: tuple[FilterName, ...] = Field(
        (), description="Which training rows to leave out: near_duplicates, empty, too_long, already_right, noisy."
    )
    keep_rows: tuple[str, ...] = Field(
        (), max_length=10_000, description="Ids of training rows that no filter leaves out: one row taken back, with the filter still on."
    )
    duplicates_from: float = Field(
        NEAR_FROM, gt=0, le=1, description="Cosine similarity from which two training questions are near duplicates; usual 0.85 to 0.98."
    )
    noise_by: Literal["base", "trained"] = Field(
        "base", description="Whose loss marks noise: the untuned model's, or after one epoch of training on all rows, slower and keener."
    )
    gold_share: float | None = Field(
        None,
        ge=0.0,
        le=1.0,
        description="With retrieval, how often a training prompt holds its known gold passage among distractors (RAFT); usual 0.4 to 1. "
        "Empty: what the retriever finds.",
    )

    @field_validator("instructions")
    @classmethod
    def _worded(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if value is None:
            return None
        texts = tuple(text.strip() for text in value)
        if not texts or not all(texts) or len(set(texts)) < len(texts):
            raise ValueError("must be at least one wording, all different and none of them empty")
        return texts

    @field_validator("filters")
    @classmethod
    def _once(cls, value: tuple[FilterName, ...]) -> tuple[FilterName, ...]:
        if len(set(value)) < len(value):
            raise ValueError("must name each filter once")
        return value

    @field_validator("keep_rows")
    @classmethod
    def _ordered(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(sorted(set(value)))

    @model_validator(mode="after")
    def _together(self) -> PreparationSettings:
        if self.wordings is not None and self.wordings > len(self.instructions or ()):
            have = len(self.instructions or ())
            raise ValueError(f"wordings must be at most the {have} entries of instructions; it is {self.wordings}")
        total = sum(entry.weight for entry in self.mix)
        if total >= 1:
            raise ValueError(f"the weights of mix must add up to below 1, since the task's own rows are the rest; they add up to {total:g}")
        return self


def check_preparation(kind: str, spec: PreparationSettings, setting: Setting) -> None:
    """Refuse what cannot work with these data.

    Raises:
        MethodError: says which setting, and how to mend it.
    """
    if spec.gold_share is not None and not getattr(spec, "with_retrieval", False):
        raise MethodError(
            f"{kind}.gold_share says which passages stand in training prompts; without retrieval there are none.",
            "Set with_retrieval: true, or leave gold_share out.",
        )
    if spec.instructions is None:
        return
    if not setting.instruction and any(example.instruction for example in setting.train):
        raise MethodError(
            f"{kind}.instructions must word one task, but the rows of these data have instructions of their own.",
            "Leave instructions out: such data bring their wordings along.",
        )
    wordings(spec, setting)


def wordings(spec: PreparationSettings, setting: Setting) -> tuple[str, ...]:
    """The instructions that training rows take turns with; the first is the one that is asked with.

    Raises:
        PlanError: {labels} stands in one, and the answers form no label set.
    """
    if spec.instructions is None:
        return (setting.instruction,)
    chosen = spec.instructions[: spec.wordings]
    if not any("{labels}" in text for text in chosen):
        return chosen
    labels = setting.labels or find_labels([example.reference for example in setting.train])
    if not labels:
        raise PlanError(
            "instructions speak of {labels}, but the answers form no label set.", "Add labels: [first, second] to the data section."
        )
    return tuple(text.replace("{labels}", ", ".join(labels)) for text in chosen)


def asked_in(spec: PreparationSettings, setting: Setting) -> Setting:
    """The setting with the instruction that questions are asked with."""
    return replace(setting, instruction=wordings(spec, setting)[0]) if spec.instructions else setting


def wording_of(example: Example, texts: Sequence[str], seed: int) -> str:
    """The wording that a training row has: a function of its id and the seed, so that it stays when rows come or go."""
    return texts[int(hashlib.sha256(f"{seed}/{example.id}".encode()).hexdigest(), 16) % len(texts)]


def preparation_inputs(spec: PreparationSettings, setting: Setting) -> dict[str, Any]:
    """What the prepared rows depend on beside the spec and the task's own rows; {} where nothing is prepared."""
    found: dict[str, Any] = {}
    if spec.instructions:
        found["wordings"] = list(wordings(spec, setting))
    if spec.mix:
        found["mix"] = [[Path(entry.path).name, entry.weight, rows_key(setting, entry)] for entry in spec.mix]
    if spec.filters:
        found |= {"filters": STAGE_VERSION, "generation": setting.generation.model_dump(), "labels": list(setting.labels)}
        found |= {"embedder": setting.embedder_id} if "near_duplicates" in spec.filters else {}
    return found


def rows_key(setting: Setting, entry: MixSpec) -> str:
    """Hash of a further file's rows, as they were cleared."""
    rows = setting.mixes[entry.key].examples
    return fingerprint([[e.id, e.instruction, e.input, e.reference, list(e.choices)] for e in rows])
