"""Answers of direct methods: the same files, markers and times as generated ones, and no language model.

Batches are the test items in order, cut by the plan's `batch.max_rows`, so a resumed run composes the same ones and its answers are equal, byte
for byte. Whole methods are taken over from other comparisons by their key, as those that generate are (`generate.find_method`).
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adapters.base import Direct
from comparison.answers import AnswerWriter, Saved
from comparison.artefacts import Artefact
from comparison.cost import training_record
from comparison.events import Answered, Pace
from comparison.store import Store
from core import versions
from core.errors import MethodError
from core.fingerprint import fingerprint
from core.records import Answer, Example, Prompt
from models.base import BatchPolicy

STAGE_VERSION = "1"  # raised by hand when the same batch would be answered differently
MOSTLY = 0.5
"""A label of more than this share of the training rows is worth a word."""


@dataclass(frozen=True)
class Asked:
    """What one direct method is to answer.

    Attributes:
        method_key: hash of what decides all of the method's answers.
        examples: all test items; those that it refuses are failures.
    """

    comparison: str
    method: str
    method_key: str
    bound: Direct
    examples: Sequence[Example]
    policy: BatchPolicy

    @property
    def basis(self) -> str:
        """What a half-written answers file must have been answered with to be gone on with."""
        return fingerprint([self.method_key, versions.libraries(), STAGE_VERSION])


def answer(store: Store, asked: Asked) -> Iterator[Answered]:
    """Answer all items; afterwards the method's answers file is packed.

    Raises:
        MethodError: no item can be answered.
        StoreError: the disk is full; the batches so far are kept.
    """
    refused = {example.id: reason for example in asked.examples if (reason := asked.bound.refuse(example))}
    batches = _batches([example for example in asked.examples if example.id not in refused], asked.policy.max_rows)
    if not batches:
        reason = next(iter(refused.values()), "there are none")
        raise MethodError(f"{asked.method} can answer none of the {len(asked.examples)} items: {reason}.", "Look at the test items.")
    writer = AnswerWriter(store.folder(asked.comparison), asked.method)
    keys = [fingerprint([asked.basis, place, [example.id for example in batch]]) for place, batch in enumerate(batches)]
    saved = _begun(writer, asked, keys, refused)
    done, total = sum(map(len, saved.batches.values())), sum(map(len, batches))
    if len(saved.batches) < len(batches):
        asked.bound.answer(batches[0][:1])  # an encoder is loaded at the first call; that happens once and is no part of an answer
    pace = Pace(done)
    for place in range(len(saved.batches), len(batches)):
        begun = time.monotonic()
        answers = _answers(asked, batches[place])
        writer.add(keys[place], answers, round(time.monotonic() - begun, 4))
        done += len(answers)
        yield Answered(asked.method, done, total, place + 1 - len(saved.batches), 0, pace.eta_s(done, total))
    writer.finish(peak_memory_mb=0.0)  # not told: what this process holds is mostly the models of other methods
    store.remember("method_keys", [(asked.method_key, asked.comparison, asked.method)])


def _batches(examples: Sequence[Example], most: int) -> list[Sequence[Example]]:
    return [examples[start : start + most] for start in range(0, len(examples), most)]


def _begun(writer: AnswerWriter, asked: Asked, keys: Sequence[str], refused: Mapping[str, str]) -> Saved:
    """What is there already, or a file that was just begun."""
    saved = writer.open()
    same = saved.head.get("basis") == asked.basis and list(saved.batches) == list(keys[: len(saved.batches)])
    if same and not saved.complete:
        return saved
    writer.start({"basis": asked.basis, "method_key": asked.method_key, "policy": asked.policy.model_dump()}, refused)
    return Saved()


def _answers(asked: Asked, batch: Sequence[Example]) -> list[Answer]:
    found = asked.bound.answer(batch)
    return [Answer(e.id, one.text, (), "direct", Prompt(()), 0, one.grounds) for e, one in zip(batch, found, strict=True)]


def remarks(artefacts: Sequence[Artefact]) -> list[str]:
    """What a reader of a label method's scores should know of its training rows. No label is named: they may be private."""
    record = training_record(artefacts)
    facts: Mapping[str, Any] = record.get("label_facts") or {}
    if not facts:
        return []
    said, known = [], {finding["rule"] for finding in record.get("findings") or ()}  # what the trainer's doctor said already
    if facts["absent"] and "absent" not in known:
        said.append(f"{facts['absent']} of {facts['labels']} labels do not occur in its training rows, so they are never answered.")
    if facts["not_labels"]:
        said.append(f"{len(facts['not_labels'])} training rows have an answer that is no label and were left out.")
    if facts["most"] > MOSTLY:
        said.append(
            f"{facts['most']:.0%} of its training rows have one label; always answering that one would look as good on rows like them."
        )
    if record.get("cut_rows") and "cut" not in known:
        said.append(f"{record['cut_rows']} of {facts['rows']} training texts are longer than the encoder reads; it read their beginning.")
    return said
