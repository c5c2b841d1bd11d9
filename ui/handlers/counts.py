"""How much a task holds, rows by split and documents, and what it would run on."""

from __future__ import annotations

from dataclasses import replace

from core.errors import BakeoffError
from models import device
from ui.context import Context
from ui.handlers import taskdata
from ui.task import Task


def counted(ctx: Context, task: Task) -> Task:
    """The task with its counts; where the data cannot be read it has none, and the Data tab says why."""
    if not task.ready:
        return task
    try:
        counts = taskdata.counts(task)
    except BakeoffError:
        return task
    return replace(task, counts=counts)


def machine(task: Task) -> str:
    """What a run of the task would compute on: "CPU, 2 threads"."""
    if not task.ready:
        return ""
    if device.kind() != "cpu":
        return "GPU"
    threads = task.model.get("threads") or device.free_cores()
    return f"CPU, {threads} thread" + ("s" if threads != 1 else "")
