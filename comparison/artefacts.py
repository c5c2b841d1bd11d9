"""Indexes and trained weights: built once, found again by the fingerprint of all that went into them.

A folder counts only with a MANIFEST that agrees with its files. One that does not is set aside, not deleted, and built anew. Building
happens in `.building-<fingerprint>/`, which outlives a kill, so that a trainer finds its checkpoints there; the finished folder gets its
name last.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from adapters.base import Progress, Recipe
from comparison.store import Store
from core.files import disk_errors, folder_bytes, manifest_about, manifest_fault, sync_folder, write_manifest


@dataclass(frozen=True)
class Artefact:
    """A finished folder.

    Attributes:
        prepare_s: seconds that building it took, whether now or when it was first built.
        reused: it was there before this run asked for it.
    """

    kind: str
    fingerprint: str
    path: Path
    prepare_s: float
    bytes: int
    reused: bool


def obtain(store: Store, recipe: Recipe, earlier: Sequence[Path]) -> Iterator[Progress | Artefact]:
    """Find the artefact or build it; the last thing that comes out is the `Artefact`.

    Raises:
        BakeoffError: whatever the recipe raises; its unfinished folder stays for the next attempt.
        StoreError: the disk is full.
    """
    folder = store.artefacts / recipe.fingerprint
    fault = manifest_fault(folder) if folder.exists() else "absent"
    if not fault:
        yield _artefact(recipe, folder, reused=True)
        return
    if folder.exists():
        folder.rename(store.artefacts / f".damaged-{recipe.fingerprint}-{time.time_ns()}")
        yield Progress(f"set a damaged {recipe.kind} aside ({fault}), building it anew")
    building = store.artefacts / f".building-{recipe.fingerprint}"
    begun = time.monotonic()
    with disk_errors(building):
        building.mkdir(exist_ok=True)
        yield from recipe.build(building, earlier)
        about = {
            "kind": recipe.kind,
            "fingerprint": recipe.fingerprint,
            "inputs": recipe.inputs,
            "prepare_s": round(time.monotonic() - begun, 3),
        }
        write_manifest(building, about)
        building.rename(folder)
        sync_folder(store.artefacts)
    yield _artefact(recipe, folder, reused=False)


def _artefact(recipe: Recipe, folder: Path, *, reused: bool) -> Artefact:
    about = manifest_about(folder)
    return Artefact(recipe.kind, recipe.fingerprint, folder, float(about["prepare_s"]), folder_bytes(folder), reused)
