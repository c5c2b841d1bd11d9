"""`python -m training.preference SPEC`: run one preference job. Prints one JSON line an event on stdout; weights land in the job's `out` folder.

A job that was killed goes on from its last whole checkpoint. It ends by itself when the process that started it is gone, so that a killed
comparison leaves nothing running. On TERM or Ctrl-C it ends with 130, and DPO and GRPO keep the best weights so far beside `stopped.json`.
With `--estimate` it takes a few steps of DPO or GRPO and prints what they took; nothing is kept of them.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from core import memory
from core.errors import BakeoffError, Cancelled, PlanError
from core.specs import read_spec
from training.__main__ import ESTIMATE, STOPPED, enough_memory
from training.events import Finding
from training.job_file import read_json
from training.preference.events import Epoch, Step, Tell
from training.preference.job import JOBS, AnyJob, DpoJob, GrpoJob

Say = Callable[[str, dict[str, Any]], None]
"""Prints an event."""


def read_job(path: Path) -> AnyJob:
    """Raises:
    PlanError: no such file, not JSON, or not a job.
    """
    data = read_json(path, "preference job", f"{{task, base, …}}; tasks: {', '.join(JOBS)}")
    task = str(data.get("task")) if isinstance(data, dict) else ""
    if task not in JOBS:
        raise PlanError(f"job.task must be one of {', '.join(JOBS)}; got '{task}'.", "Say which of them this job is.")
    return read_spec(JOBS[task], data, "job")


def run(job: AnyJob, tell: Tell) -> None:
    """Do the job, unless an earlier attempt finished it.

    Raises:
        BakeoffError: it cannot be done; says why.
    """
    from training import checkpoints
    from training.preference import dpo, grpo, reward

    job.out.mkdir(parents=True, exist_ok=True)
    if checkpoints.is_finished(job.out):
        return
    tasks: dict[str, Callable[[Any, Tell], None]] = {"dpo": dpo.train, "reward": reward.train, "grpo": grpo.train}
    tasks[job.task](job, tell)


def main(arguments: list[str]) -> int:
    paths = [argument for argument in arguments if argument != ESTIMATE]
    if len(paths) != 1 or paths[0] in {"-h", "--help"}:
        print(__doc__, file=sys.stderr)
        return 0 if paths[:1] in (["-h"], ["--help"]) else 2
    out, sys.stdout = sys.stdout, sys.stderr  # trl prints, and stdout is for events alone

    def say(event: str, fields: dict[str, Any]) -> None:
        print(json.dumps({"event": event, **fields}), file=out, flush=True)

    job: AnyJob | None = None
    try:
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        memory.go_first()
        job = read_job(Path(paths[0]))
        estimated(job, say) if ESTIMATE in arguments else trained(job, say)
    except BakeoffError as error:
        if not isinstance(error, Cancelled):
            say("Failed", {"message": error.message, "remedy": error.remedy})
        return error.exit_code
    except KeyboardInterrupt:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        if isinstance(job, DpoJob | GrpoJob) and ESTIMATE not in arguments:
            stopped(job, say)
        return STOPPED
    return 0


def trained(job: AnyJob, say: Say) -> None:
    parent = os.getppid()

    def tell(event: Step | Epoch | Finding) -> None:
        say(type(event).__name__, asdict(event))
        if os.getppid() != parent:
            raise Cancelled("The process that started this job is gone.")

    with enough_memory(job):
        run(job, tell)


def stopped(job: DpoJob | GrpoJob, say: Say) -> None:
    """Make what was trained so far usable."""
    from training.preference.stopping import keep

    kept = keep(job.out, job.base.id, job.settings)
    if kept is not None:
        say("Stopped", kept._asdict())


def estimated(job: AnyJob, say: Say) -> None:
    """Raises:
    PlanError: it is a job of the reward model.
    """
    from training.preference.estimate import measure

    if not isinstance(job, DpoJob | GrpoJob):
        raise PlanError(f"A {job.task} job is not estimated.", "Name one of dpo or grpo.")
    with enough_memory(job):
        say("Measured", asdict(measure(job)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
