"""Run a fine-tune job in a process of its own: its memory is its own, and a killed trainer does not take the comparison along."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from core.errors import MethodError
from core.files import write_whole
from training.encoder.job import EncoderJob
from training.job import TrainingJob
from training.preference.job import AnyJob, PreferenceJob

ROOT = Path(__file__).resolve().parent.parent
KILLED, STOPPED = -9, 130
PROCESSES = "BAKEOFF_PROCESSES"


def run_job(job: TrainingJob | EncoderJob | AnyJob) -> Iterator[dict[str, Any]]:
    """Start `python -m training` (or `training.encoder`, `training.preference`) and yield its events as they come; see their loops.

    The trainer stays in the caller's process group, so that stopping the group stops it.

    Raises:
        MethodError: the trainer failed, or was killed.
    """
    spec = job.out / "job.json"
    job.out.mkdir(parents=True, exist_ok=True)
    write_whole(spec, job.model_dump_json())
    log_path = job.out / "trainer.log"
    module = "training.encoder" if isinstance(job, EncoderJob) else "training.preference" if isinstance(job, PreferenceJob) else "training"
    failure: MethodError | None = None
    with log_path.open("w") as log:
        process = subprocess.Popen(command(module, spec), cwd=ROOT, stdout=subprocess.PIPE, stderr=log, text=True)
        try:
            assert process.stdout is not None  # asked for with PIPE
            for line in process.stdout:
                event: dict[str, Any] = json.loads(line)
                if event["event"] == "Failed":
                    failure = MethodError(event["message"], event["remedy"])
                else:
                    yield event
        finally:
            if process.poll() is None and sys.exc_info()[0] is not None:
                process.terminate()
            code = process.wait()
    if failure or code:
        raise failure or ended_without_a_word(code, log_path.read_text(errors="replace"), job.settings)
    spec.unlink()
    log_path.unlink()


def command(module: str, spec: Path) -> list[str]:
    """What starts a trainer; under torchrun where BAKEOFF_PROCESSES says how many processes share a fine-tune, for as many GPUs.

    Raises:
        MethodError: that is no number of processes.
    """
    told = os.environ.get(PROCESSES, "1")
    if not told.isdecimal() or not 1 <= int(told) <= 1024:
        raise MethodError(f"{PROCESSES} must be a number of processes from 1 to 1024; got {told[:40]!r}.", "Set it to the number of GPUs.")
    several = int(told) > 1 and module == "training"
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", told] if several else []
    return [sys.executable, *launcher, "-m", module, str(spec)]


def ended_without_a_word(code: int, log: str, settings: Any) -> MethodError:
    """The error for a trainer that ended without saying why.

    Args:
        code: its exit code; minus the signal's number where one ended it.
        log: what it wrote on stderr.
        settings: of its job, for the one to change.
    """
    if code == KILLED:
        return MethodError("The trainer was killed (out of memory?).", smaller(settings))
    if code == STOPPED:
        return MethodError("The trainer was stopped from outside.", "Run it again; it goes on from its last checkpoint.")
    last = ([line for line in log.splitlines() if line.strip()] or ["no message"])[-1]
    return MethodError(f"The trainer ended with exit code {code}: {last[:300]}", "The whole log stands beside the weights in trainer.log.")


def smaller(settings: Any) -> str:
    """The setting to change where memory ran out: first what changes no result."""
    micro = "micro_batch_size" in type(settings).model_fields
    at_once = (getattr(settings, "micro_batch_size", None) or settings.batch_size) if micro else settings.batch_size
    if at_once > 1:
        name, aside = ("micro_batch_size", ", which changes no result") if micro else ("batch_size", "")
        return f"Set {name} to {at_once // 2} (it computes {at_once} rows at once now){aside}."
    return "Lower max_tokens, take a kind that trains fewer weights, or choose a smaller model."
