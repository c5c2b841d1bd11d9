"""What a fine-tune job is told, and the rows that it trains on. A job is one JSON file, so that any machine can run it."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from pydantic import Field

from core.specs import Spec
from models.loading import ModelSpec


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


class TrainingSettings(Spec):
    """How weights are trained. The defaults learn a short-answer task from one to a few hundred rows on two CPU cores in minutes."""

    rank: int = Field(
        8,
        ge=1,
        le=512,
        description="Rank of the two thin matrices beside each layer; usual 4 to 64. More can learn more and overfit sooner.",
    )
    alpha: int = Field(16, ge=1, le=4096, description="Scale of the update is alpha / rank; usual 1 to 2 times the rank.")
    dropout: float = Field(0.0, ge=0.0, lt=1.0, description="Share of inputs of each adapter dropped in training; usual 0 to 0.1.")
    epochs: int = Field(
        3,
        ge=1,
        le=100,
        description="How often each training row is seen; usual 1 to 10. The epoch with the lowest validation loss is kept.",
    )
    learning_rate: float = Field(
        1e-3, gt=0.0, le=1.0, description="Largest step size, after warm-up; usual 1e-4 to 2e-3 for LoRA on small models."
    )
    batch_size: int = Field(4, ge=1, le=1024, description="Rows whose gradients make one step; usual 4 to 32.")
    micro_batch_size: int | None = Field(
        None, ge=1, le=1024, description="Rows computed at once; fewer than batch_size saves memory and changes no result."
    )
    warmup_share: float = Field(
        0.1, ge=0.0, le=1.0, description="Share of all steps over which the learning rate rises from 0; then it falls to 0 in a line."
    )
    weight_decay: float = Field(0.0, ge=0.0, le=1.0, description="Pull of trained weights towards 0 at each step (AdamW); usual 0 to 0.1.")
    max_grad_norm: float = Field(1.0, gt=0.0, description="Gradients longer than this are scaled down to it.")
    max_tokens: int = Field(1024, ge=16, le=131072, description="Rows with more tokens than this are left out and counted.")
    seed: int = Field(0, ge=0, description="Seed of the order of rows, of the first weights and of dropout.")


class TrainingJob(Spec):
    """The file that `python -m training SPEC` reads."""

    base: ModelSpec = Field(description="The base model.")
    models_home: Path = Field(description="The store's folder of unpacked models.")
    kind: str = Field("lora", description="Which weights are trained; a name of training.peft_configs.")
    settings: TrainingSettings = Field(description="How they are trained.")
    train: tuple[TrainingRow, ...] = Field(min_length=1, description="Rows to learn from.")
    validation: tuple[TrainingRow, ...] = Field((), description="Rows that choose the best epoch; never trained on.")
    left_out: tuple[str, ...] = Field((), description="Ids of examples that no prompt could be worded for; kept for the record.")
    out: Path = Field(description="Folder for the weights; may hold checkpoints of an earlier attempt at the same job.")


class FittingRows(NamedTuple):
    """Rows within `max_tokens`, and the ids of those that were left out."""

    kept: tuple[TrainingRow, ...]
    left_out: tuple[str, ...]


def within(rows: tuple[TrainingRow, ...], max_tokens: int) -> FittingRows:
    """Leave out rows that would have to be cut: a cut answer would teach the model not to end."""
    return FittingRows(tuple(r for r in rows if r.length <= max_tokens), tuple(r.id for r in rows if r.length > max_tokens))
