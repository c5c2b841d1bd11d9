"""What a preference job is told: one JSON file, like other training jobs. `task` says which of the three it is."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from core.specs import Spec
from models.loading import ModelSpec
from training.preference.settings import DpoSettings, GrpoSettings, RewardSettings


class PairRow(Spec):
    """Two answers to one prompt as ids, rendered by the caller through the same codec as at inference.

    A rejected answer that was cut while it was written lacks the end-of-turn id, since it had none.
    """

    id: str = Field(description="Id of the pair.")
    prompt_ids: tuple[int, ...] = Field(min_length=1, description="Ids of the prompt, equal to those at inference.")
    chosen_ids: tuple[int, ...] = Field(min_length=1, description="Ids of the better answer, ending with the end-of-turn id.")
    rejected_ids: tuple[int, ...] = Field(min_length=1, description="Ids of the worse answer.")

    @property
    def length(self) -> int:
        return len(self.prompt_ids) + max(len(self.chosen_ids), len(self.rejected_ids))


class PromptRow(Spec):
    """A prompt to answer and be rewarded for."""

    id: str = Field(description="Id of the example.")
    prompt_ids: tuple[int, ...] = Field(min_length=1, description="Ids of the prompt, equal to those at inference.")
    bare_ids: tuple[int, ...] = Field(min_length=1, description="Ids of the bare question, which is what the reward model reads.")


class PreferenceJob(Spec):
    """What all three have."""

    base: ModelSpec = Field(description="The base model.")
    models_home: Path = Field(description="The store's folder of unpacked models.")
    start: Path | None = Field(
        None, description="Folder of a supervised adapter to begin with; it is also what beta or kl holds the model to."
    )
    out: Path = Field(description="Folder for the weights.")


class PairsJob(PreferenceJob):
    """A job on pairs."""

    train: tuple[PairRow, ...] = Field(min_length=1, description="Pairs to learn from.")
    held_out: tuple[PairRow, ...] = Field((), description="Pairs that choose the best epoch and are reported on; never trained on.")


class DpoJob(PairsJob):
    """Direct preference optimisation."""

    task: Literal["dpo"] = "dpo"
    settings: DpoSettings = Field(description="How it is trained.")


class RewardJob(PairsJob):
    """A reward model."""

    task: Literal["reward"] = "reward"
    settings: RewardSettings = Field(description="How it is trained.")


class GrpoJob(PreferenceJob):
    """Policy optimisation against a reward model."""

    task: Literal["grpo"] = "grpo"
    settings: GrpoSettings = Field(description="How it is trained.")
    prompts: tuple[PromptRow, ...] = Field(min_length=1, description="Prompts to answer.")
    reward: Path = Field(description="Folder of the reward model.")
    max_new_tokens: int = Field(64, ge=1, description="Longest answer that is drawn, in tokens.")


AnyJob = DpoJob | RewardJob | GrpoJob
JOBS: dict[str, type[DpoJob] | type[RewardJob] | type[GrpoJob]] = {"dpo": DpoJob, "reward": RewardJob, "grpo": GrpoJob}
