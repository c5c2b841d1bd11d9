"""The trainer in the test's own process: the same loop, without the seconds that another process needs to start."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from training.job import TrainingJob
from training.loop import train


def train_here(job: TrainingJob) -> Iterator[dict[str, Any]]:
    """What `training.launch.run_job` yields for the job; put it in the place of `adapters.tuned.run_job`."""
    job.out.mkdir(parents=True, exist_ok=True)
    for event in train(job):
        yield {"event": type(event).__name__, **asdict(event)}
