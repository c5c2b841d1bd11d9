"""Distillation: any fine-tune may learn a teacher's answers instead of the references (Kim and Rush 2016, arXiv:1606.07947).

The teacher answers each training row once, in the words in which the student is asked. What it leaves unfinished or empty would teach the student
not to end, so it is dropped and counted; where labels are learnt, so is an answer that names none. DPO takes it for the chosen answer. Validation
stays on the references: which epoch is best is a question of the task, not of the teacher.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from adapters import answered
from adapters.base import Recipe, Setting
from adapters.prompts import Words
from adapters.retrieved import PassageFinder
from adapters.rows import worded_each
from core.errors import BakeoffError, MethodError
from core.records import Example
from core.specs import Spec
from models import address
from models.loading import identify, load_model
from models.writing import server_writer

STAGE = "the teacher answers training rows"
NO_LABEL = "no label"
Read = Callable[[str], str | None]


class TeacherSettings(Spec):
    """Who a fine-tune learns from."""

    teacher: str | None = Field(
        None,
        min_length=1,
        max_length=300,
        description="Distillation: learn this model's answers instead of the references. A Hub id, a folder, or with teacher_url the server's "
        "name of it. Cut or empty answers are dropped; validation stays on the references.",
    )
    teacher_url: str | None = Field(
        None,
        min_length=1,
        max_length=500,
        description="An OpenAI-compatible server to ask the teacher at, up to /v1. Its key comes by BAKEOFF_TEACHER_KEY.",
    )

    @model_validator(mode="after")
    def _a_model_of_the_server(self) -> TeacherSettings:
        if self.teacher_url is not None and self.teacher is None:
            raise ValueError("teacher_url needs teacher: the server's name of the model")
        return self


def check_teacher(kind: str, spec: TeacherSettings, setting: Setting) -> None:
    """Refuse a teacher that cannot be asked.

    Raises:
        MethodError: no such model, an address that may not be asked from here, or a filter that judges other answers than are learnt.
    """
    if spec.teacher is not None and "noisy" in getattr(spec, "filters", ()):
        raise MethodError(
            f"{kind}.filters: noisy goes by the loss of the references, but with a teacher its answers are learnt instead.",
            "Take noisy out of filters, or leave teacher out.",
        )
    try:
        if spec.teacher_url is not None:
            address.check_form(spec.teacher_url, f"{kind}.teacher_url")
            if address.shared_machine():
                parts = urlsplit(spec.teacher_url)
                address.public_address(parts.hostname or "", parts.port or 443)
        elif spec.teacher is not None:
            identify(_model(spec.teacher, setting), setting.models_home)
    except BakeoffError as error:
        raise MethodError(f"{kind}.teacher: {error.message}", error.remedy) from error


def _model(teacher: str, setting: Setting) -> Any:
    """The teacher runs as the base model does."""
    return setting.model.model_copy(update={"id": teacher, "revision": None})


def author(spec: TeacherSettings, setting: Setting) -> answered.Author:
    if spec.teacher_url is not None:
        return answered.ServerAuthor(server_writer(spec.teacher_url, str(spec.teacher), setting.generation.max_new_tokens))
    model = _model(str(spec.teacher), setting)
    return answered.LocalAuthor(identify(model, setting.models_home), lambda: load_model(model, setting.models_home), setting.generation)


def teacher_recipe(
    spec: TeacherSettings,
    setting: Setting,
    words: Words,
    find: Callable[[Sequence[Path]], PassageFinder | None],
    about: Mapping[str, Any],
) -> Recipe | None:
    """The teacher's answers to the training rows; None where the references are learnt.

    Args:
        setting: with the instruction that is asked with.
        find: the finder, given the paths of the recipes before.
        about: how the rows are worded, beside the instruction.
    """
    if spec.teacher is None:
        return None

    def chats(earlier: Sequence[Path]) -> list[answered.Chat]:
        each = worded_each(setting, find(earlier), setting.train, words)
        return [(example.id, prompt.messages) for example, prompt in each if not isinstance(prompt, MethodError)]

    return answered.answers_recipe(setting, author(spec, setting), {"instruction": setting.instruction, **about}, chats, STAGE)


class Taught(NamedTuple):
    """A setting whose training rows have the teacher's answers, and the report's entry; the references and {} without a teacher."""

    setting: Setting
    record: dict[str, Any]

    def added_to(self, preparation: Mapping[str, Any]) -> dict[str, Any]:
        """The record of how rows were prepared, with that of who wrote them."""
        if not self.record:
            return dict(preparation)
        return {**preparation, "teacher": self.record, "notes": [*preparation.get("notes", ()), in_words(self.record)]}


def lesson(spec: TeacherSettings, setting: Setting, behind: Sequence[Path], read: Read = lambda text: text) -> Taught:
    """What is learnt.

    Args:
        read: as in `taught`.
        behind: the paths of the recipes behind index and screenings: the teacher's answers, or nothing where they are still to be had, as
            when a run is estimated; then the references stand for them.
    """
    return taught(spec, setting, behind[0], read) if spec.teacher is not None and behind else Taught(setting, {})


def taught(spec: TeacherSettings, setting: Setting, folder: Path, read: Read = lambda text: text) -> Taught:
    """The teacher's answers in the references' place.

    Args:
        read: what an answer means, as its label; None where it means nothing that can be learnt.

    Raises:
        MethodError: the teacher gave no answer that could be learnt.
    """
    said = answered.read(folder)
    kept, same, dropped = list[Example](), 0, Counter[str]()
    for example in setting.train:
        why = _useless(said.get(example.id))
        meant = None if why else read(said[example.id].text)
        if meant is None:
            dropped[why or NO_LABEL] += 1
            continue
        kept.append(replace(example, reference=meant))
        same += example.reference.strip() == meant.strip()
    if not kept:
        listed = ", ".join(f"{count} {reason}" for reason, count in dropped.items())
        raise MethodError(
            f"The teacher must answer at least 1 training row; of {len(setting.train)} answers none can be learnt ({listed}).",
            "Raise generation.max_new_tokens, or choose another teacher.",
        )
    name = Path(str(spec.teacher)).name if Path(str(spec.teacher)).is_absolute() else str(spec.teacher)
    record = {"model": name, "answers": len(kept), "dropped": dict(dropped), "equal_to_reference": same}
    return Taught(replace(setting, train=kept), record)


def _useless(said: answered.Said | None) -> str:
    """Why an answer is not learnt; "" where it is."""
    if said is None:
        return "not asked for want of room"
    if not said.text.strip():
        return "empty"
    return "cut" if said.finish == "length" else ""


def in_words(record: Mapping[str, Any]) -> str:
    """ "Trained on 40 answers of teacher x instead of the references (2 cut and 1 empty ones dropped)." """
    dropped = " and ".join(f"{count} {reason}" for reason, count in record["dropped"].items())
    left = f"; dropped: {dropped}" if dropped else ""
    return f"Trained on {record['answers']} answers of the teacher {record['model']} instead of the references{left}."
