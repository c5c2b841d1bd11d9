"""What methods for a label set share: which rows they can learn from, what they refuse, and answers with the probability of each label.

They learn the labels that occur in the training rows. A label of the set that does not occur there has probability 0: nothing is known of it, and
it is never answered. A training row whose answer is no label is left out and counted.
"""

from __future__ import annotations

import importlib.metadata
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
from pydantic import Field

from adapters.base import Direct, DirectAnswer, MethodSpec, Progress, Recipe, Setting
from adapters.prompts import user_turn, word
from adapters.teaching import Taught, check_teacher, in_words, lesson, teacher_recipe
from core.dataset import normalise
from core.errors import MethodError
from core.files import write_json
from core.fingerprint import fingerprint
from core.records import Example, Grounds

LIBRARIES = ("torch", "transformers", "sentence-transformers", "scikit-learn")
DIGITS = 6
"""Probabilities are rounded: their last bits depend on how many texts are read at once."""
EMPTY = "the question is empty"
Probabilities = Callable[[Sequence[str]], np.ndarray]
"""Texts to shape (texts, labels that occur), each row summing to 1."""


class DirectSpec(MethodSpec):
    """Settings of every method that answers directly."""

    weights: Literal["auto"] = Field("auto", description="Always auto: no language model is asked, so nothing of it is held in fewer bits.")


class Labelled(NamedTuple):
    """Examples as texts and places of their labels; `left_out` are ids of those whose answer is none of `labels`."""

    ids: tuple[str, ...]
    texts: tuple[str, ...]
    classes: tuple[int, ...]
    left_out: tuple[str, ...]


def text_of(example: Example, instruction: str) -> str:
    """What is read of an example: its question, after its own instruction where there is no shared one."""
    return user_turn(replace(example, choices=()), instruction)


def labels_there(setting: Setting) -> tuple[str, ...]:
    """The labels that occur in the training rows, in the order of the label set."""
    found = {example.reference for example in setting.train}
    return tuple(label for label in setting.labels if label in found)


def labelled(setting: Setting, examples: Sequence[Example]) -> Labelled:
    """Examples by id, so that the order of the file changes nothing."""
    place = {label: at for at, label in enumerate(labels_there(setting))}
    known = sorted((e for e in examples if e.reference in place), key=lambda e: e.id)
    return Labelled(
        tuple(e.id for e in known),
        tuple(text_of(e, setting.instruction) for e in known),
        tuple(place[e.reference] for e in known),
        tuple(sorted(e.id for e in examples if e.reference not in place)),
    )


def label_of(answer: str, labels: Sequence[str]) -> str | None:
    """The label that an answer is, else the only one whose words stand in it in a row; None where that is none or several."""
    said = normalise(answer)
    whole = [label for label in labels if normalise(label) == said]
    found = whole or [label for label in labels if f" {normalise(label)} " in f" {said} "]
    return found[0] if len(found) == 1 else None


def check_labels(kind: str, setting: Setting) -> None:
    """Raises:
    MethodError: there is no label set, or the training rows do not have two labels of it.
    """
    if not setting.labels:
        raise MethodError(
            f"{kind} needs a label set; the answers of these data are free text.",
            "State data.labels if they are classes, or take nearest, which works for any task.",
        )
    there = labels_there(setting)
    if len(there) < 2:
        got = f"all {len(labelled(setting, setting.train).ids)} are '{there[0]}'" if there else "there are none"
        raise MethodError(
            f"{kind} needs training rows of at least 2 of the {len(setting.labels)} labels; {got}.",
            f"Give the training split more rows or another seed, or leave {kind} out.",
        )


class BoundLabelled:
    """Answers with the likeliest label; of equal ones the first of the label set."""

    adapter: None = None

    def __init__(self, setting: Setting, load: Callable[[], Probabilities]) -> None:
        self.setting, self.load = setting, load
        self.there = labels_there(setting)

    @cached_property
    def probabilities(self) -> Probabilities:
        return self.load()

    def refuse(self, example: Example) -> str:
        return "" if text_of(example, self.setting.instruction).strip() else EMPTY

    def answer(self, examples: Sequence[Example]) -> list[DirectAnswer]:
        if not examples:
            return []
        rows = self.probabilities([text_of(example, self.setting.instruction) for example in examples])
        return [self._one(dict(zip(self.there, row, strict=True))) for row in np.round(rows.astype(np.float64), DIGITS).tolist()]

    def _one(self, known: dict[str, float]) -> DirectAnswer:
        shares = {label: known.get(label, 0.0) for label in self.setting.labels}
        return DirectAnswer(max(self.there, key=lambda label: known[label]), Grounds(probabilities=shares))


class LabelMethod(ABC):
    """A method that learns the labels. Subclasses say how weights are made, and how they are read."""

    Spec: ClassVar[type[MethodSpec]]
    stage: ClassVar[str]
    """Bumped by hand when the same rows give other weights or other answers."""

    def __init__(self, spec: Any) -> None:
        self.spec = spec

    def check(self, setting: Setting) -> None:
        check_labels(self.spec.kind, setting)
        check_teacher(self.spec.kind, self.spec, setting)

    @abstractmethod
    def settings(self, setting: Setting) -> dict[str, Any]:
        """What the weights depend on beside the rows, the encoder and the libraries."""

    @abstractmethod
    def learn(self, taught: Taught, folder: Path) -> Iterator[Progress]:
        """Write weights and `training.json` into the folder."""

    def teacher(self, setting: Setting) -> Recipe | None:
        """The answers to learn instead of the references, where a teacher is named; asked as a fine-tune without retrieval asks it."""
        return teacher_recipe(self.spec, setting, word, lambda paths: None, {"template": "chat", "index": []})

    def taught(self, setting: Setting, behind: Sequence[Path]) -> Taught:
        """The setting with the labels that are learnt.

        Raises:
            MethodError: a teacher named fewer than two labels.
        """
        found = lesson(self.spec, setting, behind, lambda text: label_of(text, setting.labels))
        if found.record and len(labels_there(found.setting)) < 2:
            there = ", ".join(f"'{label}'" for label in labels_there(found.setting))
            raise MethodError(
                f"The teacher must name at least 2 of the {len(setting.labels)} labels; it names {there} alone.", "Choose another teacher."
            )
        return found

    @abstractmethod
    def load(self, setting: Setting, folder: Path) -> Probabilities:
        """The finished weights, ready to say how likely each label is."""

    def measured(self, setting: Setting, earlier: Sequence[Path]) -> tuple[str, ...]:
        """Ids of the validation rows that its validation loss is of: those whose label occurs in training."""
        taught = self.taught(setting, earlier).setting
        return labelled(taught, taught.validation).ids

    def recipes(self, setting: Setting) -> list[Recipe]:
        teacher = self.teacher(setting)
        train, validation = labelled(setting, setting.train), labelled(setting, setting.validation)
        inputs = {
            "stage": self.stage,
            "kind": self.spec.kind,
            "encoder": setting.embedder_id,
            "libraries": {name: importlib.metadata.version(name) for name in LIBRARIES},
            "settings": self.settings(setting),
            **({"teacher": teacher.fingerprint} if teacher else {}),
        }
        rows = {"labels": list(setting.labels), "train": list(train[:3]), "validation": list(validation[:3])}
        readable = {**inputs, "train_rows": len(train.ids), "validation_rows": len(validation.ids)}

        def build(folder: Path, earlier: Sequence[Path]) -> Iterator[Progress]:
            yield from self.learn(self.taught(setting, earlier), folder)

        return [*([teacher] if teacher else []), Recipe("weights", fingerprint({**inputs, **rows}), readable, build)]

    def bind(self, setting: Setting, artefacts: Sequence[Path]) -> Direct:
        setting = self.taught(setting, artefacts[:-1]).setting
        return BoundLabelled(setting, lambda: self.load(setting, artefacts[-1]))


class LabelFacts(NamedTuple):
    """What a reader of the scores should know of the training rows; kept in `training.json`.

    Attributes:
        rows: how many were learnt from.
        labels, absent: how many labels the set has, and how many of them no training row has.
        most: the share of rows that the commonest label has.
        not_labels: ids of training rows whose answer is no label.
    """

    rows: int
    labels: int
    absent: int
    most: float
    not_labels: tuple[str, ...]


def label_facts(setting: Setting) -> LabelFacts:
    rows = labelled(setting, setting.train)
    most = max(Counter(rows.classes).values()) / len(rows.classes)
    return LabelFacts(len(rows.ids), len(setting.labels), len(setting.labels) - len(labels_there(setting)), round(most, 4), rows.left_out)


def keep_record(folder: Path, record: dict[str, Any], taught: Taught) -> None:
    """`training.json`, written last: where it stands, the weights beside it are whole. `labels` are in the order of the head's rows."""
    setting = taught.setting
    if taught.record:
        told = {"rule": "teacher", "text": in_words(taught.record), "remedy": "", "step": 0, "fatal": False}
        record = {**record, "teacher": taught.record, "findings": [told, *record.get("findings", ())]}
    facts = {**label_facts(setting)._asdict(), "not_labels": list(labelled(setting, setting.train).left_out)}
    write_json(folder / "training.json", {**record, "labels": list(labels_there(setting)), "label_facts": facts})
