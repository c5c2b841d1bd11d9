"""The reward model of a comparison: trained once, at the first method that is scored by it, and asked about every method's answers.

It reads the bare question in the base model's own wording, whatever prompt an answer was written to, so that all methods are scored alike.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from adapters import pairing
from adapters.base import Recipe, Setting
from adapters.rewarding import RECORD, RewardSpec, bare_answers, reward_recipe
from adapters.rows import worded_each
from comparison.artefacts import Artefact, obtain
from comparison.energy import EnergySpec
from comparison.events import Pace, Progressed
from comparison.loaded import Loaded
from comparison.store import Store
from core.errors import MethodError
from core.records import Answer, Example, Score, Scored, Unscored
from models.base import Ids

AT_ONCE = 32
HISTORY = "training.json"


@dataclass
class Rewarder:
    """Gives rewards to answers.

    Attributes:
        reason: why there is no reward model, once that is known.
        folder: the reward model, once it is there.
    """

    store: Store
    setting: Setting
    loaded: Loaded
    spec: RewardSpec = field(default_factory=RewardSpec)
    energy: EnergySpec | None = None
    reason: str = ""
    folder: Path | None = None

    def recipes(self) -> list[Recipe]:
        answers = bare_answers(self.spec, self.setting)
        return [*((answers,) if answers else ()), reward_recipe(self.spec, self.setting, answers)]

    @property
    def key(self) -> str:
        """Names the reward model; "" where the base has no weights to train one on."""
        return "" if self._without() else self.recipes()[-1].fingerprint

    def _without(self) -> str:
        """Why there can be no reward model at all."""
        if self.setting.model_key.id.startswith("fake/"):
            return f"there is no reward model: {self.setting.model_key.id} has no weights to train one on"
        if self.spec.pairs is None and not self.setting.train:
            return "there is no reward model: no pairs are named, and there are no training rows to make synthetic ones of"
        return ""

    def prepare(self, method: str) -> Iterator[Progressed]:
        """Find the reward model or train it; where there are no pairs, `reason` says so afterwards.

        Args:
            method: the method whose scoring waits for it.
        """
        self.reason = self.reason or self._without()
        if self.reason or self.folder is not None:
            return
        paths: list[Path] = []
        try:
            for recipe in self.recipes():
                pace = Pace()
                for step in obtain(self.store, recipe, paths, self.energy):
                    if isinstance(step, Artefact):
                        paths.append(step.path)
                    elif not step.note:  # what the doctor says stands in `notes`
                        eta = pace.eta_s(step.done, step.total)
                        yield Progressed(method, step.stage, step.done, step.total, step.unit, dict(step.values), eta)
        except MethodError as error:
            self.reason = f"there is no reward model: {error}"
            return
        self.folder = paths[-1]

    def rewards(self, method: str, rows: Sequence[tuple[Example, Answer]]) -> Generator[Progressed, None, dict[str, Scored]]:
        """A reward, or why there is none, by example id."""
        yield from self.prepare(method)
        if self.folder is None:
            return {example.id: Unscored(self.reason) for example, _ in rows}
        codec, found = self.loaded.codec(), dict[str, Scored]()
        room = self.setting.model_key.context_length
        asked: list[tuple[str, Ids, Ids]] = []
        said = {example.id: answer for example, answer in rows}
        for example, prompt in worded_each(self.setting, None, [example for example, _ in rows]):
            if isinstance(prompt, MethodError):
                found[example.id] = Unscored(f"the question does not fit the reward model: {prompt.message}")
                continue
            answer, ids = said[example.id], codec.prompt_ids(prompt.messages)
            whole = codec.completion_ids(answer.text)
            words = whole[:-1] or whole if answer.finish_reason == "length" else whole
            if len(ids) + len(words) > room:
                found[example.id] = Unscored(f"question and answer have {len(ids) + len(words)} tokens; the reward model reads {room}")
            else:
                asked.append((example.id, ids, words))
        pace = Pace()
        for start in range(0, len(asked), AT_ONCE):
            found |= self._scored(asked[start : start + AT_ONCE])
            done = min(start + AT_ONCE, len(asked))
            yield Progressed(method, "asking the reward model", done, len(asked), "answers", {}, pace.eta_s(done, len(asked)))
        return found

    def _scored(self, rows: Sequence[tuple[str, Ids, Ids]]) -> dict[str, Scored]:
        from models.reward import score_rows
        from models.transformers_backend import TransformersModel

        model = self.loaded.model()
        if not isinstance(model, TransformersModel) or self.folder is None:
            return {name: Unscored("there is no reward model for this base model") for name, *_ in rows}
        values = score_rows(model, self.folder, [(prompt, words) for _, prompt, words in rows])
        return {name: Score(value) for (name, *_), value in zip(rows, values, strict=True)}

    def notes(self) -> Iterator[str]:
        """What must be read beside the rewards; nothing where none was asked for."""
        folder = self.folder or (self.store.artefacts / self.key if self.key else None)
        if folder is not None and (folder / RECORD).is_file():
            pairs: Mapping[str, Any] = json.loads((folder / RECORD).read_text(encoding="utf-8"))
            history: Mapping[str, Any] = json.loads((folder / HISTORY).read_text(encoding="utf-8"))
            yield f"reward model: {pairing.in_words(pairs)}; {pairing.accuracy_in_words(history.get('held_out'))}."
            yield from (f"reward model: {found['text']} {found['remedy']}" for found in history.get("findings", ()))
