"""Encoder classifiers, for tasks with a label set: what a practitioner would deploy there, and what a language model should be held against.

- `classifier`: the embedder as it is, with a trained linear head on its vectors. Seconds to train, no seed, and hard to beat with few rows.
- `tuned_encoder`: the embedder's own weights are trained with the head (Devlin et al. 2019, arXiv:1810.04805; Kumar et al. 2022,
  arXiv:2202.10054 for beginning with the head). Minutes on a CPU; gains where there are some dozens of rows of each label.

Both answer directly: no prompt, no tokens, only labels, each with its probability.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from adapters.base import MethodSpec, Progress, Setting, methods
from adapters.labelled import DirectSpec, LabelMethod, Probabilities, keep_record, labelled, labels_there
from adapters.reading import SAMPLE, seconds_of
from adapters.teaching import Taught, TeacherSettings
from core.errors import MethodError
from models import device
from training import early, heads
from training.encoder.job import EncoderJob, EncoderSettings, TextRow
from training.estimate import Estimate
from training.heads import Rows
from training.launch import run_job

NOT_TRAINED_WITH = {"name", "weights", *TeacherSettings.model_fields}
LATER = ("early_stopping", "stop_after", "schedule")
"""Settings that came later: they count among what weights depend on only where they are set, so that older weights are found."""
SHOWN = ("loss", "accuracy", "learning_rate", "grad_norm", "train_loss", "validation_loss", "validation_accuracy")


class ClassifierSpec(TeacherSettings, DirectSpec):
    """The embedder as it is, with a trained head."""

    trains: ClassVar[bool] = True

    kind: Literal["classifier"] = Field("classifier", description="The embedder as it is, with a head trained to name the label.")
    penalty: float | None = Field(
        None,
        gt=0.0,
        le=1e6,
        description="Pull of the head's weights towards 0; usual 0.001 to 10. Left empty, the one with the lowest validation loss is taken.",
    )
    balance: bool = Field(False, description=str(EncoderSettings.model_fields["balance"].description))


class TunedEncoderSpec(TeacherSettings, DirectSpec, EncoderSettings):
    """The embedder's own weights, trained with a head."""

    trains: ClassVar[bool] = True

    kind: Literal["tuned_encoder"] = Field("tuned_encoder", description="The embedder itself trained, with a head, to name the label.")
    seeds: int = Field(
        1,
        ge=1,
        le=10,
        description="How often to train, from `seed` on; usual 1, or 3 to see how much training itself varies. Each takes the whole time.",
    )


class Classifier(LabelMethod):
    """See the module's docstring."""

    Spec: ClassVar[type[MethodSpec]] = ClassifierSpec
    stage = "1"

    def settings(self, setting: Setting) -> dict[str, Any]:
        return {**self.spec.model_dump(exclude=NOT_TRAINED_WITH), "instruction": setting.instruction}

    def learn(self, taught: Taught, folder: Path) -> Iterator[Progress]:
        setting = taught.setting
        begun, rows = time.monotonic(), labelled(setting, setting.train)
        yield Progress("embedding", 0, len(rows.ids), "rows")
        embedder = setting.embedder()
        train, validation = (
            Rows(embedder.embed(found.texts, "query"), found.classes) for found in (rows, labelled(setting, setting.validation))
        )
        yield Progress("fitting the head", len(rows.ids), len(rows.ids), "rows")
        fitted = heads.fit_best(train, validation, len(labels_there(setting)), self.spec.penalty, self.spec.balance)
        folder.mkdir(parents=True, exist_ok=True)
        heads.save(fitted.head, folder)
        record = {
            "curves": [],
            "epochs": [],
            "best_epoch": None,
            "penalty": fitted.penalty,
            "tried": [tried.to_json() for tried in fitted.tried],
            "trainable_params": fitted.head.parameters,
            "cut_rows": sum(len(embedder.offsets(text)) > embedder.max_tokens for text in rows.texts),
            "seconds": round(time.monotonic() - begun, 3),
        }
        keep_record(folder, record, taught)

    def estimate(self, setting: Setting, earlier: Sequence[Path]) -> Estimate:
        """What it will take, measured on some of the rows."""
        setting = self.taught(setting, earlier).setting
        rows, labels = labelled(setting, setting.train), len(labels_there(setting))
        validation = labelled(setting, setting.validation)
        places = heads.spread(rows.classes, SAMPLE)

        def fit(vectors: np.ndarray) -> None:
            some = Rows(vectors, [rows.classes[place] for place in places])
            heads.fit_best(some, some if validation.ids else Rows(vectors[:0], []), labels, self.spec.penalty, self.spec.balance)

        return seconds_of(setting.embedder(), (*rows.texts, *validation.texts), places, fit)

    def load(self, setting: Setting, folder: Path) -> Probabilities:
        head, embedder = heads.load(folder), setting.embedder()
        return lambda texts: head.probabilities(embedder.embed(texts, "query"))


class TunedEncoder(LabelMethod):
    """See the module's docstring."""

    Spec: ClassVar[type[MethodSpec]] = TunedEncoderSpec
    stage = "1"

    def check(self, setting: Setting) -> None:
        super().check(setting)
        if setting.model.embedder.startswith("fake/"):
            raise MethodError(
                f"tuned_encoder needs an embedder with weights; got {setting.model.embedder}.",
                "Set model.embedder to embedded/all-minilm-l6-v2, a folder or a Hub id.",
            )
        early.check(self.spec, len(labelled(setting, setting.validation).ids))

    def settings(self, setting: Setting) -> dict[str, Any]:
        """Tuned weights depend on the device and its threads, too."""
        made = {"device": device.kind(), "threads": _threads(setting), "instruction": setting.instruction}
        unset = {name for name in LATER if getattr(self.spec, name) == EncoderSettings.model_fields[name].default}
        return {**self.spec.model_dump(exclude=NOT_TRAINED_WITH | unset), **made, "seeds": 1}

    def training(self) -> EncoderSettings:
        """The settings that the trainer is told."""
        return EncoderSettings(**{name: getattr(self.spec, name) for name in EncoderSettings.model_fields})

    def job(self, setting: Setting, folder: Path) -> EncoderJob:
        """What the trainer is told; weights are to land in `folder`."""
        there = labels_there(setting)
        return EncoderJob(
            embedder=setting.model.embedder,
            models_home=setting.models_home,
            threads=_threads(setting),
            labels=there,
            absent=len(setting.labels) - len(there),
            settings=self.training(),
            train=_rows(setting, "train"),
            validation=_rows(setting, "validation"),
            out=folder,
        )

    def learn(self, taught: Taught, folder: Path) -> Iterator[Progress]:
        yield Progress("loading the encoder")
        for event in run_job(self.job(taught.setting, folder)):
            yield _shown(event, self.spec.epochs)
        self._keep_record(taught, folder)

    def keep_stopped(self, setting: Setting, unfinished: Path, folder: Path, earlier: Sequence[Path]) -> None:
        """Make of an unfinished training's best epoch the weights of the method with `stop_after`, in `folder`."""
        from training.encoder import keeping

        keeping.adopt(unfinished, folder, self.training())
        self._keep_record(self.taught(setting, earlier), folder)

    def estimate(self, setting: Setting, earlier: Sequence[Path]) -> Estimate:
        """What it will take, from measured steps."""
        from training.encoder.estimate import of_job

        with tempfile.TemporaryDirectory() as folder:
            return of_job(self.job(self.taught(setting, earlier).setting, Path(folder)))

    def _keep_record(self, taught: Taught, folder: Path) -> None:
        keep_record(folder, json.loads((folder / "training.json").read_text(encoding="utf-8")), taught)

    def load(self, setting: Setting, folder: Path) -> Probabilities:
        from models.encoder import EncoderClassifier

        hardware = device.choose("float32", _threads(setting))
        whole = EncoderClassifier(setting.model.embedder, setting.models_home, len(labels_there(setting)), hardware)
        return partial(EncoderClassifier.probabilities, whole.load(folder))


def _threads(setting: Setting) -> int:
    return setting.model.threads or device.free_cores()


def _rows(setting: Setting, split: Literal["train", "validation"]) -> tuple[TextRow, ...]:
    found = labelled(setting, getattr(setting, split))
    return tuple(TextRow(id=i, text=text, label=at) for i, text, at in zip(found.ids, found.texts, found.classes, strict=True))


def _shown(event: dict[str, Any], epochs: int) -> Progress:
    """A trainer's event as progress, with its figures for the curves."""
    if event["event"] == "Finding":
        return Progress("", note=f"{event['text']} {event['remedy']}")
    if event["event"] == "Stopped":
        return Progress("keeping what was trained")
    values = {name: float(event[name]) for name in SHOWN if event.get(name) is not None}
    values["epoch"] = float(event["epoch"])
    if event["event"] == "Step":
        return Progress("training", event["step"], event["steps"], "steps", {**values, "step": float(event["step"])})
    return Progress("validating", event["epoch"], epochs, "epochs", values)


methods.add("classifier", Classifier)
methods.add("tuned_encoder", TunedEncoder)
