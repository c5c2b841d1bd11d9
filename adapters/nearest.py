"""The answer of the training example whose question is nearest: the baseline that a model has to beat to be worth its time, for any task.

It is one-nearest-neighbour search over embedded questions (Cover and Hart 1967). Where it does well, the test items are much like the training
rows, and a good score of any other method says little about new questions. Test items that also stand in the training rows were taken out before.
"""

from __future__ import annotations

import importlib.metadata
import io
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from adapters.base import Direct, DirectAnswer, MethodSpec, Progress, Recipe, Setting, methods
from adapters.few_shot import SCORE_DIGITS
from adapters.labelled import EMPTY, DirectSpec
from adapters.reading import SAMPLE, seconds_of
from core.errors import MethodError, StoreError
from core.files import write_whole
from core.fingerprint import fingerprint
from core.records import Example, Grounds
from training.estimate import Estimate
from training.heads import spread

STAGE_VERSION = "1"
"""Bumped by hand when the same rows give other vectors or other answers."""
VECTORS = "vectors.npy"
PIECE = 256


class NearestSpec(DirectSpec):
    """The answer of the nearest training question."""

    kind: Literal["nearest"] = Field("nearest", description="The answer of the training example whose question is nearest by embedding.")


class BoundNearest:
    """Looks up the nearest training question. Equally near ones: the lowest id."""

    adapter: None = None

    def __init__(self, setting: Setting, folder: Path) -> None:
        self.setting, self.folder = setting, folder
        self.train = by_id(setting)

    @cached_property
    def vectors(self) -> np.ndarray:
        """Shape (training rows, dimension), float32, L2-normalised."""
        try:
            found = np.load(io.BytesIO((self.folder / VECTORS).read_bytes()), allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise StoreError(f"The vectors in {self.folder.name} cannot be read.", "Delete that folder and run again.") from error
        return np.asarray(found, dtype=np.float32)

    def refuse(self, example: Example) -> str:
        return "" if example.question.strip() else EMPTY

    def answer(self, examples: Sequence[Example]) -> list[DirectAnswer]:
        if not examples:
            return []
        asked = self.setting.embedder().embed([example.question for example in examples], "query")
        scores = np.round((asked @ self.vectors.T).astype(np.float64), SCORE_DIGITS)
        return [self._one(int(of_one.argmax()), float(of_one.max())) for of_one in scores]

    def _one(self, row: int, score: float) -> DirectAnswer:
        found = self.train[row]
        return DirectAnswer(found.reference, Grounds(nearest=found.id, question=found.question, similarity=score))


class Nearest:
    """See the module's docstring."""

    Spec: ClassVar[type[MethodSpec]] = NearestSpec

    def __init__(self, spec: NearestSpec) -> None:
        self.spec = spec

    def check(self, setting: Setting) -> None:
        if not setting.train:
            raise MethodError("nearest needs at least 1 training example; got 0.", "Give the training split a larger share.")

    def recipes(self, setting: Setting) -> list[Recipe]:
        train = by_id(setting)
        inputs = {
            "stage": STAGE_VERSION,
            "embedder": setting.embedder_id,
            "library": importlib.metadata.version("sentence-transformers"),
        }
        readable = {**inputs, "train_rows": len(train)}

        def build(folder: Path, earlier: Sequence[Path]) -> Iterator[Progress]:
            parts = []
            for start in range(0, len(train), PIECE):
                yield Progress("embedding", start, len(train), "rows")
                parts.append(setting.embedder().embed([example.question for example in train[start : start + PIECE]], "query"))
            out = io.BytesIO()
            np.save(out, np.concatenate(parts), allow_pickle=False)
            folder.mkdir(parents=True, exist_ok=True)
            write_whole(folder / VECTORS, out.getvalue())

        return [Recipe("vectors", fingerprint({**inputs, "questions": [[e.id, e.question] for e in train]}), readable, build)]

    def estimate(self, setting: Setting, earlier: Sequence[Path]) -> Estimate:
        """What it will take, measured on some of the rows."""
        texts = [example.question for example in by_id(setting)]
        return seconds_of(setting.embedder(), texts, spread([0] * len(texts), SAMPLE))

    def bind(self, setting: Setting, artefacts: Sequence[Path]) -> Direct:
        return BoundNearest(setting, artefacts[-1])


def by_id(setting: Setting) -> list[Example]:
    """The training examples, lowest id first: the order of the vectors, and of who wins a tie."""
    return sorted(setting.train, key=lambda example: example.id)


methods.add("nearest", Nearest)
