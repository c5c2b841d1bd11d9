"""What all fine-tunes share: settings, recipes of weights, and prompts that are worded alike for training and for asking.

A kind of fine-tune is a file like `lora.py`: a spec that joins `TunedSpec` with the settings of a trainable kind, and a class that names it.
The training prompts are worded and turned into ids by the same functions as the prompts that are asked. With retrieval, each training
prompt holds the passages that were found for its question, so the model learns to read them (compare RAFT, Zhang et al. 2024, arXiv:2403.10131).
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from pydantic import Field

from adapters.base import Bound, MethodSpec, Progress, Recipe, Setting
from adapters.fitting import check_model
from adapters.preparation import WORDS, PreparationSettings, asked_in, check_preparation, preparation_inputs
from adapters.prepared import FILE, in_words, prepared, screenings
from adapters.prompts import PROMPT_VERSION, Words
from adapters.rehearsed import general_rows, rehearsal_inputs
from adapters.retrieved import PassageFinder, RetrievalSettings, check_retrieval, passages_inputs, retrieval_recipes
from adapters.rows import training_rows as training_rows
from adapters.rows import worded
from adapters.screening import What
from adapters.searching import search_inputs
from adapters.teaching import TeacherSettings, check_teacher, lesson, teacher_recipe
from core.errors import MethodError
from core.files import write_json
from core.fingerprint import fingerprint
from core.records import Example, Prompt, to_json
from training import early, packing, pull, stopping
from training.job import TrainingJob, within
from training.launch import run_job
from training.peft_configs import kinds
from training.prompt_learning import VirtualTokenSettings, check_room
from training.settings import TrainingSettings

STAGE_VERSION = "2"
"""Bumped by hand when the same inputs train other weights."""
LIBRARIES = ("torch", "transformers", "peft", "accelerate")
STEP = ("loss", "general_loss", "token_accuracy", "learning_rate", "grad_norm")
SHOWN = (*STEP, "train_loss", "validation_loss", "validation_token_accuracy")


class TunedSpec(TeacherSettings, PreparationSettings, RetrievalSettings, TrainingSettings):
    """Settings of every fine-tune."""

    trains: ClassVar[bool] = True

    seeds: int = Field(
        1,
        ge=1,
        le=10,
        description="How often to train, from `seed` on; usual 1, or 3 to see how much training itself varies. Each takes the whole time.",
    )
    with_retrieval: bool = Field(False, description="Put retrieved passages into training prompts and into the prompts that are asked.")
    train_rows: int | None = Field(
        None,
        ge=1,
        description="Train on this many rows at most, the first of a fixed order, so that fewer are a part of more; for learning curves.",
    )
    prompt_cap: int = Field(
        512, ge=64, le=32768, description="Most tokens of a prompt with passages; longer ones train slowly. Usual 256 to 2048."
    )

    def training(self) -> TrainingSettings:
        """The settings of the trainable kind that has the method's own name."""
        Settings = kinds.get(self.kind).Settings
        return Settings(**{name: getattr(self, name) for name in Settings.model_fields})

    def trained_with(self) -> dict[str, Any]:
        """The settings that the weights of one seed depend on beside all rows: without the name, and without retrieval's where it is off."""
        skipped = {"name", "train_rows", "mix", "weights"} | (
            set() if self.with_retrieval else set(RetrievalSettings.model_fields) | {"prompt_cap"}
        )
        skipped |= self.unset() | (set() if self.filters and self.keep_rows else {"keep_rows"})
        return {**self.model_dump(exclude=skipped | set(TeacherSettings.model_fields)), "kind": self.kind, "seeds": 1}


class BoundTuned:
    """Words prompts as in training, and names the weights to answer with."""

    def __init__(self, setting: Setting, adapter: Path, finder: PassageFinder | None, words: Words) -> None:
        self.setting, self.adapter, self.finder, self.words = setting, adapter, finder, words

    def prompts(self, examples: Sequence[Example]) -> list[Prompt]:
        return worded(self.setting, self.finder, examples, self.words)


class Told(NamedTuple):
    """What a trainer is told, and how its rows were prepared."""

    job: TrainingJob
    record: dict[str, Any]


class Tuned:
    """A fine-tune of the kind that its spec names. Subclasses give the spec."""

    Spec: ClassVar[type[MethodSpec]] = TunedSpec

    def __init__(self, spec: TunedSpec) -> None:
        self.spec = spec

    def check(self, setting: Setting) -> None:
        if setting.model_key.id.startswith("fake/"):
            raise MethodError(
                f"{self.spec.kind} needs a model with weights; got {setting.model_key.id}.",
                "Choose embedded/smollm2-135m-instruct, a folder or a Hub id.",
            )
        check_model(self.spec, setting)
        check_room(self.virtual_tokens, setting.model_key.context_length, setting.generation.max_new_tokens + 1)
        if not setting.train:
            raise MethodError(f"{self.spec.kind} needs at least 1 training example; got 0.", "Give the training split a larger share.")
        if (self.spec.train_rows or 0) > len(setting.train):
            raise MethodError(
                f"{self.spec.kind}.train_rows must be at most the {len(setting.train)} training examples; got {self.spec.train_rows}.",
                "Lower train_rows, or leave it out for all of them.",
            )
        if self.spec.with_retrieval:
            check_retrieval(f"{self.spec.kind} with_retrieval", self.spec, setting)
        check_preparation(self.spec.kind, self.spec, setting)
        check_teacher(self.spec.kind, self.spec, setting)
        early.check(self.spec, len(setting.validation))
        packing.refuse(self.spec, None)
        pull.refuse(self.spec)

    @property
    def virtual_tokens(self) -> int:
        """Learnt tokens before each prompt; 0 for most kinds."""
        return self.spec.virtual_tokens if isinstance(self.spec, VirtualTokenSettings) else 0

    def fewer(self, setting: Setting) -> Setting:
        """The setting with the rows that it trains on, and with the room that is left in the model's context."""
        return replace(setting, train=setting.train[: self.spec.train_rows], virtual_tokens=self.virtual_tokens)

    def recipes(self, setting: Setting) -> list[Recipe]:
        setting = self.fewer(setting)
        retrieval = self.retrieval(setting)
        index = retrieval[:1]
        teacher = self.teacher(setting)
        inputs = {
            "stage": STAGE_VERSION,
            "prompts": PROMPT_VERSION,
            "base": asdict(setting.model_key),
            "libraries": {name: importlib.metadata.version(name) for name in LIBRARIES},
            "settings": self.spec.trained_with(),
            "instruction": setting.instruction,
            "index": [recipe.fingerprint for recipe in index],
            "passages_fit": min(self.spec.prompt_cap, setting.prompt_budget) if index else None,
            **(search_inputs(self.spec, setting) if index else {}),
            **preparation_inputs(self.spec, setting),
            **rehearsal_inputs(self.spec, setting),
            **({"teacher": teacher.fingerprint} if teacher else {}),
        }
        rows = {"train": [to_json(e) for e in setting.train], "validation": [to_json(e) for e in setting.validation]}
        readable = {**inputs, "train_rows": len(setting.train), "validation_rows": len(setting.validation)}

        def build(folder: Path, earlier: Sequence[Path]) -> Iterator[Progress]:
            yield from self.train(setting, folder, earlier)

        before = [*retrieval, *self.screenings(setting).values(), *([teacher] if teacher else [])]
        return [*before, Recipe("weights", fingerprint({**inputs, **rows}), readable, build)]

    def retrieval(self, setting: Setting) -> list[Recipe]:
        """The index and rewritten questions, with retrieval. Weights depend on the first alone: what is asked later does not change them."""
        return retrieval_recipes(self.spec, setting, (*setting.train, *setting.validation)) if self.spec.with_retrieval else []

    def teacher(self, setting: Setting) -> Recipe | None:
        """The answers to learn instead of the references, where a teacher is named."""
        index = [recipe.fingerprint for recipe in self.retrieval(setting)[:1]]
        about: dict[str, Any] = {"template": self.spec.template, "index": index}
        fit = {"passages_fit": min(self.spec.prompt_cap, setting.prompt_budget)}
        about |= {**passages_inputs(self.spec, setting), **fit} if index else {}
        return teacher_recipe(self.spec, asked_in(self.spec, setting), self.words, lambda paths: self.finder(setting, paths), about)

    def screenings(self, setting: Setting) -> dict[What, Recipe]:
        """What the untuned model is asked about the training rows, for filters that need it."""
        index = [recipe.fingerprint for recipe in self.retrieval(setting)[:1]]
        return screenings(self.spec, setting, lambda paths: self.finder(setting, paths), index)

    def bind(self, setting: Setting, artefacts: Sequence[Path]) -> Bound:
        setting = replace(setting, virtual_tokens=self.virtual_tokens)
        return BoundTuned(asked_in(self.spec, setting), artefacts[-1], self.finder(setting, artefacts), self.words)

    @property
    def words(self) -> Words:
        return WORDS[self.spec.template]

    def finder(self, setting: Setting, artefacts: Sequence[Path]) -> PassageFinder | None:
        if not self.spec.with_retrieval:
            return None
        return PassageFinder(asked_in(self.spec, setting), artefacts[: self.spec.folders], self.spec, self.spec.prompt_cap, self.words)

    def train(self, setting: Setting, folder: Path, earlier: Sequence[Path]) -> Iterator[Progress]:
        yield Progress("wording training prompts", 0, len(self.fewer(setting).train), "examples")
        job, record = self.told(setting, folder, earlier)
        write_json(folder / FILE, record)
        yield Progress(in_words(record))
        for event in run_job(job):
            yield shown(event, self.spec.epochs)

    def keep_stopped(self, setting: Setting, unfinished: Path, folder: Path, earlier: Sequence[Path]) -> None:
        """Make of an unfinished training's best epoch the weights of the method with `stop_after`, in `folder`."""
        stopping.adopt(unfinished, folder, setting.model.id, self.spec.training())

    def measured(self, setting: Setting, earlier: Sequence[Path]) -> tuple[str, ...]:
        """Ids of the validation rows that its validation loss is of, given the paths of the recipes before the weights."""
        setting = self.fewer(setting)
        rows = training_rows(asked_in(self.spec, setting), self.finder(setting, earlier), setting.validation, self.words).rows
        return tuple(row.id for row in within(rows, self.spec.max_tokens).kept)

    def job(self, setting: Setting, folder: Path, earlier: Sequence[Path]) -> TrainingJob:
        """What the trainer is told; weights are to land in `folder`."""
        return self.told(setting, folder, earlier).job

    def told(self, setting: Setting, folder: Path, earlier: Sequence[Path]) -> Told:
        """The same, with the record of how its rows were prepared."""
        setting = self.fewer(setting)
        finder = self.finder(setting, earlier)
        behind = earlier[self.spec.folders if finder else 0 :]
        screened = dict(zip(self.screenings(setting), behind, strict=False))
        taught = lesson(self.spec, setting, behind[len(screened) :])
        train = prepared(self.spec, taught.setting, finder, screened, self.spec.seed, self.spec.max_tokens)
        validation = training_rows(asked_in(self.spec, setting), finder, setting.validation, self.words)
        job = TrainingJob(
            base=setting.model,
            models_home=setting.models_home,
            kind=self.spec.kind,
            settings=self.spec.training(),
            train=train.rows,
            validation=validation.rows,
            general=general_rows(self.spec, setting),
            left_out=train.left_out,
            out=folder,
        )
        return Told(job, taught.added_to(train.record))


def shown(event: dict[str, Any], epochs: int) -> Progress:
    """A trainer's event as progress, with its figures for the curves; `tokens_per_s` counts the answers' tokens, those that are learnt."""
    if event["event"] == "Finding":
        return Progress("", note=f"{event['text']} {event['remedy']}")
    values = {name: float(event[name]) for name in SHOWN if event.get(name) is not None}
    if event.get("seconds"):
        values["tokens_per_s"] = event["tokens"] / event["seconds"]
    values["epoch"] = float(event["epoch"])
    if event["event"] == "Step":
        return Progress("training", event["step"], event["steps"], "steps", {**values, "step": float(event["step"])})
    return Progress("validating", event["epoch"], epochs, "epochs", values)
