"""GRPO: a fine-tune by reward. Answers to training questions are drawn, and those that a reward model likes best become likelier
(group relative policy optimisation, Shao et al. 2024, arXiv:2402.03300).

The reward model is the one that the metric `reward` asks where the plan names the same pairs. A higher reward is then what was trained for, and
tells little by itself: look at the other metrics (Gao et al. 2023, arXiv:2210.10760, on what over-optimising a reward model does).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field

from adapters.base import MethodSpec, Recipe, Setting, methods
from adapters.preferred import Preferred, PreferredSpec
from adapters.retrieved import PassageFinder
from adapters.rewarding import RECORD, RewardSpec, bare_answers, reward_recipe
from adapters.rows import training_rows
from core.errors import MethodError
from training.preference.job import GrpoJob, PromptRow
from training.preference.settings import GrpoSettings


class GrpoSpec(GrpoSettings, PreferredSpec):
    """Policy optimisation against a reward model of the same pairs."""

    kind: Literal["grpo"] = Field(
        "grpo",
        description="Policy optimisation against a reward model of the same pairs. It learns from rewards of its own answers alone, so there is "
        "no teacher to name.",
    )

    def training(self) -> GrpoSettings:
        return GrpoSettings(**{name: getattr(self, name) for name in GrpoSettings.model_fields})

    def reward(self) -> RewardSpec:
        """The reward model: as the metric's, unless the plan's `reward` section sets that otherwise."""
        return RewardSpec(pairs=self.pairs, held_out=self.held_out)


class Grpo(Preferred):
    """See the module's docstring."""

    Spec: ClassVar[type[MethodSpec]] = GrpoSpec

    def before(self, setting: Setting, index: Recipe | None) -> dict[str, Recipe]:
        spec = self.spec.reward()
        answers = bare_answers(spec, setting)
        return {**({"answers": answers} if answers else {}), "reward": reward_recipe(spec, setting, answers)}

    def job(self, setting: Setting, finder: PassageFinder | None, paths: dict[str, Path], folder: Path) -> tuple[GrpoJob, dict[str, Any]]:
        asked = training_rows(setting, finder, setting.train).rows
        bare = {row.id: row.prompt_ids for row in training_rows(setting, None, setting.train).rows}
        prompts = tuple(
            PromptRow(id=row.id, prompt_ids=row.prompt_ids, bare_ids=bare[row.id])
            for row in asked
            if row.id in bare and len(row.prompt_ids) <= self.spec.max_tokens
        )
        if not prompts:
            shortest = min(len(row.prompt_ids) for row in asked)
            raise MethodError(
                f"max_tokens must fit at least one prompt; it is {self.spec.max_tokens} and the shortest has {shortest}.", "Raise it."
            )
        job = GrpoJob(
            base=setting.model,
            models_home=setting.models_home,
            start=paths.get("start"),
            out=folder,
            settings=self.spec.training(),
            prompts=prompts,
            reward=paths["reward"],
            max_new_tokens=setting.generation.max_new_tokens,
        )
        pairs: dict[str, Any] = json.loads((paths["reward"] / RECORD).read_text(encoding="utf-8"))
        return job, {**pairs, "reward_model": True}


methods.add("grpo", Grpo)
