"""`python -m training SPEC [--estimate]`: run one fine-tune job. Prints one JSON line an event on stdout; the weights land in the job's `out` folder.

It ends by itself when the process that started it is gone, so that a killed comparison leaves nothing running. On TERM or Ctrl-C it ends with 130
and keeps the best finished epoch as weights beside `stopped.json`; the same command goes on from the last checkpoint.
Several GPUs or machines: `torchrun --nproc_per_node 2 -m training SPEC`, the same SPEC; the first process alone writes and prints.
With `--estimate` it trains nothing: it takes a step or two and prints what the whole job would need, and which setting to change where that
is more than there is.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from core import memory
from core.errors import BakeoffError, MethodError
from core.specs import read_spec
from training.job import TrainingJob
from training.job_file import read_json

STOPPED = 130
ESTIMATE = "--estimate"


def read_job(path: Path) -> TrainingJob:
    """Raises:
    PlanError: no such file, not JSON, or not a job.
    """
    form = "{base, models_home, kind, settings, train, validation, out}"
    return read_spec(TrainingJob, read_json(path, "training job", form), "job")


def main(arguments: list[str]) -> int:
    paths = [argument for argument in arguments if argument != ESTIMATE]
    if len(paths) != 1 or paths[0] in {"-h", "--help"}:
        print(__doc__, file=sys.stderr)
        return 0 if paths[:1] in (["-h"], ["--help"]) else 2
    job: TrainingJob | None = None
    try:
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        memory.go_first()
        job = read_job(Path(paths[0]))
        return estimated(job) if ESTIMATE in arguments else trained(job)
    except BakeoffError as error:
        tell("Failed", {"message": error.message, "remedy": error.remedy})
        return error.exit_code
    except KeyboardInterrupt:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        if job is not None and ESTIMATE not in arguments:
            stopped(job)
        return STOPPED


def is_first() -> bool:
    return os.environ.get("RANK", "0") == "0"


def trained(job: TrainingJob) -> int:
    from training.loop import train

    parent = os.getppid()
    job.out.mkdir(parents=True, exist_ok=True)
    with enough_memory(job):
        for event in train(job):
            tell(type(event).__name__, asdict(event))
            if os.getppid() != parent:
                return STOPPED
    return 0


@contextmanager
def enough_memory(job: Any) -> Iterator[None]:
    """Raises:
    MethodError: the device has no memory left, with the setting to change.
    """
    from models.base import OutOfMemory
    from models.decoding import memory_errors
    from training.launch import smaller

    try:
        with memory_errors():
            yield
    except OutOfMemory as error:
        raise MethodError("There is no memory left for a training step.", smaller(job.settings)) from error


def stopped(job: TrainingJob) -> None:
    """Make what was trained so far usable."""
    from training.stopping import keep

    kept = keep(job.out, job.base.id, job.settings) if is_first() else None
    if kept is not None:
        tell("Stopped", kept._asdict())


def estimated(job: TrainingJob) -> int:
    from models import device
    from models.memory import free_mb
    from training.estimate import as_json, estimate, measure

    free = free_mb(device.kind())
    with enough_memory(job):
        measured = measure(job)
    tell("Measured", asdict(measured))
    tell("Estimate", as_json(estimate(job, measured, free)))
    return 0


def tell(event: str, fields: dict[str, Any]) -> None:
    """One line; of several processes the first one speaks for all."""
    if is_first():
        print(json.dumps({"event": event, **fields}), flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
