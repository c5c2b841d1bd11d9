"""`python -m training.encoder SPEC`: tune one encoder. Prints one JSON line an event on stdout; the weights land in the job's `out` folder.

It ends by itself when the process that started it is gone, so that a killed comparison leaves nothing running.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path

from core.errors import BakeoffError, PlanError
from core.specs import read_spec
from training.encoder.job import EncoderJob


def read_job(path: Path) -> EncoderJob:
    """Raises:
    PlanError: no such file, not JSON, or not a job.
    """
    try:
        return read_spec(EncoderJob, json.loads(path.read_text()), "job")
    except FileNotFoundError as error:
        raise PlanError(f"There is no encoder job at {path}.", "Name the JSON file that describes it.") from error
    except json.JSONDecodeError as error:
        fields = ", ".join(EncoderJob.model_fields)
        raise PlanError(f"The encoder job {path.name} is not JSON: {error}.", f"Write it as {{{fields}}}.") from error


def main(arguments: list[str]) -> int:
    if len(arguments) != 1 or arguments[0] in {"-h", "--help"}:
        print(__doc__, file=sys.stderr)
        return 0 if arguments[:1] in (["-h"], ["--help"]) else 2
    parent = os.getppid()
    try:
        job = read_job(Path(arguments[0]))
        from training.encoder.loop import tune

        job.out.mkdir(parents=True, exist_ok=True)
        for event in tune(job):
            print(json.dumps({"event": type(event).__name__, **asdict(event)}), flush=True)
            if os.getppid() != parent:
                return 130
    except BakeoffError as error:
        print(json.dumps({"event": "Failed", "message": error.message, "remedy": error.remedy}), flush=True)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
