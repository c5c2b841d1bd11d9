"""What a job will take before it is begun: time, memory, tokens and steps, from steps that were really taken on this machine.

A process of its own loads the model and takes four steps of the job's own kind: on its longest row alone, on a batch of such rows, on a
typical batch, and on the long batch again. Seconds go by a straight line through the typical and the long batch, over tokens, with those of
padding unless rows are packed; memory by a straight line through one long row and the long batch. Where general rows are rehearsed, each of
these steps has a batch of them, too, all of the greatest length, and their tokens count. It is kept beside the models, by all it depends on.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from core import versions
from core.errors import MethodError
from core.files import write_json
from core.fingerprint import fingerprint
from models import device
from models.memory import free_mb, peak_mb, reset_peak
from training import rehearsal
from training.batches import steps_of
from training.events import Step
from training.job import TrainingJob, TrainingRow, within
from training.launch import ROOT, ended_without_a_word
from training.settings import TrainingSettings

STAGE = "1"
"""Bumped by hand when the same job is measured in another way."""
FOLDER = "measured"
VALIDATION_SHARE = 0.5
"""Of a training step's time, for as many tokens: a forward pass alone, where a step has a backward pass as well."""
ROOM = 0.9
"""Share of the free memory that may be planned with."""
WITHOUT_COST = (
    "epochs",
    "learning_rate",
    "schedule",
    "warmup_share",
    "early_stopping",
    "stop_after",
    "weight_decay",
    "max_grad_norm",
    "seed",
)
"""Settings that do not change what a step costs."""


@dataclass(frozen=True)
class Measured:
    """Four steps on this machine.

    Attributes:
        load_s: from the start to the end of the first step, the first step's own time aside.
        long_s, typical_s: seconds of a step on `long_tokens` and on `typical_tokens` (padding included).
        row_mb, long_mb: peak memory with one row of the greatest length at once, and with `at_once` of them.
    """

    load_s: float
    long_s: float
    typical_s: float
    long_tokens: int
    typical_tokens: int
    at_once: int
    row_mb: float
    long_mb: float


@dataclass(frozen=True)
class Estimate:
    """What a whole job will take.

    Attributes:
        seconds: loading, training and validating; the most where early stopping may end it before.
        steps: 0 for what is fitted without any.
        tokens: of all training rows, in all epochs, without padding.
        supervised: those of the answers; None where no answer is learnt word by word.
        general_tokens: how many of the tokens are those of general rows that are rehearsed.
        peak_memory_mb: None where it is not measured: what needs no process of its own needs little.
        free_memory_mb: None where the system does not tell; it is then taken to fit.
        remedy: the setting to change where it does not fit; "" where it does.
    """

    seconds: float
    steps: int
    tokens: int
    supervised: int | None
    peak_memory_mb: float | None
    free_memory_mb: float | None
    remedy: str
    general_tokens: int = 0

    @property
    def fits(self) -> bool:
        return not self.remedy


def estimate(job: TrainingJob, measured: Measured, free: float | None) -> Estimate:
    """A pure function of the job, what was measured, and the free memory in MB."""
    rows, settings = within(job.train, job.settings.max_tokens).kept, job.settings
    epochs = min(settings.epochs, settings.stop_after or settings.epochs)
    steps = steps_of(rows, settings.batch_size, settings.seed, 1)
    validation = sorted(within(job.validation, settings.max_tokens).kept, key=lambda row: row.length)
    checked = [validation[i : i + settings.batch_size] for i in range(0, len(validation), settings.batch_size)]
    mixed_in = [general_steps(job, len(steps), epoch) for epoch in range(1, epochs + 1)]
    size = own if settings.packing else padded
    seconds = sum(step_s(measured, size(step) + size(more)) for each in mixed_in for step, more in zip(steps, each, strict=True))
    seconds += epochs * VALIDATION_SHARE * sum(step_s(measured, padded(batch)) for batch in checked)
    general = [row for each in mixed_in for more in each for row in more]
    general_tokens = own(general)
    return Estimate(
        seconds=round(measured.load_s + seconds, 1),
        steps=epochs * len(steps),
        tokens=epochs * own(rows) + general_tokens,
        supervised=epochs * sum(len(row.completion_ids) for row in rows) + sum(len(row.completion_ids) for row in general),
        peak_memory_mb=measured.long_mb,
        free_memory_mb=free,
        remedy=remedy(measured, settings, free, max(row.length for row in rows)),
        general_tokens=general_tokens,
    )


def general_steps(job: TrainingJob, steps: int, epoch: int) -> list[list[TrainingRow]]:
    """The general rows of each step, as the trainer draws them; empty ones where nothing is rehearsed."""
    settings = job.settings
    rows = rehearsal.fitting(job.general, settings)
    return rehearsal.batches(rows, steps, rehearsal.rows_a_step(settings.batch_size, settings.rehearsal_alpha), settings.seed, epoch)


def padded(rows: Sequence[TrainingRow]) -> int:
    """Tokens of a batch of these rows, padding included."""
    return max((row.length for row in rows), default=0) * len(rows)


def own(rows: Sequence[TrainingRow]) -> int:
    """Tokens of these rows alone, as where they are packed."""
    return sum(row.length for row in rows)


def step_s(measured: Measured, tokens: int) -> float:
    """Seconds of a step: on the line through both measured ones, which never falls; one through the origin where they are alike."""
    apart = measured.long_tokens - measured.typical_tokens
    slope = (measured.long_s - measured.typical_s) / apart if apart > 0 else measured.long_s / measured.long_tokens
    slope = max(slope, 0.0)
    return max(measured.long_s - slope * (measured.long_tokens - tokens), 0.0)


def remedy(measured: Measured, settings: TrainingSettings, free: float | None, longest: int) -> str:
    """Which setting to change where the measured peak does not fit; "" where it does."""
    if free is None or measured.long_mb <= ROOM * free:
        return ""
    rows, needed = fitting(measured, free)
    if rows:
        return f"Set micro_batch_size to {rows}: that needs about {needed:,.0f} MB, and the result stays the same."
    return (
        f"Even one row of {longest} tokens needs {measured.row_mb:,.0f} MB: lower max_tokens, take a kind that trains fewer weights, or choose a "
        "smaller model."
    )


def fitting(measured: Measured, free: float) -> tuple[int, float]:
    """How many rows fit at once, fewer than were measured, and the MB that they need; (0, 0.0) where not even one does."""
    if measured.at_once < 2:
        return 0, 0.0
    each = max((measured.long_mb - measured.row_mb) / (measured.at_once - 1), 1e-9)
    rows = min(1 + math.floor((ROOM * free - measured.row_mb) / each), measured.at_once - 1)
    return (rows, measured.row_mb + (rows - 1) * each) if rows >= 1 else (0, 0.0)


def measure(job: TrainingJob) -> Measured:
    """Take the four steps, in this process; its memory is what is measured.

    Raises:
        MethodError: as `training.loop.train`.
    """
    from training.loop import train

    place, begun = device.choose(job.base.dtype, job.base.threads).device, time.monotonic()
    seconds: dict[int, float] = {}
    peaks: dict[int, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        trial = trial_of(job, Path(folder))
        steps = steps_of(trial.train, trial.settings.batch_size, trial.settings.seed, 1)
        beside = max((padded(rows) for rows in general_steps(trial, 1, 1)), default=0)  # the same at each step
        sizes = [padded(rows) + beside for rows in steps]
        with closing(train(trial)) as events:  # type: ignore[type-var]
            for event in events:
                if not isinstance(event, Step):
                    continue
                if not seconds:
                    load_s = time.monotonic() - begun - event.seconds
                tokens = sizes[event.step - 1]
                seconds[tokens], peaks[tokens] = event.seconds, peak_mb(place)
                reset_peak(place)
                if event.step == len(sizes):
                    break  # before the epoch ends: nothing is validated or saved
    longest = max(row.length for row in trial.train) + beside
    at_once = min(trial.settings.micro_batch_size or trial.settings.batch_size, trial.settings.batch_size)
    long_tokens = max(sizes)
    typical = min((size for size in sizes if size != longest or trial.settings.batch_size == 1), default=long_tokens)
    long_mb = max(peaks.values())
    return Measured(
        round(load_s, 3), seconds[long_tokens], seconds[typical], long_tokens, typical, at_once, min(peaks[longest], long_mb), long_mb
    )


def trial_of(job: TrainingJob, out: Path) -> TrainingJob:
    """A job of one epoch whose steps are one long row, a long batch, a typical batch and the long batch again; fewer where batches are alike."""
    kept = sorted(within(job.train, job.settings.max_tokens).kept, key=lambda row: row.length)
    if not kept:
        raise MethodError(f"max_tokens is {job.settings.max_tokens}, and no training row is that short.", "Raise max_tokens.")
    size = min(job.settings.batch_size, len(kept))
    long, typical = kept[-1], kept[len(kept) // 2]
    copies = [typical] * size + [long] * (2 * size + (size > 1))
    rows = tuple(row.model_copy(update={"id": f"{place:06d}"}) for place, row in enumerate(copies))
    settings = job.settings.model_copy(update={"epochs": 1, "early_stopping": None, "stop_after": None, "batch_size": size})
    for seed in range(1000):  # the order of steps is the seed's
        order = [len(step) * step[-1].length for step in steps_of(rows, size, seed, 1)]
        if order[0] == long.length and order[-1] == size * long.length:
            settings = settings.model_copy(update={"seed": seed})
            break
    mixed_in = sorted(rehearsal.fitting(job.general, job.settings), key=lambda row: row.length)[-1:]
    changes = {"train": rows, "validation": (), "general": tuple(mixed_in), "left_out": (), "settings": settings, "out": out}
    return job.model_copy(update=changes)


def measured_step(job: TrainingJob) -> Measured:
    """What was measured before for such a job on this machine, else measured now, in a process of its own.

    Raises:
        MethodError: the job cannot be trained, or its process was killed for want of memory.
    """
    return Measured(**kept(job.models_home, key_of(job), lambda: said_by("training", job)))


def kept(home: Path, key: str, measure: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What was measured before under this key, else what is measured now."""
    path = home / FOLDER / f"{key}.json"
    if path.is_file():
        found: dict[str, Any] = json.loads(path.read_text())
        return found
    found = measure()
    write_json(path, found)
    return found


def said_by(module: str, job: Any) -> dict[str, Any]:
    """What a trainer's module measures of a job, in a process of its own.

    Raises:
        MethodError: the job cannot be trained, or its process was killed for want of memory.
    """
    with tempfile.TemporaryDirectory() as folder:
        spec = Path(folder) / "job.json"
        spec.write_text(job.model_dump_json())
        command = [sys.executable, "-m", module, str(spec), "--estimate"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    events = {event["event"]: event for event in map(json.loads, done.stdout.splitlines())}
    if failed := events.get("Failed"):
        raise MethodError(failed["message"], failed["remedy"])
    if "Measured" not in events:
        raise ended_without_a_word(done.returncode, done.stderr, job.settings)
    return {name: value for name, value in events["Measured"].items() if name != "event"}


def key_of(job: TrainingJob) -> str:
    """Hash of what a step's seconds and memory depend on: model, settings, lengths of the rows, libraries and machine."""
    settings = {name: value for name, value in job.settings.model_dump(mode="json").items() if name not in WITHOUT_COST}
    rows = within(job.train, job.settings.max_tokens).kept or job.train[:1]
    lengths = sorted((row.length, len(row.completion_ids)) for row in rows)
    shape = [min(settings["batch_size"], len(rows)), lengths[-1], lengths[len(lengths) // 2]]
    shape += [max(row.length for row in rehearsal.fitting(job.general, job.settings))] if job.settings.rehearsal_alpha else []
    return fingerprint([STAGE, job.base.model_dump(mode="json"), job.kind, settings, shape, versions.libraries(), machine()])


def machine() -> dict[str, Any]:
    """What tells machines apart that are not equally fast."""
    try:
        processor = next(line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name"))
    except (OSError, StopIteration):
        processor = os.uname().machine
    return {"processor": processor, "cores": device.free_cores(), "device": device.kind()}


def of_job(job: TrainingJob) -> Estimate:
    """What the job will take on this machine."""
    return estimate(job, measured_step(job), free_mb(device.kind()))


def as_json(found: Estimate) -> dict[str, Any]:
    return {**asdict(found), "fits": found.fits}
