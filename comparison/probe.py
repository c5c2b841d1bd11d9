"""The general probe put to the models of a comparison: the untuned one once, and each fine-tune.

Each is asked the items of `evaluation.probing` by the chat template alone, without the task's instruction, documents or demonstrations, decoded
greedily whatever the plan says; and it reads the general text, for its perplexity. Answers are kept beside the methods' own under `lora.probe`
and `probe.base` and found again by their batches, so the untuned model answers once for all comparisons. A fine-tune on a base that is held in few
bits is compared with that base as it is held. What they came to stands in `probe.json`:

    {"kinds": {kind: [item, ...]}, "set": hash, "models": {name: {"key", "base", "scores": {item: 0 or 1}, "loss", "tokens", "reason"}}}
"""

from __future__ import annotations

import json
import math
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from adapters.base import Method, methods
from comparison import generate
from comparison.answers import read_answers
from comparison.artefacts import Artefact
from comparison.events import Event, MethodFailed, MethodStarted, Note, Pace, Progressed
from comparison.preparing import prepare
from comparison.ready import Ready
from comparison.seeds import members
from comparison.store import Store
from core import versions
from core.errors import BakeoffError, Cancelled, MethodError, StoreError
from core.files import write_json
from core.fingerprint import fingerprint
from core.records import Example, Message, Prompt
from evaluation.forgetting import WINDOW, spans
from evaluation.probing import probe_set
from models.base import GenerationConfig, OutOfMemory

BASE, SUFFIX = "probe.base", ".probe"
FILE = "probe.json"
TEXT = "general_text"
STAGE_VERSION = "1"  # raised by hand when the same model would be asked or read otherwise
ANOTHER_MODEL = ("scratch", "classifier", "tuned_encoder")
"""Kinds that train something else than the base model, which had nothing to forget."""
DECODING = GenerationConfig(max_new_tokens=48)


def probe_name(method: str) -> str:
    return method + SUFFIX


def can_forget(kind: str) -> bool:
    """Whether methods of this kind train the base model and answer with it."""
    return kind in methods and methods.get(kind).Spec.trains and kind not in ANOTHER_MODEL


class Question(NamedTuple):
    """One model to ask.

    Attributes:
        aside: the name under which its answers are kept.
        base: that of the untuned model that it is compared with; its own name for the untuned one.
        ready: with the base as it is held for it.
        method: whose weights it answers with; None for the untuned model.
    """

    aside: str
    base: str
    ready: Ready
    method: Method | None


def questions(ready: Ready, names: Sequence[str]) -> list[Question]:
    """The models of these methods, under their first seed, each after the untuned one that it is compared with."""
    found: dict[str, Question] = {}
    for name in names:
        method = members(name, ready.methods[name])[0].method
        own = ready.of(method)
        held = own.setting.model.weights
        base = BASE if held == ready.setting.model.weights else f"{BASE}_{held}"
        found.setdefault(base, Question(base, base, own, None))
        found[probe_name(name)] = Question(probe_name(name), base, own, method)
    return list(found.values())


def read_probe(folder: Path) -> dict[str, Any]:
    """What the probe has brought so far; empty where nobody has asked."""
    path = folder / FILE
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return found


def probed(store: Store, comparison: str, ready: Ready, done: Sequence[str]) -> Iterator[Event]:
    """Within a run: ask the untuned model and every fine-tune that has answers. One that fails is noted, and the run goes on."""
    wanted = questions(ready, [name for name in done if can_forget(ready.methods[name].spec.kind)])
    for place, question in enumerate(wanted, 1):
        yield MethodStarted(question.aside, place, len(wanted))
        try:
            yield from Prober(store, comparison, question).ask()
        except (Cancelled, StoreError):
            raise
        except (BakeoffError, OutOfMemory) as error:
            reason = ready.plan.without_paths(str(error)) or "there is no memory left for it."
            yield MethodFailed(question.aside, reason)
            yield Note(f"What is forgotten is not known: {reason}", question.aside.removesuffix(SUFFIX) if question.method else "")


@dataclass
class Prober:
    """Asks one model."""

    store: Store
    comparison: str
    question: Question

    def ask(self) -> Iterator[Event]:
        """What is known already is not asked.

        Raises:
            MethodError: the method has no weights on the base model.
        """
        aside, weights, adapter = self.question.aside, "", None
        if self.question.method is not None:
            weights, adapter = yield from self._weights(self.question.method)
        asked = self._asked(weights, adapter)
        known = read_probe(self._folder)
        entry = (known.get("models") or {}).get(aside) or {}
        saved = generate.find_method(self.store, self.comparison, aside, asked.method_key, asked.generation)
        if saved is not None and entry.get("key") == asked.method_key and known.get("set") == probe_set().fingerprint:
            return
        if saved is None:
            yield from generate.generate(self.store, self.question.ready.loaded, asked)
            saved = read_answers(self._folder, aside)
        items = {item.id: item for _, item in probe_set().items()}
        scores = {i: float(items[i].accepts(answer.text)) for i, answer in sorted(saved.answers.items())}
        text = yield from self._read(asked)
        self._keep({"key": asked.method_key, "base": self.question.base, "scores": scores, **text})

    @property
    def _folder(self) -> Path:
        return self.store.folder(self.comparison)

    def _weights(self, method: Method) -> Generator[Event, None, tuple[str, Path]]:
        """Fingerprint and folder of the method's weights."""
        setting, artefacts = self.question.ready.setting, list[Artefact]()
        for recipe in method.recipes(setting):
            artefacts.append((yield from prepare(self.store, self.question.aside, recipe, [artefact.path for artefact in artefacts])))
        adapter = method.bind(setting, [artefact.path for artefact in artefacts]).adapter
        found = next((artefact.fingerprint for artefact in artefacts if artefact.kind == "weights"), "")
        if adapter is None or not found:
            reason = f"{method.spec.name} answers without weights on the base model, so there is nothing to forget."
            raise MethodError(reason, "Ask another method.")
        return found, adapter

    def _asked(self, weights: str, adapter: Path | None) -> generate.Asked:
        ready, probe = self.question.ready, probe_set()
        codec, identity, policy = ready.loaded.codec(), ready.identity, ready.plan.spec.batch
        items = [item for _, item in probe.items()]
        prompts = [Prompt((Message("user", item.question),)) for item in items]
        key = ["probe", asdict(identity), weights, probe.fingerprint, DECODING.model_dump(), policy.model_dump(), versions.libraries()]
        return generate.Asked(
            comparison=self.comparison,
            method=self.question.aside,
            method_key=fingerprint([*key, STAGE_VERSION]),
            identity=identity,
            artefact=weights,
            adapter=adapter,
            generation=DECODING,
            policy=policy,
            examples=[Example(item.id, "", item.question, item.sample) for item in items],
            prompts=prompts,
            prompt_ids=[codec.prompt_ids(prompt.messages) for prompt in prompts],
        )

    def _read(self, asked: generate.Asked) -> Generator[Event, None, dict[str, Any]]:
        """Loss on the general text: known from a comparison in which the same model has read it, or worked out."""
        for row in self.store.find("score_keys", asked.method_key):
            models = read_probe(self.store.comparisons / row["comparison"]).get("models") or {}
            for other in models.values():
                if other.get("key") == asked.method_key and other.get("loss") is not None:
                    return {name: other[name] for name in ("loss", "tokens", "reason")}
        try:
            return (yield from self._loss(asked.adapter))
        except OutOfMemory:
            return {"loss": None, "tokens": 0, "reason": "there is no memory left for reading the general text"}

    def _loss(self, adapter: Path | None) -> Generator[Event, None, dict[str, Any]]:
        ready = self.question.ready
        ids = ready.loaded.codec().completion_ids(probe_set().text)[:-1]  # without the end of the turn: it is no answer
        windows = list(spans(len(ids), min(WINDOW, ready.identity.context_length)))
        model, pace, total = ready.loaded.model(), Pace(), 0.0
        for place, span in enumerate(windows, 1):
            total -= model.logprobs(ids[span.start : span.fresh], [ids[span.fresh : span.end]], adapter)[0]
            eta = pace.eta_s(place, len(windows))
            yield Progressed(self.question.aside, "reading a general text", place, len(windows), "windows", {}, eta)
        counted = len(ids) - 1
        if not windows or not math.isfinite(total):
            return {"loss": None, "tokens": 0, "reason": "the model gave a log-probability that is not a number"}
        return {"loss": total / counted, "tokens": counted, "reason": ""}

    def _keep(self, entry: Mapping[str, Any]) -> None:
        probe, known, aside = probe_set(), read_probe(self._folder), self.question.aside
        models = dict(known.get("models") or {}) if known.get("set") == probe.fingerprint else {}
        kinds = {kind: [item.id for item in items] for kind, items in probe.kinds.items()}
        write_json(self._folder / FILE, {"kinds": kinds, "set": probe.fingerprint, "models": {**models, aside: dict(entry)}})
        self.store.remember("score_keys", [(entry["key"], self.comparison, aside, TEXT)])
