"""One artefact of one method, found or built, told as events: a comparison and a sweep prepare alike."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from pathlib import Path

from adapters.base import Recipe
from comparison import events
from comparison.artefacts import Artefact, obtain
from comparison.energy import EnergySpec
from comparison.events import Event, Note, Pace, Progressed
from comparison.store import Store
from core.errors import StoreError


def prepare(
    store: Store,
    name: str,
    recipe: Recipe,
    earlier: Sequence[Path],
    energy: EnergySpec | None = None,
    note: Callable[[str, str], Note] = Note,
) -> Generator[Event, None, Artefact]:
    """Tell how far it is, and return the artefact.

    Args:
        name: the method that it is for.
        note: makes a note of a sentence that building it said (a trainer's finding), and may keep it.

    Raises:
        BakeoffError: whatever the recipe raises.
    """
    pace: dict[str, Pace] = {}
    for step in obtain(store, recipe, earlier, energy):
        if isinstance(step, Artefact):
            yield events.Prepared(name, step.kind, step.fingerprint, step.prepare_s, step.reused)
            return step
        if step.note:
            yield note(step.note, name)
            continue
        eta = pace.setdefault(step.stage, Pace(step.done if step.done < step.total else 0)).eta_s(step.done, step.total)
        yield Progressed(name, step.stage, step.done, step.total, step.unit, dict(step.values), eta)
    raise StoreError(f"The {recipe.kind} of {name} was not built.", "Run again; if it happens twice it is a bug.")
