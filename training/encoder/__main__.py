"""`python -m training.encoder SPEC [--estimate]`: tune one encoder. Prints one JSON line an event on stdout; the weights land in the job's `out` folder.

It ends by itself when the process that started it is gone, so that a killed comparison leaves nothing running. On TERM or Ctrl-C it ends with 130
and keeps the best finished epoch as weights beside `stopped.json`; the same command goes on from the last checkpoint.
With `--estimate` it trains nothing: it takes a few steps and prints what they took.
"""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import asdict
from pathlib import Path

from core import memory
from core.errors import BakeoffError
from core.specs import read_spec
from training.__main__ import ESTIMATE, STOPPED, enough_memory, tell
from training.encoder.job import EncoderJob
from training.job_file import read_json


def read_job(path: Path) -> EncoderJob:
    """Raises:
    PlanError: no such file, not JSON, or not a job.
    """
    form = f"{{{', '.join(EncoderJob.model_fields)}}}"
    return read_spec(EncoderJob, read_json(path, "encoder job", form), "job")


def main(arguments: list[str]) -> int:
    paths = [argument for argument in arguments if argument != ESTIMATE]
    if len(paths) != 1 or paths[0] in {"-h", "--help"}:
        print(__doc__, file=sys.stderr)
        return 0 if paths[:1] in (["-h"], ["--help"]) else 2
    job: EncoderJob | None = None
    try:
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        memory.go_first()
        job = read_job(Path(paths[0]))
        with enough_memory(job):
            return estimated(job) if ESTIMATE in arguments else tuned(job)
    except BakeoffError as error:
        tell("Failed", {"message": error.message, "remedy": error.remedy})
        return error.exit_code
    except KeyboardInterrupt:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        if job is not None and ESTIMATE not in arguments:
            stopped(job)
        return STOPPED


def tuned(job: EncoderJob) -> int:
    from training.encoder.loop import tune

    parent = os.getppid()
    job.out.mkdir(parents=True, exist_ok=True)
    for event in tune(job):
        tell(type(event).__name__, {"epoch": 0, **asdict(event)})  # a finding's epoch is not told
        if os.getppid() != parent:
            return STOPPED
    return 0


def stopped(job: EncoderJob) -> None:
    """Make what was tuned so far usable."""
    from training.encoder.keeping import keep

    kept = keep(job.out, job.settings)
    if kept is not None:
        tell("Stopped", kept._asdict())


def estimated(job: EncoderJob) -> int:
    from training.encoder.estimate import measure

    tell("Measured", asdict(measure(job)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
