"""A sentence encoder with a linear head over labels, as one module: it can be tuned as a whole, and says how likely each label is.

The weights of encoder and head are float32 on every device: encoders are small, and half precision would save little. A text is read up to the
encoder's own length; what stands behind that is ignored, as it is by the embedder.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from core.errors import ModelError, StoreError
from models.device import Hardware
from models.quiet import no_progress_bars
from models.weights import locate

WEIGHTS = "encoder.safetensors"
ROWS_AT_ONCE = 32


class EncoderClassifier(torch.nn.Module):
    """Texts to logits over labels.

    Args:
        embedder_id: embedded/all-minilm-l6-v2, a local folder, or a Hub id of a sentence-transformers model.
        home: the store's `models/` folder.
        labels: how many there are.

    Raises:
        ModelError: there is no such encoder.
    """

    def __init__(self, embedder_id: str, home: Path, labels: int, hardware: Hardware) -> None:
        from sentence_transformers import SentenceTransformer

        super().__init__()
        no_progress_bars()
        torch.set_num_threads(hardware.threads)
        source = locate(embedder_id, None, home)
        try:
            self.encoder: Any = SentenceTransformer(str(source.folder), device=hardware.device, trust_remote_code=False).float()
        except (OSError, ValueError) as error:
            raise ModelError(f"The encoder '{embedder_id}' cannot be loaded: {error}.", "Name a sentence-transformers model.") from error
        self.prompt = self.encoder.prompts.get("query") or ""
        self.head = torch.nn.Linear(int(self.encoder.get_embedding_dimension() or 0), labels, device=hardware.device)

    def vectors(self, texts: Sequence[str]) -> torch.Tensor:
        """Shape (len(texts), dimension), L2-normalised, as `SentenceEmbedder.embed` gives them for questions; gradients flow through."""
        features = self.encoder.preprocess(list(texts), prompt=self.prompt or None)
        placed = {name: value.to(self.head.weight.device) if isinstance(value, torch.Tensor) else value for name, value in features.items()}
        return torch.nn.functional.normalize(self.encoder(placed)["sentence_embedding"], dim=1)

    def forward(self, texts: Sequence[str]) -> torch.Tensor:
        """Logits, shape (len(texts), labels)."""
        logits: torch.Tensor = self.head(self.vectors(texts))
        return logits

    @property
    def reads(self) -> int:
        """Most tokens of a text that it reads; 0 where it reads all."""
        return int(self.encoder.max_seq_length or 0)

    def whole(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, those included that it does not read."""
        return [len(self.encoder.tokenizer(text, verbose=False)["input_ids"]) for text in texts]

    def lengths(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, as far as it reads it."""
        return [min(length, self.reads or length) for length in self.whole(texts)]

    def cut(self, texts: Sequence[str]) -> int:
        """How many of the texts are longer than it reads."""
        return sum(length > self.reads for length in self.whole(texts)) if self.reads else 0

    def embedded(self, texts: Sequence[str]) -> np.ndarray:
        """`vectors` without gradients, float32; texts of like length stand together."""
        return self._each(texts, self.vectors)

    def probabilities(self, texts: Sequence[str]) -> np.ndarray:
        """Shape (len(texts), labels), float64; each row sums to 1."""
        return self._each(texts, lambda some: torch.softmax(self(some).double(), dim=1))

    def _each(self, texts: Sequence[str], function: Any) -> np.ndarray:
        self.eval()
        order = sorted(range(len(texts)), key=lambda row: (len(texts[row]), texts[row]))
        found: list[np.ndarray] = []
        with torch.inference_mode():
            for start in range(0, len(order), ROWS_AT_ONCE):
                found += list(function([texts[row] for row in order[start : start + ROWS_AT_ONCE]]).cpu().numpy())
        back = np.argsort(order, kind="stable")
        return np.stack(found)[back] if found else np.zeros((0, self.head.out_features))

    def save(self, folder: Path) -> None:
        from safetensors.torch import save_model

        save_model(self, str(folder / WEIGHTS))

    def load(self, folder: Path) -> EncoderClassifier:
        """Take over what `save` wrote.

        Raises:
            StoreError: the weights are damaged, or of another encoder.
        """
        from safetensors import SafetensorError
        from safetensors.torch import load_model

        try:
            load_model(self, str(folder / WEIGHTS))
        except (OSError, SafetensorError, RuntimeError) as error:
            reason = (str(error).splitlines() or [""])[0][:200]
            raise StoreError(f"The weights in {folder.name} cannot be read: {reason}", "Delete that folder and run again.") from error
        return self
