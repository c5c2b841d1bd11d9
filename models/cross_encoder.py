"""Cross-encoders of sentence-transformers: a model that reads a question and a passage together and says how well they fit."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import ModelError
from models.device import free_cores
from models.weights import locate

REMEDY = "Name a sentence-transformers CrossEncoder with one output: a folder, or a Hub id such as cross-encoder/ms-marco-MiniLM-L6-v2."


def cross_encoder_key(model_id: str, home: Path) -> str:
    """What names a cross-encoder's scores: its id and the revision of its weights, known without loading them.

    Raises:
        ModelError: there is no such model.
    """
    try:
        return f"{model_id}@{locate(model_id, None, home).revision}"
    except ModelError as error:
        raise ModelError(f"The re-ranker '{model_id}' is not there. {error.message}", REMEDY) from error


class CrossScorer:
    """Scores pairs; loaded at the first call.

    Args:
        model_id: a local folder, or a Hub id.
        home: the store's `models/` folder.
    """

    def __init__(self, model_id: str, home: Path, threads: int | None = None) -> None:
        self.id, self.home, self.threads = model_id, home, threads

    @cached_property
    def _model(self) -> Any:
        import torch
        from sentence_transformers import CrossEncoder

        from models.quiet import no_progress_bars

        no_progress_bars()
        cross_encoder_key(self.id, self.home)
        torch.set_num_threads(self.threads or free_cores())
        try:
            folder = str(locate(self.id, None, self.home).folder)
            model: Any = CrossEncoder(folder, device="cpu", trust_remote_code=False, local_files_only=True)
        except (OSError, ValueError, KeyError) as error:
            raise ModelError(f"The re-ranker '{self.id}' cannot be loaded: {error}.", REMEDY) from error
        if model.num_labels != 1:
            raise ModelError(f"The re-ranker '{self.id}' must give one score for a pair; it gives {model.num_labels}.", REMEDY)
        return model

    def scores(self, question: str, texts: Sequence[str]) -> np.ndarray:
        """How well each text answers the question, as the model's raw output, shape (len(texts),); greater is better.

        A pair that is longer than the model reads is cut behind, as it was when the model was trained.
        """
        import torch

        if not texts:
            return np.zeros(0, dtype=np.float32)
        pairs = [(question, text) for text in texts]
        found = self._model.predict(pairs, batch_size=32, activation_fn=torch.nn.Identity(), show_progress_bar=False, convert_to_numpy=True)
        return np.asarray(found, dtype=np.float32).reshape(len(texts))
