"""Versions of installed libraries: the same model and prompt may be answered otherwise by other versions, so they are part of keys."""

from __future__ import annotations

from functools import cache
from importlib import metadata

LIBRARIES = ("torch", "transformers", "peft", "sentence-transformers")
"""Those that compute answers, weights and embeddings."""


@cache
def installed(name: str) -> str | None:
    """The version of a distribution, or None where it is not installed. Imports nothing."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def libraries() -> dict[str, str | None]:
    """Versions of the libraries that answers and embeddings depend on."""
    return {name: installed(name) for name in LIBRARIES}
