"""What a run on preferences will take before it is begun, from steps that were really taken on this machine; see `training.estimate`.

A process of its own loads the model and takes three steps, through trl and in this order: on the longest pairs (or prompts), on typical ones, and
on the longest again, whose time counts. DPO's seconds lie on a straight line over padded tokens, as a supervised run's do. GRPO spends its time on
drawing answers, which are as long as the untrained model makes them: its steps are counted at the typical one's length.
"""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from core import versions
from core.fingerprint import fingerprint
from models import device
from models.memory import free_mb, peak_mb, reset_peak
from training.estimate import ROOM, VALIDATION_SHARE, WITHOUT_COST, Estimate, Measured, kept, machine, said_by, step_s
from training.events import Finding
from training.launch import smaller
from training.preference.dpo import fitting
from training.preference.events import Epoch, Step
from training.preference.job import DpoJob, GrpoJob, PairRow
from training.preference.stopping import last_of

STAGE = "1"
"""Bumped by hand when the same job is measured in another way."""
STEPS = 3
FREE = (*WITHOUT_COST, "steps", "kl", "beta", "temperature")
"""Settings that do not change what a step costs, or by a little."""


def of_job(job: DpoJob | GrpoJob) -> Estimate:
    """What the job will take on this machine.

    Raises:
        MethodError: it cannot be trained, or its process was killed for want of memory.
    """
    measured = Measured(**kept(job.models_home, key_of(job), lambda: said_by("training.preference", job)))
    return estimate(job, measured, free_mb(device.kind()))


def estimate(job: DpoJob | GrpoJob, measured: Measured, free: float | None) -> Estimate:
    """A pure function of the job, what was measured, and the free memory in MB."""
    found = _of_pairs(job, measured) if isinstance(job, DpoJob) else _of_prompts(job, measured)
    seconds, steps, tokens, answers = found
    fits = free is None or measured.long_mb <= ROOM * free
    return Estimate(
        seconds=round(measured.load_s + seconds, 1),
        steps=steps,
        tokens=tokens,
        supervised=answers,
        peak_memory_mb=measured.long_mb,
        free_memory_mb=free,
        remedy="" if fits else smaller(job.settings),
    )


def _of_pairs(job: DpoJob, measured: Measured) -> tuple[float, int, int, int]:
    """Seconds, steps, tokens and answers' tokens, in batches that are mixed as trl mixes them, if not in its very order."""
    rows, _ = fitting(job.train, job.settings.max_tokens)
    held_out, _ = fitting(job.held_out, job.settings.max_tokens, needed=False)
    size, epochs = job.settings.batch_size, last_of(job.settings)
    mixed = random.Random(job.settings.seed).sample(rows, len(rows))
    batches = [mixed[start : start + size] for start in range(0, len(mixed), size)]
    an_epoch = sum(step_s(measured, padded(batch)) for batch in batches)
    an_epoch += VALIDATION_SHARE * sum(step_s(measured, padded([row])) for row in held_out)
    answers = sum(len(row.chosen_ids) + len(row.rejected_ids) for row in rows)
    tokens = answers + sum(2 * len(row.prompt_ids) for row in rows)
    return epochs * an_epoch, epochs * len(batches), epochs * tokens, epochs * answers


def _of_prompts(job: GrpoJob, measured: Measured) -> tuple[float, int, int, int]:
    """The same, of answers that are as long as they may be."""
    steps, each = last_of(job.settings), job.settings.batch_size * job.settings.answers
    prompt = sum(len(row.prompt_ids) for row in job.prompts) / len(job.prompts)
    answers = steps * each * job.max_new_tokens
    return steps * measured.typical_s, steps, round(steps * each * prompt) + answers, answers


def padded(rows: Sequence[PairRow]) -> int:
    """Tokens of a batch of both answers to these prompts, padding included."""
    return 2 * len(rows) * max(row.length for row in rows)


def measure(job: DpoJob | GrpoJob) -> Measured:
    """Take the steps, in this process; its memory is what is measured.

    Raises:
        MethodError: as `training.preference.dpo` and `training.preference.grpo`.
    """
    from training.preference import dpo, grpo

    place, begun = device.choose(job.base.dtype, job.base.threads).device, time.monotonic()
    seconds: list[float] = []
    peaks: list[float] = []

    def tell(event: Step | Epoch | Finding) -> None:
        nonlocal begun
        if isinstance(event, Step):
            now = time.monotonic()
            seconds.append(now - begun)
            peaks.append(peak_mb(place))
            reset_peak(place)
            begun = time.monotonic()

    with tempfile.TemporaryDirectory() as folder:
        if isinstance(job, DpoJob):
            pairs, tokens = trial_of_pairs(job, Path(folder))
            dpo.train(pairs, tell, in_order=True)
        else:
            prompts, tokens = trial_of_prompts(job, Path(folder))
            grpo.train(prompts, tell, in_order=True)
    first, typical, long = seconds
    return Measured(round(max(first - long, 0.0), 3), long, typical, *tokens, job.settings.batch_size, max(peaks), max(peaks))


def trial_of_pairs(job: DpoJob, out: Path) -> tuple[DpoJob, tuple[int, int]]:
    """A job of the steps that are measured, and the padded tokens of a long and of a typical one."""
    rows = sorted(fitting(job.train, job.settings.max_tokens)[0], key=lambda row: row.length)
    size = min(job.settings.batch_size, len(rows))
    train = _in_turn(rows, size)
    settings = job.settings.model_copy(update={"epochs": 1, "stop_after": None, "batch_size": size})
    trial = job.model_copy(update={"train": train, "held_out": (), "settings": settings, "out": out})
    return trial, (padded(train[:size]), padded(train[size : 2 * size]))


def trial_of_prompts(job: GrpoJob, out: Path) -> tuple[GrpoJob, tuple[int, int]]:
    """The same for policy optimisation; its tokens are those of the prompts."""
    rows = sorted(job.prompts, key=lambda row: len(row.prompt_ids))
    size = job.settings.batch_size
    prompts = _in_turn(rows, size)
    settings = job.settings.model_copy(update={"steps": STEPS, "stop_after": None})
    trial = job.model_copy(update={"prompts": prompts, "settings": settings, "out": out})
    each = size * job.settings.answers
    return trial, (each * len(prompts[0].prompt_ids), each * len(prompts[size].prompt_ids))


def _in_turn(rows: Sequence[Any], size: int) -> tuple[Any, ...]:
    """Copies of the longest row, of a typical one, and of the longest again, `size` of each. Rows are sorted by length."""
    copies = [rows[-1]] * size + [rows[len(rows) // 2]] * size + [rows[-1]] * size
    return tuple(row.model_copy(update={"id": f"{place:06d}"}) for place, row in enumerate(copies))


def key_of(job: DpoJob | GrpoJob) -> str:
    """Hash of what a step's seconds and memory depend on: model, settings, lengths, libraries and machine."""
    settings = {name: value for name, value in job.settings.model_dump(mode="json").items() if name not in FREE}
    if isinstance(job, DpoJob):
        lengths = sorted(row.length for row in fitting(job.train, job.settings.max_tokens)[0])
        shape = [min(job.settings.batch_size, len(lengths)), 0]
    else:
        lengths = sorted(len(row.prompt_ids) for row in job.prompts)
        shape = [job.settings.batch_size, job.max_new_tokens]
    shape += [lengths[-1], lengths[len(lengths) // 2], int(job.start is not None)]
    return fingerprint([STAGE, job.task, job.base.model_dump(mode="json"), settings, shape, versions.libraries(), machine()])
