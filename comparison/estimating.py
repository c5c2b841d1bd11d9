"""What the methods of a plan that learn will take on this machine, before any of them is begun; see `training.estimate`."""

from __future__ import annotations

import tempfile
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol, runtime_checkable

from adapters.base import Method, Setting
from adapters.tuned import Tuned
from comparison.events import Event
from comparison.preparing import prepare
from comparison.ready import Ready
from comparison.store import Store
from comparison.terminal import duration
from core.errors import PlanError
from core.files import manifest_fault
from training.estimate import Estimate, as_json, of_job


@runtime_checkable
class Foreseen(Protocol):
    """A method that measures for itself what it will take."""

    def estimate(self, setting: Setting, earlier: Sequence[Path]) -> Estimate:
        """Given the paths of the recipes before its last one."""
        ...


class MethodEstimate(NamedTuple):
    """Of one method. `estimate` is of one seed and None where its weights are there already."""

    name: str
    seeds: int
    estimate: Estimate | None

    @property
    def words(self) -> str:
        """One sentence for people, without the remedy."""
        if self.estimate is None:
            return "Trained already: nothing is left to do."
        found = self.estimate
        if not found.steps:
            return f"About {duration(found.seconds)}: {found.tokens:,} tokens are read once, with the embedder loaded; there are no steps."
        times = f"{self.seeds} seeds, each " if self.seeds > 1 else ""
        answers = "" if found.supervised is None else f", {found.supervised:,} of them answers"
        answers += f", {found.general_tokens:,} of general rows that are rehearsed" if found.general_tokens else ""
        free = "" if found.free_memory_mb is None else f" of {found.free_memory_mb:,.0f} MB free"
        memory = "" if found.peak_memory_mb is None else f"; peak memory {found.peak_memory_mb:,.0f} MB{free}"
        return f"About {duration(self.seeds * found.seconds)} ({times}{found.steps:,} steps on {found.tokens:,} tokens{answers}){memory}."

    def to_json(self) -> dict[str, Any]:
        found = {} if self.estimate is None else as_json(self.estimate)
        return {"name": self.name, "seeds": self.seeds, "trained": self.estimate is None, "words": self.words, **found}


def estimates(store: Store, ready: Ready, only: str | None = None) -> Iterator[Event | MethodEstimate]:
    """Each method of the plan that learns in turn. Indexes that it needs are built, and kept for the run.

    Args:
        only: the name of one method.

    Raises:
        PlanError: there is no such fine-tune.
        MethodError: it cannot be trained, or its measured steps had no memory.
    """
    wanted = {name: method for name, method in ready.methods.items() if only in (None, name)}
    told = {name: method for name, method in wanted.items() if isinstance(method, Tuned | Foreseen)}
    if others := sorted({method.spec.kind for method in wanted.values() if type(method.spec).trains and not told}):
        raise PlanError(
            f"What {', '.join(others)} will take cannot be told before: there is no measured step of such a training.",
            "Launch it; the time that is left is shown while it trains.",
        )
    if not told:
        raise PlanError(
            f"There is no fine-tune '{only[:60]}' in the plan." if only else "The plan has no fine-tune, so there is nothing to estimate.",
            "Name one of its fine-tunes, for example {kind: lora}.",
        )
    for name, method in told.items():
        yield (yield from _of_method(store, ready, name, method))


def _of_method(store: Store, ready: Ready, name: str, method: Method) -> Generator[Event, None, MethodEstimate]:
    ready, seeds = ready.of(method), int(getattr(method.spec, "seeds", 1))
    *before, weights = method.recipes(ready.setting)
    if not manifest_fault(store.artefacts / weights.fingerprint, hashes=False):
        return MethodEstimate(name, seeds, None)
    paths: list[Path] = []
    for recipe in before:
        paths.append((yield from prepare(store, name, recipe, paths)).path)
    if isinstance(method, Foreseen):
        return MethodEstimate(name, seeds, method.estimate(ready.setting, paths))
    assert isinstance(method, Tuned)  # `estimates` asks no other
    with tempfile.TemporaryDirectory() as folder:
        return MethodEstimate(name, seeds, of_job(method.job(ready.setting, Path(folder), paths)))
