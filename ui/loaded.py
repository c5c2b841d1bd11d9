"""Models that the page answers with: loaded at the first question, shared read-only by all visitors, at most two at a time.

Only handlers that answer come here; showing a result loads nothing. One visitor's question runs at a time (the page's events share one
concurrency group), since trained weights are switched on the loaded base model.
"""

from __future__ import annotations

import threading
from pathlib import Path

from comparison.loaded import Loaded
from models.base import Codec, Embedder, LanguageModel
from models.loading import ModelSpec

KEPT = 2


class SharedModel:
    """One model's parts, each loaded once however many ask at the same time."""

    def __init__(self, spec: ModelSpec, home: Path) -> None:
        self._loaded = Loaded(spec, home)
        self._lock = threading.Lock()

    def model(self) -> LanguageModel:
        with self._lock:
            return self._loaded.model()

    def codec(self) -> Codec:
        with self._lock:
            return self._loaded.codec()

    def embedder(self) -> Embedder:
        with self._lock:
            return self._loaded.embedder()


class ModelCache:
    """The models of one app."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._models: dict[str, SharedModel] = {}

    def get(self, spec: ModelSpec, home: Path) -> SharedModel:
        """The model of a spec; the one that was asked for longest ago makes room."""
        key = spec.model_dump_json()
        with self._lock:
            found = self._models.pop(key, None) or SharedModel(spec, home)
            self._models[key] = found
            while len(self._models) > KEPT:
                self._models.pop(next(iter(self._models)))
            return found
