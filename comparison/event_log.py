"""The log of a comparison, `events.jsonl`: what was told, one line an event with the time it was told at."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from comparison import lines
from comparison.events import Event

NAME = "events.jsonl"


def kept(folder: Path, steps: Iterator[Event]) -> Iterator[Event]:
    """The same events, each written to the log before it is passed on. What a kill tore off the log's end is mended first, at once."""
    lines.heal(folder / NAME)
    return _written(folder, steps)


def _written(folder: Path, steps: Iterator[Event]) -> Iterator[Event]:
    for event in steps:
        add(folder, event, sync=False)
        yield event


def add(folder: Path, *told: Event, sync: bool = True) -> None:
    """Write events to the log; with `sync` they survive a power cut once this returns.

    Raises:
        StoreError: the disk is full.
    """
    lines.append(folder / NAME, [{"at": round(time.time(), 3), **event.to_json()} for event in told], sync=sync)
