"""What a run had trained when it was stopped, as weights that can be used: labelled by the epoch, and never taken for the finished ones.

The best finished epoch becomes an artefact of its own, that of the same method with `stop_after` set to the last epoch that ended: a plan that
says so finds it again and gets just these weights. The unfinished training stays as it is, and Resume goes on from it.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, Protocol, runtime_checkable

from adapters.base import Progress, Recipe, Setting
from comparison.artefacts import obtain
from comparison.plan import read_plan
from comparison.ready import Ready, make_ready
from comparison.result import Result
from comparison.seeds import members
from comparison.store import Store
from core.files import write_json
from training import checkpoints

FILE = "stopped.json"


@runtime_checkable
class Stoppable(Protocol):
    """A method whose best finished epoch can be used when its training is stopped; its spec has `epochs` (or `steps`) and `stop_after`."""

    @property
    def spec(self) -> Any: ...

    def recipes(self, setting: Setting) -> list[Recipe]:
        """As any method has them, the weights last."""
        ...

    def keep_stopped(self, setting: Setting, unfinished: Path, folder: Path, earlier: Sequence[Path]) -> None:
        """Make of an unfinished training's best epoch the weights of the method with `stop_after`, in `folder`."""
        ...


class Stopped(NamedTuple):
    """A method that was stopped while it trained. `fingerprint` names the artefact of what was kept; `unit` is what is counted, "epoch" or "step"."""

    method: str
    epoch: int
    epochs: int
    best_epoch: int
    fingerprint: str
    unit: str = "epoch"

    @property
    def words(self) -> str:
        return f"stopped after {self.unit} {self.epoch} of {self.epochs}"

    @property
    def kept(self) -> str:
        return f"the weights of {self.unit} {self.best_epoch} are kept"


def keep(store: Store, comparison_id: str) -> list[Stopped]:
    """Keep what each method of a stopped comparison had trained; nothing for those that had ended no epoch, or all.

    Raises:
        BakeoffError: the plan's data or model are not there any more.
    """
    result = store.result(comparison_id)
    plan = read_plan(result.plan(), result.folder)
    if not any("stop_after" in type(spec).model_fields for spec in plan.methods):
        return []
    before = result.environment() if (result.folder / "environment.json").exists() else None
    ready = make_ready(plan, store.models, before)
    found = []
    for name, method in ready.methods.items():
        for member in members(name, method):
            if isinstance(member.method, Stoppable) and (one := _keep(store, ready, member.name, member.method)) is not None:
                found.append(one)
    if found:
        write_json(result.folder / FILE, [one._asdict() for one in found])
    return found


def of_result(result: Result) -> list[Stopped]:
    """What was kept of a comparison."""
    path = result.folder / FILE
    return [Stopped(**row) for row in json.loads(path.read_text(encoding="utf-8"))] if path.exists() else []


def _keep(store: Store, ready: Ready, name: str, method: Any) -> Stopped | None:
    ready = ready.of(method)
    *earlier, weights = method.recipes(ready.setting)
    building = store.artefacts / f".building-{weights.fingerprint}"
    if (store.artefacts / weights.fingerprint).exists() or not building.is_dir():
        return None
    with _alone(building) as free:
        newest = checkpoints.latest(building) if free else None
        if newest is None:
            return None
        stopped = type(method)(method.spec.model_copy(update={"stop_after": newest.epoch}))
        recipe = stopped.recipes(ready.setting)[-1]
        if recipe.fingerprint == weights.fingerprint:
            return None

        def build(folder: Path, earlier: Sequence[Path]) -> Iterator[Progress]:
            method.keep_stopped(ready.setting, building, folder, earlier)
            yield Progress("keeping what was trained")

        _carry_seconds(store, weights, recipe)
        for _ in obtain(store, replace(recipe, build=build), [store.artefacts / one.fingerprint for one in earlier]):
            pass
    best = int(newest.state["best_epoch"])
    unit = "epoch" if hasattr(method.spec, "epochs") else "step"
    return Stopped(name, newest.epoch, getattr(method.spec, f"{unit}s"), best, recipe.fingerprint, unit)


def _carry_seconds(store: Store, unfinished: Recipe, kept: Recipe) -> None:
    """What training took so far is what the kept weights took."""
    source, target = (store.artefacts / f".building-{one.fingerprint}.seconds" for one in (unfinished, kept))
    if source.exists() and not (store.artefacts / kept.fingerprint).exists():
        shutil.copyfile(source, target)


@contextmanager
def _alone(building: Path) -> Iterator[bool]:
    """Hold an unfinished artefact's folder; False where another process is at it."""
    handle = os.open(building, os.O_RDONLY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
    finally:
        os.close(handle)
