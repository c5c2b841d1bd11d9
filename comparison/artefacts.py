"""Indexes and trained weights: built once, found again by the fingerprint of all that went into them.

A folder counts only with a MANIFEST that agrees with its files. One that does not is set aside, not deleted, and built anew. Building
happens in `.building-<fingerprint>/`, which outlives a kill, so that a trainer finds its checkpoints there; beside it stands what it is to
become (`.building-<fingerprint>.json`). The finished folder gets its name last.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from adapters.base import Progress, Recipe
from comparison.energy import EnergySpec, Meter, Power
from comparison.store import Store
from core.files import disk_errors, folder_bytes, manifest_about, manifest_fault, sync_folder, write_json, write_manifest, write_whole

LOOK_EVERY_S = 0.2
SAVE_EVERY_S = 1.0


@dataclass(frozen=True)
class Artefact:
    """A finished folder.

    Attributes:
        prepare_s: seconds that building it took, whether now or when it was first built.
        reused: it was there before this run asked for it.
        power: mean power while it was built, where that was measured.
    """

    kind: str
    fingerprint: str
    path: Path
    prepare_s: float
    bytes: int
    reused: bool
    power: Power | None = None


def obtain(store: Store, recipe: Recipe, earlier: Sequence[Path], energy: EnergySpec | None = None) -> Iterator[Progress | Artefact]:
    """Find the artefact or build it; the last thing that comes out is the `Artefact`.

    Args:
        energy: how the power is measured while it is built; None measures none.

    Raises:
        BakeoffError: whatever the recipe raises; its unfinished folder stays for the next attempt.
        StoreError: the disk is full.
    """
    folder = store.artefacts / recipe.fingerprint
    fault = manifest_fault(folder) if folder.exists() else "absent"
    if fault and folder.exists():
        folder.rename(store.artefacts / f".damaged-{recipe.fingerprint}-{time.time_ns()}")
        yield Progress(f"set a damaged {recipe.kind} aside ({fault}), building it anew")
    if fault:
        with disk_errors(folder):
            yield from _build_alone(folder, recipe, earlier, energy)
    about = manifest_about(folder)
    power = Power.from_json(about.get("power") or {})
    yield Artefact(recipe.kind, recipe.fingerprint, folder, float(about["prepare_s"]), folder_bytes(folder), not fault, power)


def _build_alone(folder: Path, recipe: Recipe, earlier: Sequence[Path], energy: EnergySpec | None) -> Iterator[Progress]:
    """Build unless another process (the page beside a job) is at it: then wait, and take what it made."""
    building = folder.with_name(f".building-{folder.name}")
    building.mkdir(exist_ok=True)
    handle = os.open(building, os.O_RDONLY)
    try:
        while not _locked(handle):
            yield Progress("waiting for another process that builds it")
            time.sleep(LOOK_EVERY_S)
        if not folder.exists():
            yield from _build(folder, building, recipe, earlier, energy)
    finally:
        os.close(handle)


def _locked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _build(folder: Path, building: Path, recipe: Recipe, earlier: Sequence[Path], energy: EnergySpec | None) -> Iterator[Progress]:
    clock = _Clock(building.with_name(f"{building.name}.seconds"))
    label = building.with_name(f"{building.name}.json")
    write_json(label, {"state": "unfinished", "kind": recipe.kind, "fingerprint": recipe.fingerprint, "inputs": recipe.inputs})
    with Meter(energy) as meter:
        for step in recipe.build(building, earlier):
            clock.save()
            yield step
        seconds = round(clock.seconds, 3)
    about = {"kind": recipe.kind, "fingerprint": recipe.fingerprint, "inputs": recipe.inputs, "prepare_s": seconds}
    about |= {"power": meter.power.to_json()} if meter.power else {}
    write_manifest(building, about)
    building.rename(folder)
    sync_folder(folder.parent)
    for beside in (clock.path, label):
        beside.unlink(missing_ok=True)


class _Clock:
    """Seconds of all attempts at one artefact: those of killed ones were spent, too."""

    def __init__(self, path: Path) -> None:
        self.path, self.begun, self.saved = path, time.monotonic(), 0.0
        self.before = float(path.read_text()) if path.exists() else 0.0

    @property
    def seconds(self) -> float:
        return self.before + time.monotonic() - self.begun

    def save(self) -> None:
        if time.monotonic() - self.saved > SAVE_EVERY_S:
            write_whole(self.path, f"{self.seconds:.3f}")
            self.saved = time.monotonic()
