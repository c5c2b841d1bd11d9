"""A run's events as one line for each method, its time left, and the loss curves. Pure functions of the events."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from comparison.events import Answered, Event, Finished, MethodFailed, MethodStarted, Note, Prepared, Progressed, Queued, Scored, Started
from comparison.probe import BASE as PROBE_BASE
from ui.figures import about, duration
from ui.present import KIND_WORDS, metric_label

Curve = dict[str, list[tuple[float, float]]]


class MethodLine(NamedTuple):
    """One method's progress.

    Attributes:
        percent: of its present stage, 0 to 100.
        stage: what it is doing, in words.
    """

    name: str
    label: str
    percent: int
    stage: str


class Run(NamedTuple):
    """What is known of a run from its events so far."""

    name: str
    lines: list[MethodLine]
    finished: bool
    status: str
    reason: str
    eta_s: float | None
    notes: list[str]
    queued: int

    @property
    def over(self) -> int:
        """How many methods need nothing more."""
        return sum(line.percent == 100 and line.stage.startswith(("done", "failed")) for line in self.lines)


def follow(events: Iterable[Event]) -> Run:
    """Fold the events of one run, oldest first. A resumed run begins its lines anew with its own `Started`."""
    lines: dict[str, MethodLine] = {}
    run = Run("", [], False, "queued", "", None, [], 0)
    current = ""
    for event in events:
        if isinstance(event, Started):
            lines = {m: MethodLine(m, label(m), 0, "waiting") for m in event.methods}
            run, current = Run(event.name, [], False, "running", "", None, [], 0), ""
        elif isinstance(event, Queued):
            run = run._replace(queued=event.position)
        elif isinstance(event, Finished):
            run = run._replace(finished=True, status=event.status, reason=event.reason, eta_s=None)
            current = ""
        elif isinstance(event, Note):
            run = run._replace(notes=[*run.notes, f"{label(event.method)}: {event.text}" if event.method else event.text])
        else:
            if isinstance(event, MethodStarted):
                _close(lines, current)
                current = event.method
            run = run._replace(eta_s=getattr(event, "eta_s", run.eta_s))
            _advance(lines, event)
    if run.finished:
        for name in lines:
            _close(lines, name)
    return run._replace(lines=list(lines.values()))


def label(method: str) -> str:
    name, _, aside = method.partition(".")
    if method.startswith(PROBE_BASE):
        return "Untuned model on general questions"
    words = KIND_WORDS.get(name, name.replace("_", " "))
    if aside.startswith("format"):
        return f"{words} in format {aside.removeprefix('format')}"
    return words + {"oracle": " with the gold passage", "probe": " on general questions"}.get(aside, "")


def _advance(lines: dict[str, MethodLine], event: Event) -> None:
    method = getattr(event, "method", "")
    line = lines.get(method, MethodLine(method, label(method), 0, "waiting"))
    if isinstance(event, MethodStarted):
        line = line._replace(stage="starting", percent=0)
    elif isinstance(event, Progressed):
        line = line._replace(stage=_stage(event), percent=_percent(event.done, event.total))
    elif isinstance(event, Prepared):
        line = line._replace(stage=f"{event.kind} ready" + (", reused" if event.reused else f" in {duration(event.seconds)}"), percent=100)
    elif isinstance(event, Answered):
        stage = (
            "answers reused"
            if event.reused and not event.generated and event.done == event.total
            else f"answering {event.done}/{event.total}"
        )
        line = line._replace(stage=stage + _left(event.eta_s), percent=_percent(event.done, event.total))
    elif isinstance(event, Scored):
        line = line._replace(stage=f"scored {metric_label(event.metric)}", percent=100)
    elif isinstance(event, MethodFailed):
        line = line._replace(stage=f"failed: {event.reason}", percent=100)
    lines[method] = line


def _close(lines: dict[str, MethodLine], method: str) -> None:
    line = lines.get(method)
    if line and line.percent == 100 and not line.stage.startswith("failed"):
        lines[method] = line._replace(stage="done")


def _stage(event: Progressed) -> str:
    text = event.stage + (f" {event.done}/{event.total} {event.unit}".rstrip() if event.total else "")
    if "loss" in event.values:
        text += f", loss {event.values['loss']:.2f}"
    return text + _left(event.eta_s)


def _left(eta_s: float | None) -> str:
    return f", {about(eta_s)} left" if eta_s and eta_s >= 1 else ""


def _percent(done: int, total: int) -> int:
    return round(100 * min(done, total) / total) if total else 0


def strip(run: Run) -> str:
    """The run in one line, for under the header."""
    if run.status == "queued":
        return f"{run.name or 'Your comparison'} waits for its turn" + (f", {run.queued} before it" if run.queued else "")
    left = f" · about {about(run.eta_s)} left in this stage" if run.eta_s and run.eta_s >= 1 else ""
    return f"Running {run.name}: {run.over} of {len(run.lines)} methods done{left}"


def curves(events: Iterable[Event], method: str = "") -> dict[str, Curve]:
    """Figures of a training run by method and name, as (step, value): loss, validation_loss, learning_rate and so on.

    Validation says no step of its own: it stands at the last one.
    """
    found: dict[str, Curve] = {}
    step: dict[str, float] = {}
    for event in events:
        if isinstance(event, Started):
            found = {name: kept for name, kept in found.items() if name not in event.methods}
            step = {name: at for name, at in step.items() if name not in event.methods}
        if isinstance(event, Progressed) and event.values and (not method or event.method == method):
            mine = found.setdefault(event.method, {})
            at = step[event.method] = event.values.get("step", step.get(event.method, 0.0))
            for name, value in event.values.items():
                mine.setdefault(name, []).append((float(at), float(value)))
    return found


def report_curves(rows: Sequence[Mapping[str, Any]]) -> Curve:
    """The curves of a report's `training.curves`: rows with a step and named figures."""
    curve: Curve = {}
    for place, row in enumerate(rows):
        step = float(row.get("step", place))
        for name, value in row.items():
            if name not in ("step", "epoch") and isinstance(value, int | float):
                curve.setdefault(name, []).append((step, float(value)))
    return curve
