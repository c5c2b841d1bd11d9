"""What fine-tunes on preferences share: settings, the recipes that come before the weights, and prompts worded as they are asked.

    index?      passages, with retrieval
    queries?    what the model makes of the questions, where they are rewritten for the search
    answers?    the base model's answers to training rows, where pairs are synthetic
    reward?     a reward model, for policy optimisation
    start?      a supervised LoRA to begin with
    weights     an adapter, like any LoRA's

A training that was killed goes on from its last checkpoint, and what Stop keeps of it is the artefact of the same method with `stop_after`.
"""

from __future__ import annotations

import importlib.metadata
import json
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from adapters import pairing
from adapters.base import Bound, MethodSpec, Progress, Recipe, Setting
from adapters.fitting import check_model
from adapters.lora import Lora, LoraSpec
from adapters.pairing import PairSettings
from adapters.prompts import PROMPT_VERSION, word
from adapters.retrieved import PassageFinder, RetrievalSettings, check_retrieval, retrieval_recipes
from adapters.searching import search_inputs
from adapters.teaching import TeacherSettings
from adapters.tuned import BoundTuned
from core.errors import MethodError
from core.files import write_json
from core.fingerprint import fingerprint
from core.records import to_json
from training.estimate import Estimate
from training.launch import run_job
from training.preference.estimate import of_job
from training.preference.job import DpoJob, GrpoJob
from training.preference.settings import AdapterSettings
from training.preference.stopping import adopt
from training.preference.with_trl import HISTORY, check_installed

STAGE_VERSION = "1"
"""Bumped by hand when the same inputs train other weights."""
LIBRARIES = ("torch", "transformers", "peft", "accelerate")
SHOWN = ("loss", "learning_rate", "grad_norm", "reward_accuracy", "reward_margin", "reward", "kl", "answer_tokens")
RECORD = "pairs.json"
"""Where the pairs came from, while the training is unfinished."""
RETRIEVAL = ("index", "queries")
AT_EPOCHS = ("train_loss", "validation_loss", "validation_reward_accuracy", "validation_reward_margin")


class PreferredSpec(PairSettings, RetrievalSettings, AdapterSettings):
    """Settings of every fine-tune on preferences."""

    trains: ClassVar[bool] = True

    after_sft: bool = Field(
        False, description="Train a LoRA on the references first, and begin with it; it is also what the model is held near to."
    )
    sft_epochs: int = Field(3, ge=1, le=100, description="Epochs of that LoRA; usual 1 to 5. Only used with after_sft.")
    seeds: int = Field(1, ge=1, le=10, description="How often to train, from `seed` on; usual 1. Each takes the whole time.")
    with_retrieval: bool = Field(False, description="Put retrieved passages into training prompts and into the prompts that are asked.")
    prompt_cap: int = Field(
        512, ge=64, le=32768, description="Most tokens of a prompt with passages; longer ones train slowly. Usual 256 to 2048."
    )

    def lora(self) -> LoraSpec:
        """The supervised LoRA that goes before."""
        shared = {
            name: getattr(self, name) for name in (*RetrievalSettings.model_fields, *("rank", "alpha", "dropout", "max_tokens", "seed"))
        }
        shared |= {"with_retrieval": self.with_retrieval, "prompt_cap": self.prompt_cap, "epochs": self.sft_epochs}
        return LoraSpec(**{**shared, "kind": "lora", "name": None})

    def trained_with(self) -> dict[str, Any]:
        """The settings that the weights of one seed depend on; the pairs count by their content."""
        skipped = {"name", "pairs", "weights", *TeacherSettings.model_fields} | (
            set() if self.with_retrieval else set(RetrievalSettings.model_fields) | {"prompt_cap"}
        )
        skipped |= self.unset() | (set() if self.after_sft else {"sft_epochs"})
        return {**self.model_dump(exclude=skipped), "kind": self.kind, "seeds": 1}


class Preferred(ABC):
    """A fine-tune on preferences. Subclasses give the spec, what comes before, and the job."""

    Spec: ClassVar[type[MethodSpec]] = PreferredSpec

    def __init__(self, spec: Any) -> None:
        self.spec = spec

    def check(self, setting: Setting) -> None:
        kind = self.spec.kind
        if setting.model_key.id.startswith("fake/"):
            raise MethodError(
                f"{kind} needs a model with weights; got {setting.model_key.id}.",
                "Choose embedded/smollm2-135m-instruct, a folder or a Hub id.",
            )
        check_installed(kind)
        check_model(self.spec, setting)
        if not setting.train:
            raise MethodError(f"{kind} needs at least 1 training example; got 0.", "Give the training split a larger share.")
        if self.spec.with_retrieval:
            check_retrieval(f"{kind} with_retrieval", self.spec, setting)

    def parts(self, setting: Setting) -> dict[str, Recipe]:
        """The recipes before the weights, by what they are to them, in order."""
        retrieval = retrieval_recipes(self.spec, setting, (*setting.train, *setting.validation)) if self.spec.with_retrieval else []
        index = dict(zip(RETRIEVAL, retrieval, strict=False))
        start = {"start": replace(Lora(self.spec.lora()).recipes(setting)[-1], kind="start")} if self.spec.after_sft else {}
        return {**index, **self.before(setting, index.get("index")), **start}

    @abstractmethod
    def before(self, setting: Setting, index: Recipe | None) -> dict[str, Recipe]:
        """What this kind needs beside index and start."""

    def pairs_inputs(self, setting: Setting, parts: dict[str, Recipe]) -> dict[str, Any]:
        return pairing.source_inputs(self.spec, setting, parts.get("answers"))

    @abstractmethod
    def job(
        self, setting: Setting, finder: PassageFinder | None, paths: dict[str, Path], folder: Path
    ) -> tuple[DpoJob | GrpoJob, dict[str, Any]]:
        """The job, and the record of its pairs."""

    def recipes(self, setting: Setting) -> list[Recipe]:
        parts = self.parts(setting)
        inputs = {
            "stage": STAGE_VERSION,
            "prompts": PROMPT_VERSION,
            "base": asdict(setting.model_key),
            "libraries": {name: _version(name) for name in (*LIBRARIES, "trl")},
            "settings": self.spec.trained_with(),
            "instruction": setting.instruction,
            "before": {role: recipe.fingerprint for role, recipe in parts.items() if role != "queries"},
            "passages_fit": min(self.spec.prompt_cap, setting.prompt_budget) if "index" in parts else None,
            "answer_tokens": setting.generation.max_new_tokens,
            **(search_inputs(self.spec, setting) if "index" in parts else {}),
            **self.pairs_inputs(setting, parts),
        }

        def build(folder: Path, earlier: Sequence[Path]) -> Iterator[Progress]:
            yield from self.train(setting, folder, dict(zip(parts, earlier, strict=True)))

        key = fingerprint({**inputs, "rows": [to_json(example) for example in setting.train]})
        return [*parts.values(), Recipe("weights", key, {**inputs, "train_rows": len(setting.train)}, build)]

    def bind(self, setting: Setting, artefacts: Sequence[Path]) -> Bound:
        finder = self.finder(setting, artefacts) if self.spec.with_retrieval else None
        return BoundTuned(setting, artefacts[-1], finder, word)

    def finder(self, setting: Setting, folders: Sequence[Path]) -> PassageFinder:
        """Finds passages, given the paths of the recipes before the weights."""
        return PassageFinder(setting, folders[: self.spec.folders], self.spec, self.spec.prompt_cap)

    def train(self, setting: Setting, folder: Path, paths: dict[str, Path]) -> Iterator[Progress]:
        yield Progress("wording training prompts", 0, len(setting.train), "examples")
        finder = self.finder(setting, list(paths.values())) if "index" in paths else None
        job, record = self.job(setting, finder, paths, folder)
        write_json(folder / RECORD, record)
        for event in run_job(job):
            yield shown(event)
        keep_record(folder)

    def estimate(self, setting: Setting, earlier: Sequence[Path]) -> Estimate:
        """What the training will take, given the paths of the recipes before the weights.

        Raises:
            MethodError: its steps cannot be taken.
        """
        paths = dict(zip(self.parts(setting), earlier, strict=True))
        finder = self.finder(setting, list(paths.values())) if "index" in paths else None
        with tempfile.TemporaryDirectory() as folder:
            return of_job(self.job(setting, finder, paths, Path(folder))[0])

    def keep_stopped(self, setting: Setting, unfinished: Path, folder: Path, earlier: Sequence[Path]) -> None:
        """Make of an unfinished training's best weights those of the method with `stop_after`, in `folder`."""
        if adopt(unfinished, folder, setting.model.id, self.spec.training()) is not None:
            keep_record(folder)


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def keep_record(folder: Path) -> None:
    """Move where the pairs came from into the trainer's history, with a sentence for the report."""
    record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    history = json.loads((folder / HISTORY).read_text(encoding="utf-8"))
    checked = "" if record.get("reward_model") else f"{pairing.accuracy_in_words(history.get('held_out'))}."
    finding = {"rule": "pairs", "text": f"{pairing.in_words(record)}.", "remedy": checked.capitalize(), "step": 0, "fatal": False}
    others = [found for found in history.get("findings", ()) if found["rule"] != "pairs"]
    write_json(folder / HISTORY, {**history, "pairs": record, "findings": [finding, *others]})
    (folder / RECORD).unlink()


def shown(event: dict[str, Any]) -> Progress:
    """A trainer's event as progress, with its figures for the curves."""
    if event["event"] == "Finding":
        return Progress("", note=f"{event['text']} {event['remedy']}")
    if event["event"] == "Stopped":
        return Progress("keeping what was trained")
    if event["event"] == "Epoch":
        values = {name: float(event[name]) for name in AT_EPOCHS if event.get(name) is not None}
        return Progress("checking held-out pairs", event["epoch"], 0, "epochs", {**values, "epoch": float(event["epoch"])})
    values = {name: float(event[name]) for name in SHOWN if event.get(name) is not None}
    places = {"epoch": float(event["epoch"]), "step": float(event["step"])}
    return Progress("training", event["step"], event["steps"], "steps", {**values, **places})
