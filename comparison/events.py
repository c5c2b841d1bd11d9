"""What a run tells while it goes on: small frozen records, to JSON lines and back. The terminal prints them, the page draws them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, ClassVar


@dataclass(frozen=True)
class Event:
    """`event` is the record's name in the file."""

    event: ClassVar[str] = ""

    def to_json(self) -> dict[str, Any]:
        return {"event": self.event, **asdict(self)}


@dataclass(frozen=True)
class Queued(Event):
    """Waiting for the compute slot; `position` 1 is next."""

    event: ClassVar[str] = "queued"
    position: int


@dataclass(frozen=True)
class Started(Event):
    event: ClassVar[str] = "started"
    id: str
    name: str
    methods: tuple[str, ...]
    test_items: int
    resumed: bool = False


@dataclass(frozen=True)
class MethodStarted(Event):
    """`position` counts from 1."""

    event: ClassVar[str] = "method_started"
    method: str
    position: int
    total: int


@dataclass(frozen=True)
class Progressed(Event):
    """How far one stage of a method is. `values` are figures of this moment (loss); `eta_s` is None until it can be told."""

    event: ClassVar[str] = "progressed"
    method: str
    stage: str
    done: int = 0
    total: int = 0
    unit: str = ""
    values: dict[str, float] = field(default_factory=dict)
    eta_s: float | None = None


@dataclass(frozen=True)
class Prepared(Event):
    """An artefact is there; `seconds` is what building it took, then or now."""

    event: ClassVar[str] = "prepared"
    method: str
    kind: str
    fingerprint: str
    seconds: float
    reused: bool


@dataclass(frozen=True)
class Answered(Event):
    """`done` of `total` test items have an answer. `generated` and `reused` count the batches of this start of the run."""

    event: ClassVar[str] = "answered"
    method: str
    done: int
    total: int
    generated: int = 0
    reused: int = 0
    eta_s: float | None = None


@dataclass(frozen=True)
class Scored(Event):
    event: ClassVar[str] = "scored"
    method: str
    metric: str
    mean: float | None
    n: int
    reused: bool = False


@dataclass(frozen=True)
class MethodFailed(Event):
    event: ClassVar[str] = "method_failed"
    method: str
    reason: str


@dataclass(frozen=True)
class Note(Event):
    """Something that a person should know and need not act on."""

    event: ClassVar[str] = "note"
    text: str
    method: str = ""


@dataclass(frozen=True)
class Finished(Event):
    """The last one. `status` is done, failed or cancelled; `report` is the file's name, "" where there is none."""

    event: ClassVar[str] = "finished"
    id: str
    status: str
    verdict: str = ""
    report: str = ""
    reason: str = ""


KINDS: dict[str, type[Event]] = {
    kind.event: kind for kind in (Queued, Started, MethodStarted, Progressed, Prepared, Answered, Scored, MethodFailed, Note, Finished)
}


def from_json(data: Mapping[str, Any]) -> Event | None:
    """The record, or None for a kind that only other versions know."""
    kind = KINDS.get(str(data.get("event")))
    if kind is None:
        return None
    known = {f.name for f in fields(kind)}
    values = {key: tuple(v) if isinstance(v, list) else v for key, v in data.items() if key in known}
    return kind(**values)


class Pace:
    """Time left of a stage, from the mean pace since its first step.

    Args:
        done: what was there before the clock started, and says nothing about the pace.
    """

    def __init__(self, done: int = 0) -> None:
        self.begun, self.done_before = time.monotonic(), done

    def eta_s(self, done: int, total: int) -> float | None:
        new = done - self.done_before
        if new <= 0 or total <= 0:
            return None
        return round((time.monotonic() - self.begun) / new * max(0, total - done), 1)
