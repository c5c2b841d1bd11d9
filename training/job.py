"""What a fine-tune job is told, and the rows that it trains on. A job is one JSON file, so that any machine can run it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import Field, SerializeAsAny, ValidationInfo, field_validator

from core.specs import Spec
from models.loading import ModelSpec
from training.peft_configs import kinds
from training.settings import TrainingSettings


class TrainingRow(Spec):
    """One example as ids, rendered by the caller through the same codec as at inference.

    The loss is taken on `completion_ids` alone, of which the last one ends the turn.
    """

    id: str = Field(description="Id of the example.")
    prompt_ids: tuple[int, ...] = Field(min_length=1, description="Ids of the prompt, equal to those at inference.")
    completion_ids: tuple[int, ...] = Field(min_length=1, description="Ids of the answer, ending with the end-of-turn id.")

    @property
    def length(self) -> int:
        return len(self.prompt_ids) + len(self.completion_ids)


class TrainingJob(Spec):
    """The file that `python -m training SPEC` reads."""

    base: ModelSpec = Field(description="The base model.")
    models_home: Path = Field(description="The store's folder of unpacked models.")
    kind: str = Field("lora", description="What is trained; a name of training.peft_configs.")
    settings: SerializeAsAny[TrainingSettings] = Field(description="How they are trained; which settings there are depends on the kind.")
    train: tuple[TrainingRow, ...] = Field(min_length=1, description="Rows to learn from.")
    validation: tuple[TrainingRow, ...] = Field((), description="Rows that choose the best epoch; never trained on.")
    general: tuple[TrainingRow, ...] = Field((), description="General rows to rehearse, where rehearsal_alpha is above 0.")
    left_out: tuple[str, ...] = Field((), description="Ids of examples that no prompt could be worded for; kept for the record.")
    out: Path = Field(description="Folder for the weights; may hold checkpoints of an earlier attempt at the same job.")

    @field_validator("settings", mode="before")
    @classmethod
    def _of_the_kind(cls, settings: Any, info: ValidationInfo) -> Any:
        known = kinds.get(str(info.data.get("kind", "lora"))).Settings
        return known.model_validate(settings) if isinstance(settings, Mapping) else settings


class FittingRows(NamedTuple):
    """Rows within `max_tokens`, and the ids of those that were left out."""

    kept: tuple[TrainingRow, ...]
    left_out: tuple[str, ...]


def within(rows: tuple[TrainingRow, ...], max_tokens: int) -> FittingRows:
    """Leave out rows that would have to be cut: a cut answer would teach the model not to end."""
    return FittingRows(tuple(r for r in rows if r.length <= max_tokens), tuple(r.id for r in rows if r.length > max_tokens))
