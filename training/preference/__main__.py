"""`python -m training.preference SPEC`: run one preference job. Prints one JSON line an event on stdout; weights land in the job's `out` folder.

A job that was killed begins anew: these trainings are short, and half of one is worth nothing. It ends by itself when the process that
started it is gone, so that a killed comparison leaves nothing running.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from core.errors import BakeoffError, Cancelled, PlanError
from core.specs import read_spec
from training.preference.events import Epoch, Step, Tell
from training.preference.job import JOBS, AnyJob


def read_job(path: Path) -> AnyJob:
    """Raises:
    PlanError: no such file, not JSON, or not a job.
    """
    try:
        data: Any = json.loads(path.read_text())
    except FileNotFoundError as error:
        raise PlanError(f"There is no preference job at {path}.", "Name the JSON file that describes it.") from error
    except json.JSONDecodeError as error:
        raise PlanError(
            f"The preference job {path.name} is not JSON: {error}.", f"Write it as {{task, base, …}}; tasks: {', '.join(JOBS)}."
        ) from error
    task = str(data.get("task")) if isinstance(data, dict) else ""
    if task not in JOBS:
        raise PlanError(f"job.task must be one of {', '.join(JOBS)}; got '{task}'.", "Say which of them this job is.")
    return read_spec(JOBS[task], data, "job")


def run(job: AnyJob, tell: Tell) -> None:
    """Do the job, unless an earlier attempt finished it.

    Raises:
        BakeoffError: it cannot be done; says why.
    """
    from training.preference import dpo, grpo, reward

    job.out.mkdir(parents=True, exist_ok=True)
    if (job.out / "training.json").is_file():
        return
    tasks: dict[str, Callable[[Any, Tell], None]] = {"dpo": dpo.train, "reward": reward.train, "grpo": grpo.train}
    tasks[job.task](job, tell)


def main(arguments: list[str]) -> int:
    if len(arguments) != 1 or arguments[0] in {"-h", "--help"}:
        print(__doc__, file=sys.stderr)
        return 0 if arguments[:1] in (["-h"], ["--help"]) else 2
    parent, out = os.getppid(), sys.stdout
    sys.stdout = sys.stderr  # trl prints, and stdout is for events alone

    def tell(event: Step | Epoch) -> None:
        print(json.dumps({"event": type(event).__name__, **asdict(event)}), file=out, flush=True)
        if os.getppid() != parent:
            raise Cancelled("The process that started this job is gone.")

    try:
        run(read_job(Path(arguments[0])), tell)
    except BakeoffError as error:
        if not isinstance(error, Cancelled):
            print(json.dumps({"event": "Failed", "message": error.message, "remedy": error.remedy}), file=out, flush=True)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
