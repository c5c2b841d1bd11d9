"""Vectors of texts, by the hash of the text: what one index embedded, no other index of the same embedder embeds again.

One SQLite file for each embedder lies in the store beside the artefacts. It may be deleted at any time. A row that does not agree with its
checksum counts as absent, and a file that is none of SQLite's is begun anew.
"""

from __future__ import annotations

import hashlib
import sqlite3
import zlib
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path

import numpy as np

from core.fingerprint import fingerprint
from models.base import Embedder

FOLDER = ".embeddings"
DIGEST_BYTES = 16
ASKED_AT_ONCE = 500
BUSY_S = 60.0

_TABLE = "CREATE TABLE IF NOT EXISTS vectors (text BLOB NOT NULL UNIQUE, vector BLOB NOT NULL, checksum INTEGER NOT NULL)"


def digest(text: str) -> bytes:
    """The key of a text."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=DIGEST_BYTES).digest()


class EmbeddingCache:
    """Vectors of passages by one embedder.

    Args:
        store: the folder of artefacts.
    """

    def __init__(self, store: Path, embedder: Embedder) -> None:
        about = {
            "embedder": embedder.id,
            "prefixes": list(embedder.prefixes),
            "dimension": embedder.dimension,
            "reads": embedder.max_tokens,
        }
        self.path = store / FOLDER / f"{fingerprint(about)}.db"
        self._bytes = 4 * embedder.dimension
        try:
            self._prepare()
        except sqlite3.OperationalError:  # busy, or a place that SQLite cannot use: do without
            return
        except sqlite3.DatabaseError:
            self._begin_anew()

    def known(self, digests: Sequence[bytes]) -> dict[bytes, np.ndarray]:
        """The vectors of those texts that are known; each of shape (dimension,), float32."""
        found: dict[bytes, np.ndarray] = {}
        try:
            with closing(self._open()) as db:
                for start in range(0, len(digests), ASKED_AT_ONCE):
                    some = digests[start : start + ASKED_AT_ONCE]
                    marks = ",".join("?" * len(some))
                    for text, vector, checksum in db.execute(f"SELECT text, vector, checksum FROM vectors WHERE text IN ({marks})", some):
                        if len(vector) == self._bytes and zlib.crc32(vector) == checksum:
                            found[text] = np.frombuffer(vector, dtype=np.float32)
        except sqlite3.OperationalError:
            return found
        except sqlite3.DatabaseError:
            self._begin_anew()
        return found

    def keep(self, digests: Sequence[bytes], vectors: np.ndarray) -> None:
        """Vectors of shape (len(digests), dimension). A cache that cannot be written, costs time later and nothing else."""
        rows = [(key, data, zlib.crc32(data)) for key, data in zip(digests, map(np.ndarray.tobytes, vectors), strict=True)]
        try:
            with closing(self._open()) as db, db:
                db.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?, ?)", rows)
        except sqlite3.OperationalError:
            return
        except sqlite3.DatabaseError:
            self._begin_anew()

    def _open(self) -> sqlite3.Connection:
        db = sqlite3.connect(self.path, timeout=BUSY_S)
        db.execute("PRAGMA synchronous = NORMAL")
        return db

    def _prepare(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with closing(self._open()) as db, db:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute(_TABLE)

    def _begin_anew(self) -> None:
        for suffix in ("", "-wal", "-shm"):
            Path(f"{self.path}{suffix}").unlink(missing_ok=True)
        with suppress(sqlite3.OperationalError):
            self._prepare()
