"""What the model says of the training rows before it is trained: its answers, and the loss of each row's reference.

Both take one pass over the rows and are kept as an artefact, so that any fine-tune of the same rows in the same words finds them again. A pass
that was cut off goes on behind the last line that it wrote.
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
from core.errors import MethodError
from core.fingerprint import fingerprint
from core.records import to_json
from models.base import BatchPolicy, GenerationConfig, OutOfMemory
from models.batching import compose
from training.job import TrainingRow

STAGE_VERSION = "1"
"""Bumped by hand when the same rows give other answers or losses."""
POLICY = BatchPolicy(max_rows=32, max_padded_tokens=8192)
FILES = {"answers": "answers.jsonl", "losses": "losses.jsonl"}

What = Literal["answers", "losses"]


def screening_fingerprint(what: What, setting: Setting, about: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Key and readable inputs of a pass over the setting's training rows.

    Args:
        about: how the rows are worded, and with which weights their loss is taken.
    """
    inputs = {
        "stage": STAGE_VERSION,
        "screening": what,
        "prompts": PROMPT_VERSION,
        "base": asdict(setting.model_key),
        "libraries": versions.libraries(),
        "generation": greedy(setting.generation).model_dump() if what == "answers" else None,
        **about,
    }
    return fingerprint({**inputs, "rows": [to_json(e) for e in setting.train]}), {**inputs, "rows": len(setting.train)}


def greedy(generation: GenerationConfig) -> GenerationConfig:
    """The plan's decoding without chance: whether a row is answered already must not depend on a draw."""
    return generation.model_copy(update={"temperature": 0.0, "top_p": 1.0, "seed": 0})


def answer_rows(folder: Path, rows: Sequence[TrainingRow], setting: Setting) -> Iterator[Progress]:
    """Write the untuned model's answer to each row, batch by batch.

    Raises:
        MethodError: a batch does not fit the device.
    """
    config = greedy(setting.generation)
    known, path = read(folder, "answers"), folder / FILES["answers"]
    batches = compose([row.prompt_ids for row in rows], POLICY, config.max_new_tokens)
    done = 0
    with path.open("a", encoding="utf-8") as file:
        for batch in batches:
            ids = [rows[place].id for place in batch.rows]
            if not set(ids) <= known.keys():
                yield Progress("answering training rows without training", done, len(rows), "rows")
                try:
                    said = setting.language_model().generate(batch, config)
                except OutOfMemory as error:
                    raise MethodError(
                        f"The training rows cannot be answered in batches of {len(batch.rows)}: the device has no memory left.",
                        "Leave out the filter already_right, or take a smaller model.",
                    ) from error
                file.writelines(json.dumps({"id": i, "text": c.text}) + "\n" for i, c in zip(ids, said, strict=True))
                file.flush()
            done += len(ids)
    yield Progress("answering training rows without training", done, len(rows), "rows")


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


def recipe(what: What, setting: Setting, about: Mapping[str, Any], build: Any) -> Recipe:
    """The artefact of one pass; `build` as in `Recipe`."""
    key, readable = screening_fingerprint(what, setting, about)
    return Recipe("screening", key, readable, build)
