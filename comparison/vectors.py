"""Vectors of texts, kept by what they were made of: the same texts are never embedded twice by the same embedder, and known ones load no model."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from core import versions
from core.files import write_whole
from core.fingerprint import fingerprint
from models.base import Embedder

if TYPE_CHECKING:
    import numpy as np

FOLDER = "vectors"


@dataclass(frozen=True)
class Vectors:
    """Attributes:
    home: the store's folder of models; vectors lie in `vectors/` below it, and may be deleted at any time.
    key: what names the embedder's vectors (`models.loading.embedder_key`).
    load: the embedder, loaded at the first call.
    """

    home: Path
    key: str
    load: Callable[[], Embedder]

    def known(self, texts: Sequence[str]) -> bool:
        return not texts or self._path(texts).is_file()

    def of(self, texts: Sequence[str]) -> np.ndarray:
        """Shape (len(texts), dimension), float32, L2-normalised, all embedded as questions, so that either side of a pair may be either.

        Raises:
            ModelError: they are not known, and there is no such embedder.
        """
        import numpy as np

        if not texts:
            return np.zeros((0, 0), dtype=np.float32)
        path = self._path(texts)
        found = _read(path) if path.is_file() else None
        if found is not None and len(found) == len(texts):
            return found
        made = np.asarray(self.load().embed(list(texts), "query"), dtype=np.float32)
        out = io.BytesIO()
        np.save(out, made, allow_pickle=False)
        write_whole(path, out.getvalue())
        return made

    def _path(self, texts: Sequence[str]) -> Path:
        return self.home / FOLDER / f"{fingerprint([self.key, versions.libraries(), list(texts)])}.npy"


def _read(path: Path) -> np.ndarray | None:
    """None for a file that is damaged: it is then made anew."""
    import numpy as np

    try:
        found = np.load(io.BytesIO(path.read_bytes()), allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return found if found.ndim == 2 and found.dtype == np.float32 else None
