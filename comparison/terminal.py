"""Events as lines on stderr: a moving line on a terminal, now and then a plain one in a log."""

from __future__ import annotations

import sys
import time
from typing import TextIO

from comparison import events

LOG_EVERY_S = 5.0


def duration(seconds: float) -> str:
    """ "12 s", "3 min 20 s", "1 h 05 min"."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    return f"{whole // 60} min {whole % 60:02d} s" if whole < 3600 else f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def describe(event: events.Event) -> str:
    """One line for an event."""
    match event:
        case events.Queued():
            return f"queued, place {event.position}"
        case events.Started():
            return f"{'resumed' if event.resumed else 'started'} {event.id}: {len(event.methods)} methods on {event.test_items} test items"
        case events.MethodStarted():
            return f"[{event.position}/{event.total}] {event.method}"
        case events.Progressed():
            losses = "".join(f" {name.replace('_', ' ')} {value:.3f}" for name, value in event.values.items() if name.endswith("loss"))
            return f"  {event.stage}{_count(event)}{losses}{_left(event.eta_s)}"
        case events.Prepared():
            return f"  {event.kind} {'reused' if event.reused else 'ready'} ({duration(event.seconds)})"
        case events.Answered():
            return f"  answered {event.done}/{event.total}{' (reused)' if event.reused and not event.generated else ''}{_left(event.eta_s)}"
        case events.Scored():
            mean = "no score" if event.mean is None else f"{event.mean:.3f} on {event.n}"
            return f"  {event.metric} {mean}{' (reused)' if event.reused else ''}"
        case events.MethodFailed():
            return f"  failed: {event.reason}"
        case events.Note():
            return f"  note: {event.text}"
        case events.Finished():
            return f"{event.status} {event.id}"
        case _:
            return str(event)


def _count(event: events.Progressed) -> str:
    return f" {event.done}/{event.total} {event.unit}".rstrip() if event.total else ""


def _left(eta_s: float | None) -> str:
    return f", {duration(eta_s)} left" if eta_s else ""


class Printer:
    """Prints events to stderr, so that stdout stays free for the result."""

    def __init__(self, out: TextIO | None = None) -> None:
        self.out = out or sys.stderr
        self.moving = self.out.isatty()
        self.open = False
        self.last: tuple[str, float] = ("", 0.0)

    def __call__(self, event: events.Event) -> None:
        line = describe(event)
        if isinstance(event, (events.Progressed, events.Answered)) and not self._ends(event):
            self._step(line, event.stage if isinstance(event, events.Progressed) else "answering")
            return
        self._print(line)

    def _ends(self, event: events.Progressed | events.Answered) -> bool:
        return isinstance(event, events.Answered) and event.done == event.total

    def _step(self, line: str, stage: str) -> None:
        if self.moving:
            self.out.write(f"\r\x1b[2K{line}")
            self.open = True
        elif self.last[0] != stage or time.monotonic() - self.last[1] > LOG_EVERY_S:
            self.out.write(f"{line}\n")
            self.last = (stage, time.monotonic())
        self.out.flush()

    def _print(self, line: str) -> None:
        self.out.write(f"\r\x1b[2K{line}\n" if self.open else f"{line}\n")
        self.open = False
        self.out.flush()
