"""The loss of each training row's reference before anything is trained, or after one epoch; for the filter that tells noise.

It takes one pass over the rows and is kept as an artefact, so that any fine-tune of the same rows in the same words finds it again. A pass that
was cut off goes on behind the last line that it wrote. What the model answers to the rows is asked in `adapters.answered`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

from adapters.base import Progress, Recipe, Setting
from adapters.prompts import PROMPT_VERSION
from adapters.torn import whole_rows
from core import versions
from core.fingerprint import fingerprint
from core.records import to_json
from training.job import TrainingRow

STAGE_VERSION = "1"
"""Bumped by hand when the same rows give other losses."""
FILES = {"answers": "answers.jsonl", "losses": "losses.jsonl"}

What = Literal["answers", "losses"]


def measure_rows(folder: Path, rows: Sequence[TrainingRow], setting: Setting, adapter: Path | None = None) -> Iterator[Progress]:
    """Write the mean cross-entropy per token of each row's answer, the end of the turn included, in nats.

    Args:
        adapter: weights to measure with; None for the untuned model.
    """
    known, path = read(folder, "losses"), folder / FILES["losses"]
    with path.open("a", encoding="utf-8") as file:
        for done, row in enumerate(rows):
            if row.id not in known:
                total = setting.language_model().logprobs(row.prompt_ids, [row.completion_ids], adapter)[0]
                file.write(json.dumps({"id": row.id, "loss": round(-total / len(row.completion_ids), 6)}) + "\n")
                file.flush()
            yield Progress("measuring the loss of training rows", done + 1, len(rows), "rows")


def read(folder: Path, what: What) -> dict[str, Any]:
    """Row id to answer or loss; a last line that was cut off is taken out of the file."""
    rows = whole_rows(folder / FILES[what])
    return {row["id"]: row["text" if what == "answers" else "loss"] for row in rows}


def recipe(setting: Setting, about: Mapping[str, Any], build: Any) -> Recipe:
    """The artefact of one pass over the setting's training rows.

    Args:
        about: how the rows are worded, and with which weights their loss is taken.
        build: as in `Recipe`.
    """
    inputs = {
        "stage": STAGE_VERSION,
        "screening": "losses",
        "prompts": PROMPT_VERSION,
        "base": asdict(setting.model_key),
        "libraries": versions.libraries(),
        "generation": None,
        **about,
    }
    key = fingerprint({**inputs, "rows": [to_json(e) for e in setting.train]})
    return Recipe("screening", key, {**inputs, "rows": len(setting.train)}, build)
