"""The general probe put to the models of a comparison: the untuned one once, and each fine-tune.

Each is asked the items of `evaluation.probing` by the chat template alone, without the task's instruction, documents or demonstrations, decoded
greedily whatever the plan says; and it reads the general text, for its perplexity. Answers are kept beside the methods' own under `lora.probe`
and `probe.base` and found again by their batches, so the untuned model answers once for all comparisons. What they came to stands in `probe.json`:

    {"kinds": {kind: [item, ...]}, "set": hash, "models": {name: {"key", "scores": {item: 0 or 1}, "loss", "tokens", "reason"}}}
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from adapters.base import Method
from comparison import generate
from comparison.answers import read_answers
from comparison.artefacts import Artefact, obtain
from comparison.events import Event, MethodFailed, MethodStarted, Note, Pace, Progressed
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
from training.settings import TrainingSettings

BASE, SUFFIX = "probe.base", ".probe"
FILE = "probe.json"
TEXT = "general_text"
STAGE_VERSION = "1"  # raised by hand when the same model would be asked or read otherwise
DECODING = GenerationConfig(max_new_tokens=48)


def probe_name(method: str) -> str:
    return method + SUFFIX


def can_forget(method: Method) -> bool:
    """Whether it answers with a language model that was trained on the task."""
    return isinstance(method.spec, TrainingSettings)


def read_probe(folder: Path) -> dict[str, Any]:
    """What the probe has brought so far; empty where nobody has asked."""
    path = folder / FILE
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return found


def asides(names: list[str]) -> list[str]:
    """The names under which the answers are kept, the untuned model's first."""
    return [BASE, *map(probe_name, names)]


def probed(store: Store, comparison: str, ready: Ready, done: list[str]) -> Iterator[Event]:
    """Within a run: ask the untuned model and every fine-tune that has answers. One that fails is noted, and the run goes on."""
    names = [name for name in done if can_forget(ready.methods[name])]
    prober = Prober(store, comparison, ready)
    for place, name in enumerate(asides(names) if names else (), 1):
        yield MethodStarted(name, place, len(names) + 1)
        try:
            yield from prober.ask(name)
        except (Cancelled, StoreError):
            raise
        except (BakeoffError, OutOfMemory) as error:
            reason = ready.plan.without_paths(str(error)) or "there is no memory left for it."
            yield MethodFailed(name, reason)
            yield Note(f"What it has forgotten is not known: {reason}", name.removesuffix(SUFFIX) if name != BASE else "")


@dataclass
class Prober:
    """Asks the models of one comparison."""

    store: Store
    comparison: str
    ready: Ready

    def ask(self, aside: str) -> Iterator[Event]:
        """One model, by the name under which its answers are kept; what is known already is not asked.

        Raises:
            MethodError: the method has no weights on the base model.
        """
        weights, adapter = "", None
        if aside != BASE:
            weights, adapter = yield from self._weights(aside)
        asked = self._asked(aside, weights, adapter)
        known = read_probe(self._folder)
        entry = (known.get("models") or {}).get(aside) or {}
        saved = generate.find_method(self.store, self.comparison, aside, asked.method_key, asked.generation)
        if saved is not None and entry.get("key") == asked.method_key and known.get("set") == probe_set().fingerprint:
            return
        if saved is None:
            yield from generate.generate(self.store, self.ready.loaded, asked)
            saved = read_answers(self._folder, aside)
        items = {item.id: item for _, item in probe_set().items()}
        scores = {i: float(items[i].accepts(answer.text)) for i, answer in sorted(saved.answers.items())}
        text = yield from self._read(aside, asked)
        self._keep(aside, {"key": asked.method_key, "scores": scores, **text})

    @property
    def _folder(self) -> Path:
        return self.store.folder(self.comparison)

    def _weights(self, aside: str) -> Generator[Event, None, tuple[str, Path]]:
        """Fingerprint and folder of the weights of a method's first seed, whose answers are the ones that are shown."""
        name = aside.removesuffix(SUFFIX)
        method = members(name, self.ready.methods[name])[0].method
        artefacts: list[Artefact] = []
        for recipe in method.recipes(self.ready.setting):
            for step in obtain(self.store, recipe, [artefact.path for artefact in artefacts]):
                if isinstance(step, Artefact):
                    artefacts.append(step)
                else:
                    yield Progressed(aside, step.stage, step.done, step.total, step.unit)
        adapter = method.bind(self.ready.setting, [artefact.path for artefact in artefacts]).adapter
        found = next((artefact.fingerprint for artefact in artefacts if artefact.kind == "weights"), "")
        if adapter is None or not found:
            raise MethodError(f"{name} answers without weights on the base model, so there is nothing to forget.", "Ask another method.")
        return found, adapter

    def _asked(self, aside: str, weights: str, adapter: Path | None) -> generate.Asked:
        probe, codec, identity = probe_set(), self.ready.loaded.codec(), self.ready.identity
        items = [item for _, item in probe.items()]
        prompts = [Prompt((Message("user", item.question),)) for item in items]
        policy = self.ready.plan.spec.batch
        key = [
            asdict(identity),
            weights,
            probe.fingerprint,
            DECODING.model_dump(),
            policy.model_dump(),
            versions.libraries(),
            STAGE_VERSION,
        ]
        return generate.Asked(
            comparison=self.comparison,
            method=aside,
            method_key=fingerprint(["probe", *key]),
            identity=identity,
            artefact=weights,
            adapter=adapter,
            generation=DECODING,
            policy=policy,
            examples=[Example(item.id, "", item.question, item.sample) for item in items],
            prompts=prompts,
            prompt_ids=[codec.prompt_ids(prompt.messages) for prompt in prompts],
        )

    def _read(self, aside: str, asked: generate.Asked) -> Generator[Event, None, dict[str, Any]]:
        """Loss on the general text: known from a comparison in which the same model has read it, or worked out."""
        for row in self.store.find("score_keys", asked.method_key):
            models = read_probe(self.store.comparisons / row["comparison"]).get("models") or {}
            for other in models.values():
                if other.get("key") == asked.method_key and other.get("loss") is not None:
                    return {name: other[name] for name in ("loss", "tokens", "reason")}
        try:
            return (yield from self._loss(aside, asked.adapter))
        except OutOfMemory:
            return {"loss": None, "tokens": 0, "reason": "there is no memory left for reading the general text"}

    def _loss(self, aside: str, adapter: Path | None) -> Generator[Event, None, dict[str, Any]]:
        codec, context = self.ready.loaded.codec(), self.ready.identity.context_length
        ids = codec.completion_ids(probe_set().text)[:-1]  # without the end of the turn: it is no answer
        windows = list(spans(len(ids), min(WINDOW, context)))
        model, pace, total = self.ready.loaded.model(), Pace(), 0.0
        for place, span in enumerate(windows, 1):
            total -= model.logprobs(ids[span.start : span.fresh], [ids[span.fresh : span.end]], adapter)[0]
            yield Progressed(aside, "reading a general text", place, len(windows), "windows", {}, pace.eta_s(place, len(windows)))
        counted = len(ids) - 1
        if not windows or total != total:
            return {"loss": None, "tokens": 0, "reason": "the model gave a log-probability that is not a number"}
        return {"loss": total / counted, "tokens": counted, "reason": ""}

    def _keep(self, aside: str, entry: Mapping[str, Any]) -> None:
        probe, known = probe_set(), read_probe(self._folder)
        models = dict(known.get("models") or {}) if known.get("set") == probe.fingerprint else {}
        kinds = {kind: [item.id for item in items] for kind, items in probe.kinds.items()}
        write_json(self._folder / FILE, {"kinds": kinds, "set": probe.fingerprint, "models": {**models, aside: dict(entry)}})
        self.store.remember("score_keys", [(entry["key"], self.comparison, aside, TEXT)])
