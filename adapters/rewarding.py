"""The recipe of a reward model: trained on preference pairs, asked by the metric `reward` and by policy optimisation, built once for both.

It reads the bare question and the answer, without passages or demonstrations, so that it scores what every method says in the same way.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from adapters import pairing
from adapters.base import Progress, Recipe, Setting
from adapters.pairing import PairSettings
from adapters.prompts import PROMPT_VERSION
from core.files import write_json
from core.fingerprint import fingerprint
from core.records import to_json
from training.launch import run_job
from training.preference.job import RewardJob
from training.preference.settings import RewardSettings

STAGE_VERSION = "1"
"""Bumped by hand when the same pairs train another reward model."""
LIBRARIES = ("torch", "transformers", "peft")
RECORD = "pairs.json"


class RewardSpec(PairSettings, RewardSettings):
    """A reward model: where its pairs come from, and how it is trained."""

    def training(self) -> RewardSettings:
        return RewardSettings(**{name: getattr(self, name) for name in RewardSettings.model_fields})


def bare_answers(spec: PairSettings, setting: Setting) -> Recipe | None:
    """The base model's answers to bare training questions, for synthetic pairs."""
    return pairing.base_answers(spec, setting, lambda earlier: None, {"index": []})


def reward_recipe(spec: RewardSpec, setting: Setting, answers: Recipe | None) -> Recipe:
    """The reward model.

    Args:
        answers: `bare_answers`; where it is not None, it must stand right before this recipe.
    """
    inputs: dict[str, Any] = {
        "stage": STAGE_VERSION,
        "prompts": PROMPT_VERSION,
        "base": asdict(setting.model_key),
        "libraries": {name: importlib.metadata.version(name) for name in LIBRARIES},
        "settings": spec.training().model_dump(),
        "instruction": setting.instruction,
        **pairing.source_inputs(spec, setting, answers),
    }

    def build(folder: Path, earlier: Sequence[Path]) -> Iterator[Progress]:
        found = pairing.paired(spec, setting, None, earlier[-1] if answers is not None else None)
        write_json(folder / RECORD, found.record)
        job = RewardJob(
            base=setting.model,
            models_home=setting.models_home,
            settings=spec.training(),
            train=found.train,
            held_out=found.held_out,
            out=folder,
        )
        for event in run_job(job):
            if event["event"] == "Finding":
                yield Progress("", note=f"Reward model: {event['text']} {event['remedy']}")
            if event["event"] == "Step":
                yield Progress("training the reward model", event["step"], event["steps"], "steps", {"reward_model_loss": event["loss"]})

    rows = [] if answers is None else [to_json(example) for example in setting.train]
    return Recipe("reward", fingerprint({**inputs, "rows": rows}), inputs, build)
