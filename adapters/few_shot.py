"""Few-shot: solved training examples as earlier turns of the chat (Brown et al. 2020, arXiv:2005.14165).

`random` shows the same demonstrations to every question, so that the prompts share a beginning which is computed once. `similar`
shows each question its nearest training examples, the nearest last (Liu et al. 2021, arXiv:2101.06804); it shares nothing.
A demonstration is never the question itself, nor one that reads the same but for case, spaces and punctuation.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from adapters.base import Bound, MethodSpec, Recipe, Setting, methods
from adapters.prompts import user_turn, with_fitting_demonstrations
from core.errors import MethodError
from core.records import Example, Prompt

SCORE_DIGITS = 5
"""Similarities are rounded: their last bits depend on how many questions are embedded at once."""


class FewShotSpec(MethodSpec):
    """Solved examples before the question."""

    kind: Literal["few_shot"] = Field("few_shot", description="Solved training examples before the question; shots: 1 is one-shot.")
    shots: int = Field(4, ge=1, le=32, description="Demonstrations in each prompt; usual 1 to 8. More cost more tokens with each question.")
    selection: Literal["random", "similar"] = Field(
        "random", description="random shows the same ones to all questions; similar the training examples nearest to each question."
    )
    seed: int = Field(0, ge=0, description="Which ones random draws.")


class BoundFewShot:
    """Words prompts with demonstrations."""

    adapter: Path | None = None

    def __init__(self, spec: FewShotSpec, setting: Setting) -> None:
        self.spec = spec
        self.setting = setting

    def prompts(self, examples: Sequence[Example]) -> list[Prompt]:
        setting, codec = self.setting, self.setting.codec()
        rankings = self._by_similarity(examples) if self.spec.selection == "similar" else [self._drawn] * len(examples)
        return [
            with_fitting_demonstrations(example, setting.instruction, self._chosen(example, ranking), codec, setting.prompt_budget)
            for example, ranking in zip(examples, rankings, strict=True)
        ]

    def _chosen(self, example: Example, ranking: Iterable[int]) -> list[Example]:
        """The demonstrations in the order in which they are shown."""
        key = same_text_key(example)
        found: list[Example] = []
        for row in ranking:
            if len(found) == self.spec.shots:
                break
            if self.setting.train[row].id != example.id and self._keys[row] != key:
                found.append(self.setting.train[row])
        return found[::-1] if self.spec.selection == "similar" else found

    @cached_property
    def _keys(self) -> list[str]:
        return [same_text_key(example) for example in self.setting.train]

    @cached_property
    def _drawn(self) -> list[int]:
        """All training rows in a seeded order that does not depend on their place in the file."""
        digests = [hashlib.sha256(f"{self.spec.seed}:{example.id}".encode()).hexdigest() for example in self.setting.train]
        return sorted(range(len(digests)), key=digests.__getitem__)

    @cached_property
    def _vectors(self) -> np.ndarray:
        """Training questions: (rows, dimension) float32, L2-normalised."""
        return self.setting.embedder().embed([example.question for example in self.setting.train], "query")

    def _by_similarity(self, examples: Sequence[Example]) -> list[list[int]]:
        """For each example the training rows, nearest first; ties by id."""
        if not examples:
            return []
        vectors = self.setting.embedder().embed([example.question for example in examples], "query")
        scores = np.round((vectors @ self._vectors.T).astype(np.float64), SCORE_DIGITS)
        ids = np.array([example.id for example in self.setting.train])
        return [[int(row) for row in np.lexsort((ids, -of_one))] for of_one in scores]


class FewShot:
    """See the module's docstring."""

    Spec: ClassVar[type[MethodSpec]] = FewShotSpec

    def __init__(self, spec: FewShotSpec) -> None:
        self.spec = spec

    def check(self, setting: Setting) -> None:
        have = len(setting.train)
        if self.spec.shots > have:
            counted = f"{have} training example{'' if have == 1 else 's'}"
            raise MethodError(
                f"few_shot.shots must be at most the {counted}; got {self.spec.shots}.",
                "Lower shots or add examples." if have else "Add training examples, or leave few_shot out.",
            )

    def recipes(self, setting: Setting) -> list[Recipe]:
        return []

    def bind(self, setting: Setting, artefacts: Sequence[Path]) -> Bound:
        return BoundFewShot(self.spec, setting)


def same_text_key(example: Example) -> str:
    """Equal for two questions that read the same but for case, width, spaces and punctuation."""
    text = unicodedata.normalize("NFKC", user_turn(example, "")).casefold()
    return " ".join(re.findall(r"\w+", text)) or "".join(text.split())


methods.add("few_shot", FewShot)
