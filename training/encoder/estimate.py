"""What tuning an encoder will take before it is begun, from steps that were really taken on this machine; see `training.estimate`.

A process of its own loads the encoder, reads some of the rows as the head's beginning does, fits that head, takes four steps (on the longest row
alone, on a batch of such rows, on a typical batch, and on the long batch again), and writes one checkpoint.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core import versions
from core.fingerprint import fingerprint
from models import device
from models.loading import embedder_key
from models.memory import free_mb, peak_mb, reset_peak
from training import early
from training.encoder.job import EncoderJob, TextRow
from training.estimate import ROOM, WITHOUT_COST, Estimate, fitting, kept, machine, said_by, step_s
from training.estimate import Measured as Steps
from training.heads import Rows, fit_best, spread

if TYPE_CHECKING:
    from training.encoder.loop import Run

STAGE = "1"
"""Bumped by hand when the same job is measured in another way."""
SAMPLE = 256
"""Most rows that are read to know how long reading takes, and to fit a head on."""


@dataclass(frozen=True)
class Measured:
    """What was measured on this machine.

    Attributes:
        steps: the four steps, and loading.
        read_s: seconds to read `read_tokens` tokens without gradients.
        head_s: seconds to fit the head on `head_rows` rows.
        save_s: seconds to write a checkpoint.
        train_tokens, validation_tokens: of each row, as far as the encoder reads it.
    """

    steps: Steps
    read_s: float
    read_tokens: int
    head_s: float
    head_rows: int
    save_s: float
    train_tokens: tuple[int, ...]
    validation_tokens: tuple[int, ...]

    @classmethod
    def from_json(cls, found: dict[str, Any]) -> Measured:
        return cls(**{**found, "steps": Steps(**found["steps"])})


def of_job(job: EncoderJob) -> Estimate:
    """What the job will take on this machine.

    Raises:
        MethodError: the encoder cannot be tuned, or its process was killed for want of memory.
    """
    measured = kept(job.models_home, key_of(job), lambda: said_by("training.encoder", job))
    return estimate(job, Measured.from_json(measured), free_mb(device.kind()))


def estimate(job: EncoderJob, measured: Measured, free: float | None) -> Estimate:
    """A pure function of the job, what was measured, and the free memory in MB."""
    from training.encoder.loop import batches_of

    epochs, tokens = early.last_epoch(job.settings), dict(zip((row.id for row in job.train), measured.train_tokens, strict=True))
    batches = batches_of(job.train, job.settings.batch_size, job.settings.seed, 1)
    a_token, validation = measured.read_s / measured.read_tokens, sum(measured.validation_tokens)
    first = a_token * (sum(measured.train_tokens) + validation) + measured.head_s / measured.head_rows * len(job.train)
    an_epoch = sum(step_s(measured.steps, max(tokens[row.id] for row in rows) * len(rows)) for rows in batches)
    an_epoch += a_token * validation + measured.save_s
    return Estimate(
        seconds=round(measured.steps.load_s + first + epochs * an_epoch, 1),
        steps=epochs * len(batches),
        tokens=epochs * sum(measured.train_tokens),
        supervised=None,
        peak_memory_mb=measured.steps.long_mb,
        free_memory_mb=free,
        remedy=remedy(measured.steps, free, max(measured.train_tokens)),
    )


def remedy(steps: Steps, free: float | None, longest: int) -> str:
    """Which setting to change where the measured peak does not fit; "" where it does."""
    if free is None or steps.long_mb <= ROOM * free:
        return ""
    rows, needed = fitting(steps, free)
    if rows:
        return f"Set batch_size to {rows}: that needs about {needed:,.0f} MB; smaller steps, so the weights become others."
    return f"Even one row of {longest} tokens needs {steps.row_mb:,.0f} MB: name a smaller encoder (model.embedder)."


def key_of(job: EncoderJob) -> str:
    """Hash of what reading and steps depend on: encoder, settings, rows, libraries and machine."""
    settings = {name: value for name, value in job.settings.model_dump(mode="json").items() if name not in WITHOUT_COST}
    rows = [[row.text, row.label] for row in (*job.train, *job.validation)]
    encoder = embedder_key(job.embedder, job.models_home)
    return fingerprint([STAGE, encoder, job.threads, settings, len(job.train), rows, versions.libraries(), machine()])


def measure(job: EncoderJob) -> Measured:
    """Load, read, fit, step and save, in this process; its memory is what is measured."""
    begun = time.monotonic()
    from training.encoder.loop import Run

    with tempfile.TemporaryDirectory() as folder:
        run = Run(job.model_copy(update={"out": Path(folder)}))
        load_s = time.monotonic() - begun
        tokens = [run.model.lengths([row.text for row in rows]) for rows in (job.train, job.validation)]
        places = spread([row.label for row in job.train], SAMPLE)
        sample = [job.train[place] for place in places]
        run.model.embedded([sample[0].text])  # whatever is made ready at the first call
        begun = time.monotonic()
        vectors = run.model.embedded([row.text for row in sample])
        read_s, begun = time.monotonic() - begun, time.monotonic()
        rows = Rows(vectors, [row.label for row in sample])
        fit_best(rows, rows if job.validation else Rows(vectors[:0], []), len(job.labels), None, job.settings.balance)
        head_s = time.monotonic() - begun
        steps = four_steps(run, job.train, tokens[0], load_s)
        begun = time.monotonic()
        run.save(1)
        save_s = time.monotonic() - begun
    read_tokens = sum(tokens[0][place] for place in places)
    return Measured(steps, read_s, read_tokens, head_s, len(sample), save_s, tuple(tokens[0]), tuple(tokens[1]))


def four_steps(run: Run, rows: Sequence[TextRow], tokens: Sequence[int], load_s: float) -> Steps:
    """Steps of the longest row alone, of a batch of it, of a typical one, and of the long one again, whose time counts."""
    place = device.kind()
    order = sorted(range(len(rows)), key=lambda at: tokens[at])
    size, long, typical = min(run.settings.batch_size, len(rows)), order[-1], order[len(order) // 2]
    seconds: dict[tuple[int, int], float] = {}
    peaks: dict[tuple[int, int], float] = {}
    for row, count in ((long, 1), (long, size), (typical, size), (long, size)):
        begun = time.monotonic()
        run.step([rows[row]] * count)
        seconds[row, count] = time.monotonic() - begun
        peaks[row, count] = peak_mb(place)
        reset_peak(place)
    most = max(peaks.values())
    return Steps(
        round(load_s, 3),
        seconds[long, size],
        seconds[typical, size],
        tokens[long] * size,
        tokens[typical] * size,
        size,
        min(peaks[long, 1], most),
        most,
    )
