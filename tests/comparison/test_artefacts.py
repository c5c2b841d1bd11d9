"""Artefacts are built once, counted only when whole, and never deleted because they are broken."""

from __future__ import annotations

import errno
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from adapters.base import Progress, Recipe
from comparison.artefacts import Artefact, obtain
from comparison.store import Store
from core.errors import MethodError, StoreError


class Builder:
    """Writes one file; counts how often; fails as told, having left a checkpoint."""

    def __init__(self) -> None:
        self.calls = 0
        self.found: list[list[str]] = []
        self.error: Exception | None = None

    def __call__(self, folder: Path, earlier: Sequence[Path]) -> Iterator[Progress]:
        self.calls += 1
        self.found.append(sorted(p.name for p in folder.iterdir()))
        (folder / "checkpoint").write_text("half")
        yield Progress("training", 1, 2, "steps", {"loss": 0.5})
        if self.error:
            raise self.error
        (folder / "weights").write_bytes(b"w" * 100)

    def recipe(self, fingerprint: str = "f" * 32) -> Recipe:
        return Recipe("weights", fingerprint, {"rank": 8}, self)


def last(store: Store, recipe: Recipe) -> Artefact:
    *_, artefact = obtain(store, recipe, [])
    assert isinstance(artefact, Artefact)
    return artefact


def test_it_is_built_once_and_states_its_first_cost_when_reused(store: Store) -> None:
    builder = Builder()
    first, second = last(store, builder.recipe()), last(store, builder.recipe())
    assert builder.calls == 1
    assert (first.reused, second.reused) == (False, True)
    assert first.prepare_s == second.prepare_s
    assert (second.path / "weights").read_bytes() == b"w" * 100


def test_another_fingerprint_is_another_artefact(store: Store) -> None:
    builder = Builder()
    assert last(store, builder.recipe("a" * 32)).path != last(store, builder.recipe("b" * 32)).path
    assert builder.calls == 2


@pytest.mark.parametrize("damage", [b"w" * 50, b"x" * 100], ids=["truncated", "changed"])
def test_a_damaged_one_is_set_aside_and_built_anew(store: Store, damage: bytes) -> None:
    builder = Builder()
    path = last(store, builder.recipe()).path
    (path / "weights").write_bytes(damage)
    again = last(store, builder.recipe())
    assert (again.reused, builder.calls) == (False, 2)
    assert (again.path / "weights").read_bytes() == b"w" * 100
    aside = [p for p in store.artefacts.iterdir() if p.name.startswith(".damaged-")]
    assert [(p / "weights").read_bytes() for p in aside] == [damage]


def test_an_unfinished_one_is_not_taken_for_whole_and_keeps_its_checkpoints(store: Store) -> None:
    builder = Builder()
    builder.error = MethodError("it broke", "Mend it.")
    with pytest.raises(MethodError):
        last(store, builder.recipe())
    assert not (store.artefacts / ("f" * 32)).exists()
    label = store.artefacts / f".building-{'f' * 32}.json"
    assert json.loads(label.read_text()) == {"state": "unfinished", "kind": "weights", "fingerprint": "f" * 32, "inputs": {"rank": 8}}
    builder.error = None
    assert last(store, builder.recipe()).reused is False
    assert builder.found == [[], ["checkpoint"]]
    assert [p.name for p in store.artefacts.iterdir()] == ["f" * 32], "nothing unfinished is left"


def test_seconds_of_broken_off_attempts_are_in_the_ledger(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("comparison.artefacts.time.monotonic", lambda: now[0])
    builder = Builder()

    def attempt() -> None:
        for _ in obtain(store, builder.recipe(), []):
            now[0] += 100.0

    now[0] = 50.0
    builder.error = MethodError("it broke", "Mend it.")
    steps = obtain(store, builder.recipe(), [])
    next(steps)
    steps.close()  # type: ignore[attr-defined]
    (store.artefacts / f".building-{'f' * 32}.seconds").write_text("30.0")
    builder.error = None
    attempt()
    assert last(store, builder.recipe()).prepare_s == 130.0
    assert not list(store.artefacts.glob(".building-*"))


def test_two_at_once_build_it_once(store: Store) -> None:
    builder = Builder()
    one, two = obtain(store, builder.recipe(), []), obtain(store, builder.recipe(), [])
    assert isinstance(next(one), Progress)
    waiting = next(two)
    assert isinstance(waiting, Progress)
    assert "another process" in waiting.stage
    *_, first = one
    *_, second = two
    assert isinstance(first, Artefact) and isinstance(second, Artefact)
    assert (first.path, builder.calls) == (second.path, 1)


def test_a_full_disk_leaves_nothing_under_the_final_name(store: Store) -> None:
    """F5: disk full while an artefact is built."""
    builder = Builder()
    builder.error = OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(StoreError, match="Disk full"):
        last(store, builder.recipe())
    assert not (store.artefacts / ("f" * 32)).exists()
