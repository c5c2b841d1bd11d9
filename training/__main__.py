"""`python -m training SPEC`: run one fine-tune job. Prints one JSON line an event on stdout; the weights land in the job's `out` folder.

It ends by itself when the process that started it is gone, so that a killed comparison leaves nothing running.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from core.errors import BakeoffError, PlanError
from core.specs import read_spec
from training.job import TrainingJob


def read_job(path: Path) -> TrainingJob:
    """Raises:
    PlanError: no such file, not JSON, or not a job.
    """
    try:
        data: Any = json.loads(path.read_text())
    except FileNotFoundError as error:
        raise PlanError(f"There is no training job at {path}.", "Name the JSON file that describes it.") from error
    except json.JSONDecodeError as error:
        raise PlanError(
            f"The training job {path.name} is not JSON: {error}.",
            "Write it as {base, models_home, kind, settings, train, validation, out}.",
        ) from error
    return read_spec(TrainingJob, data, "job")


def main(arguments: list[str]) -> int:
    if len(arguments) != 1 or arguments[0] in {"-h", "--help"}:
        print(__doc__, file=sys.stderr)
        return 0 if arguments[:1] in (["-h"], ["--help"]) else 2
    parent = os.getppid()
    try:
        job = read_job(Path(arguments[0]))
        from training.loop import train

        job.out.mkdir(parents=True, exist_ok=True)
        for event in train(job):
            print(json.dumps({"event": type(event).__name__, **asdict(event)}), flush=True)
            if os.getppid() != parent:
                return 130
    except BakeoffError as error:
        print(json.dumps({"event": "Failed", "message": error.message, "remedy": error.remedy}), flush=True)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
