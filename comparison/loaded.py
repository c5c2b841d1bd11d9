"""The models of one run: each loaded at its first use and then shared by all methods, metrics and the judge."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from models.base import Codec, Embedder, LanguageModel
from models.loading import ModelSpec, load_codec, load_embedder, load_model


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
    _model: LanguageModel | None = field(default=None, repr=False)
    _codec: Codec | None = field(default=None, repr=False)
    _embedder: Embedder | None = field(default=None, repr=False)

    def model(self) -> LanguageModel:
        if self._model is None:
            self._model = load_model(self.spec, self.home, self.on_note)
        return self._model

    def codec(self) -> Codec:
        if self._codec is None:
            self._codec = self._model.codec if self._model is not None else load_codec(self.spec, self.home)
        return self._codec

    def embedder(self) -> Embedder:
        if self._embedder is None:
            self._embedder = load_embedder(self.spec.embedder, self.home, self.spec.threads)
        return self._embedder
