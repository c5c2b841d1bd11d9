"""General rows for a fine-tune that rehearses (`training.rehearsal`): the plan's own file, or the rows that come with the project.

They are worded as a person would ask them, by the chat template alone: without the task's instruction, wording or passages, since what is
to be kept is how the model answers other people's questions.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from adapters.base import Setting
from adapters.rows import training_rows
from core.errors import MethodError
from core.fingerprint import fingerprint
from core.records import Example
from training import rehearsal
from training.job import TrainingRow
from training.settings import TrainingSettings


def general_examples(setting: Setting) -> tuple[Example, ...]:
    return setting.general.examples if setting.general is not None else rehearsal.general_examples()


def general_rows(spec: TrainingSettings, setting: Setting) -> tuple[TrainingRow, ...]:
    """The rows as ids; none where the spec rehearses nothing.

    Raises:
        MethodError: none of them fits the model.
    """
    if not spec.rehearsal_alpha:
        return ()
    try:
        return training_rows(replace(setting, instruction=""), None, general_examples(setting)).rows
    except MethodError as error:
        raise MethodError(f"rehearsal: {error.message}", error.remedy) from error


def rehearsal_inputs(spec: TrainingSettings, setting: Setting) -> dict[str, Any]:
    """What the weights depend on beside the spec; {} where it rehearses nothing."""
    if not spec.rehearsal_alpha:
        return {}
    return {"general": fingerprint([[e.id, e.instruction, e.input, e.reference] for e in general_examples(setting)])}
