"""Sentence embeddings by sentence-transformers; unit vectors, with the prefixes that a model wants for queries and passages."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from core.errors import ModelError
from models.base import Prefixes
from models.device import free_cores
from models.prefixes import family_prefixes, stated_prefixes
from models.weights import locate


class SentenceEmbedder:
    """An `Embedder` on any sentence-transformers model.

    Args:
        embedder_id: embedded/all-minilm-l6-v2, a local folder, or a Hub id.
        home: the store's `models/` folder.
    """

    def __init__(self, embedder_id: str, home: Path, threads: int | None = None) -> None:
        import torch
        from sentence_transformers import SentenceTransformer

        from models.quiet import no_progress_bars

        no_progress_bars()
        torch.set_num_threads(threads or free_cores())
        source = locate(embedder_id, None, home)
        try:
            self.model = SentenceTransformer(str(source.folder), device="cpu", trust_remote_code=False)
        except (OSError, ValueError) as error:
            raise ModelError(f"The embedder '{embedder_id}' cannot be loaded: {error}.", "Name a sentence-transformers model.") from error
        self.id = embedder_id
        self.dimension = int(self.model.get_embedding_dimension() or 0)
        stated = stated_prefixes(self.model.prompts or {})
        self.prefixes: Prefixes = stated if any(stated) else family_prefixes(embedder_id)
        self.model.prompts = {"query": self.prefixes.query, "document": self.prefixes.passage}
        self.max_tokens = int(self.model.max_seq_length or 512) - 2 - len(self.offsets(self.prefixes.passage))

    def embed(self, texts: Sequence[str], kind: str = "passage") -> np.ndarray:
        if not texts:
            return np.zeros((0, self.dimension), dtype=np.float32)
        encode = self.model.encode_query if kind == "query" else self.model.encode_document
        vectors = encode(list(texts), batch_size=32, normalize_embeddings=True, show_progress_bar=False, convert_to_numpy=True)
        return np.asarray(vectors, dtype=np.float32)

    def offsets(self, text: str) -> list[tuple[int, int]]:
        encoded = self.model.tokenizer(text, return_offsets_mapping=True, add_special_tokens=False, truncation=False, verbose=False)
        return [(int(start), int(end)) for start, end in encoded["offset_mapping"]]
