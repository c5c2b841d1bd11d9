"""The models of one run: each loaded at its first use and then shared by all methods, metrics and the judge.

A method may ask for the base with its weights in few bits. Of a base that is held in several ways one is in memory at a time: asking for another
frees it first, so that a quantised base's memory is its own, and a large one fits.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from models.base import Codec, Embedder, LanguageModel
from models.loading import ModelSpec, load_codec, load_embedder, load_model
from models.quantised import Weights


@dataclass
class Parts:
    """What was loaded so far; `held` is how the model's weights are held."""

    model: LanguageModel | None = None
    held: Weights = "auto"
    codec: Codec | None = None
    embedder: Embedder | None = None


@dataclass
class Loaded:
    """Nothing is loaded by making one.

    Attributes:
        home: the folder of unpacked weights.
        on_note: is told what a person should know about loading.
    """

    spec: ModelSpec
    home: Path
    on_note: Callable[[str], None] = lambda note: None
    _parts: Parts = field(default_factory=Parts, repr=False)

    def held_in(self, weights: Weights) -> Loaded:
        """The same model with its weights held so; it shares tokenizer, embedder and the one place in memory."""
        return replace(self, spec=self.spec.model_copy(update={"weights": weights}))

    def model(self) -> LanguageModel:
        parts = self._parts
        if parts.model is not None and parts.held != self.spec.weights:
            parts.model = None
            gc.collect()  # modules and their hooks refer to each other
        if parts.model is None:
            parts.model, parts.held = load_model(self.spec, self.home, self.on_note), self.spec.weights
        return parts.model

    def codec(self) -> Codec:
        parts = self._parts
        if parts.codec is None:
            parts.codec = parts.model.codec if parts.model is not None else load_codec(self.spec, self.home)
        return parts.codec

    def embedder(self) -> Embedder:
        if self._parts.embedder is None:
            self._parts.embedder = load_embedder(self.spec.embedder, self.home, self.spec.threads)
        return self._parts.embedder

    def weight_bytes(self, adapter: Path | None) -> int:
        """Bytes of the weights that answer, where they are in memory and known; else 0."""
        parts = self._parts
        count: Callable[[Path | None], int] | None = getattr(parts.model, "weight_bytes", None)
        return count(adapter) if count is not None and parts.held == self.spec.weights else 0
