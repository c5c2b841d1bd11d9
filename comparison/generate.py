"""One method's answers to the test items: from its own file, from other comparisons of the store, or from the model.

The unit is the batch. Its key is a hash of all that its answers depend on, so that a known batch is never generated again, whoever asked
first. Sampled answers (temperature above 0) are shared with nobody: two comparisons that sample are two draws.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from comparison.answers import AnswerWriter, Saved, read_answers, read_timings
from comparison.energy import Power
from comparison.events import Answered, Note, Pace
from comparison.loaded import Loaded
from comparison.store import Store
from core import versions
from core.errors import MethodError
from core.fingerprint import fingerprint
from core.records import Answer, Example, Prompt
from models.base import Batch, BatchPolicy, Completion, GenerationConfig, Ids, LanguageModel, ModelIdentity, OutOfMemory
from models.batching import compose
from models.memory import peak_mb

STAGE_VERSION = "2"  # raised by hand when the same batch would be answered differently


@dataclass(frozen=True)
class Asked:
    """One method's prompts.

    Attributes:
        identity, generation: with the artefact's fingerprint ("" for the base model) all that an answer depends on beside the prompt.
        adapter: the folder of trained weights, or None.
        method_key: hash of what decides all of the method's answers; recorded so that the whole file can be taken over.
        examples: those that have a prompt; of the others `failures` says why.
        word_s: seconds that wording all prompts took: retrieval and embedding of the questions, no loading.
    """

    comparison: str
    method: str
    method_key: str
    identity: ModelIdentity
    artefact: str
    adapter: Path | None
    generation: GenerationConfig
    policy: BatchPolicy
    examples: Sequence[Example]
    prompts: Sequence[Prompt]
    prompt_ids: Sequence[Ids]
    failures: Mapping[str, str] = field(default_factory=dict)
    word_s: float = 0.0

    @property
    def basis(self) -> str:
        """What a half-written answers file must have been generated with to be gone on with."""
        return fingerprint([asdict(self.identity), self.artefact, self.generation.model_dump(), versions.libraries(), STAGE_VERSION])


@dataclass
class Tally:
    """Batches of this start of the run; `warm` once the trained weights have been switched on."""

    generated: int = 0
    reused: int = 0
    warm: bool = False
    cache: dict[tuple[str, str], Saved] = field(default_factory=dict)


def batch_key(asked: Asked, batch: Batch) -> str:
    """Hash of model, weights, decoding, libraries, the prompts' ids in order, and how many of them are computed once."""
    parts = [
        asdict(asked.identity),
        asked.artefact,
        asked.generation.model_dump(),
        [list(ids) for ids in batch.prompt_ids],
        batch.shared,
        versions.libraries(),
        STAGE_VERSION,
    ]
    return fingerprint(parts)


def batch_keys(asked: Asked, batches: Sequence[Batch]) -> list[str]:
    """A unique key for each batch: batches that are equal throughout (repeated items) are numbered."""
    seen: Counter[str] = Counter()
    keys = []
    for batch in batches:
        key = batch_key(asked, batch)
        keys.append(f"{key}.{seen[key]}" if seen[key] else key)
        seen[key] += 1
    return keys


def too_long(asked: Asked) -> dict[str, str]:
    """Items whose prompt leaves no room for an answer, with the reason; they are not asked."""
    room = asked.identity.context_length - asked.generation.max_new_tokens
    long = ((e.id, len(ids)) for e, ids in zip(asked.examples, asked.prompt_ids, strict=True) if len(ids) > room)
    return {i: f"the prompt has {n} tokens; the model reads {room} beside the answer" for i, n in long}


def halved(policy: BatchPolicy) -> BatchPolicy:
    """The next smaller policy, for a device that had no room."""
    return policy.model_copy(update={"max_rows": max(1, policy.max_rows // 2), "max_padded_tokens": max(16, policy.max_padded_tokens // 2)})


def generate(store: Store, loaded: Loaded, asked: Asked) -> Iterator[Answered | Note]:
    """Answer all items; afterwards the method's answers file is packed.

    Raises:
        MethodError: a single prompt does not fit the device, or no item can be asked at all.
        StoreError: the disk is full; the batches so far are kept.
    """
    writer = AnswerWriter(store.folder(asked.comparison), asked.method)
    saved, tally, policy = writer.open(), Tally(), asked.policy
    if saved.head.get("basis") == asked.basis and not saved.complete:
        policy = BatchPolicy.model_validate(saved.head["policy"])
    else:
        saved = Saved()
    while True:
        try:
            yield from _with_policy(store, loaded, asked, policy, writer, saved, tally)
            break
        except OutOfMemory:
            smaller = halved(policy)
            if smaller == policy or policy.max_rows == 1:
                reason = f"{asked.method}: a single prompt does not fit the {asked.identity.device}'s memory."
                raise MethodError(reason, "Take a smaller model, shorter prompts or a lower generation.max_new_tokens.") from None
            yield Note(f"Out of memory with batches of {policy.max_rows}; answering anew with {smaller.max_rows}.", asked.method)
            policy, saved = smaller, Saved()
            store.forget("batches", asked.comparison, asked.method)
    writer.finish(peak_mb(asked.identity.device), asked.word_s, loaded.weight_bytes(asked.adapter))
    store.remember("method_keys", [(asked.method_key, asked.comparison, asked.method)])


def _with_policy(
    store: Store, loaded: Loaded, asked: Asked, policy: BatchPolicy, writer: AnswerWriter, saved: Saved, tally: Tally
) -> Iterator[Answered]:
    failures = {**asked.failures, **too_long(asked)}
    rows = [row for row, example in enumerate(asked.examples) if example.id not in failures]
    if not rows:
        raise MethodError(
            f"{asked.method} can ask none of the {len(asked.examples)} items: {next(iter(failures.values()))}.", "Shorten the prompts."
        )
    batches = [
        batch._replace(rows=tuple(rows[r] for r in batch.rows))
        for batch in compose([asked.prompt_ids[row] for row in rows], policy, asked.generation.max_new_tokens)
    ]
    keys = batch_keys(asked, batches)
    if not saved.head or list(saved.batches) != keys[: len(saved.batches)]:
        saved = Saved()
        writer.start({"basis": asked.basis, "method_key": asked.method_key, "policy": policy.model_dump()}, failures)
    done = sum(len(batch) for batch in saved.batches.values())
    pace = Pace(done)
    for key, batch in list(zip(keys, batches, strict=True))[len(saved.batches) :]:
        _answer_batch(store, loaded, asked, key, batch, writer, tally)
        done += len(batch.rows)
        yield Answered(asked.method, done, len(rows), tally.generated, tally.reused, pace.eta_s(done, len(rows)))
    store.remember("batches", [(key, asked.comparison, asked.method) for key in keys])


def _answer_batch(store: Store, loaded: Loaded, asked: Asked, key: str, batch: Batch, writer: AnswerWriter, tally: Tally) -> None:
    known = find_batch(store, asked, key, tally)
    power: Power | None = None
    if known is not None:
        completions, seconds, source, power = known
        tally.reused += 1
    else:
        model = loaded.model()
        if asked.adapter is not None and not tally.warm:
            _switch_on(model, asked)
            tally.warm = True
        begun = time.monotonic()
        completions, source = model.generate(batch, asked.generation, asked.adapter), ""
        seconds = time.monotonic() - begun
        tally.generated += 1
    writer.add(key, _answers(asked, batch, completions), round(seconds, 4), source, power)
    store.remember("batches", [(key, asked.comparison, asked.method)])


def _switch_on(model: LanguageModel, asked: Asked) -> None:
    """One token of the shortest prompt, untimed: reading and switching on trained weights happens once and is no part of an answer."""
    shortest = min(asked.prompt_ids, key=len)
    model.generate(Batch((0,), (shortest,), 0), asked.generation.model_copy(update={"max_new_tokens": 1}), asked.adapter)


def _answers(asked: Asked, batch: Batch, completions: Sequence[Completion]) -> list[Answer]:
    return [
        Answer(asked.examples[row].id, done.text, done.token_ids, done.finish_reason, asked.prompts[row], len(ids))
        for row, ids, done in zip(batch.rows, batch.prompt_ids, completions, strict=True)
    ]


class Known(NamedTuple):
    """A batch that another method or comparison has answered: its completions, what they took, and where they were found."""

    completions: list[Completion]
    seconds: float
    source: str
    power: Power | None


def find_batch(store: Store, asked: Asked, key: str, tally: Tally) -> Known | None:
    """A batch that was answered before, with its times of then."""
    if asked.generation.temperature > 0:
        return None
    for row in store.find("batches", key):
        place = (row["comparison"], row["method"])
        folder = store.comparisons / place[0]
        if place == (asked.comparison, asked.method) or not folder.is_dir():
            continue
        if place not in tally.cache:
            tally.cache[place] = read_answers(folder, place[1])
        answers = tally.cache[place].batches.get(key)
        if answers:
            timings = read_timings(folder, place[1])
            timing: dict[str, Any] = timings.batches.get(key, {})
            completions = [Completion(a.text, a.token_ids, a.finish_reason) for a in answers]
            return Known(completions, float(timing.get("seconds", 0.0)), timing.get("reused") or place[0], timings.power_of(timing))
    return None


def find_method(store: Store, comparison: str, method: str, key: str, generation: GenerationConfig) -> Saved | None:
    """All answers of a method, its own or taken over from a comparison in which the same key was answered completely. Loads nothing."""
    writer = AnswerWriter(store.folder(comparison), method)
    own = writer.open()
    if own.complete and own.head["method_key"] == key:
        store.remember("method_keys", [(key, comparison, method)])
        store.remember("batches", [(k, comparison, method) for k in own.batches])
        return own
    if generation.temperature > 0:
        return None
    for row in store.find("method_keys", key):
        folder = store.comparisons / row["comparison"]
        if row["comparison"] != comparison and folder.is_dir() and read_answers(folder, row["method"]).complete:
            saved = writer.adopt(folder, row["method"])
            store.remember("batches", [(k, comparison, method) for k in saved.batches])
            store.remember("method_keys", [(key, comparison, method)])
            return saved
    return None
