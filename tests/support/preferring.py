"""A preference job whose events are taken one by one, as a supervised job's are."""

from __future__ import annotations

from collections.abc import Iterator
from queue import SimpleQueue
from threading import Semaphore, Thread
from typing import Any

from core.errors import Cancelled
from training.preference.__main__ import run
from training.preference.job import AnyJob


def train(job: AnyJob) -> Iterator[Any]:
    """A job's events one by one: it waits until the next one is asked for, and ends where nobody asks for it any more."""
    told: SimpleQueue[Any] = SimpleQueue()
    asked, gone = Semaphore(0), []

    def tell(event: Any) -> None:
        told.put(event)
        asked.acquire()
        if gone:
            raise Cancelled("stop")

    def work() -> None:
        asked.acquire()
        try:
            run(job, tell)
            told.put(None)
        except Exception as error:
            told.put(error)

    worker = Thread(target=work, daemon=True)
    worker.start()
    try:
        while True:
            asked.release()
            event = told.get()
            if isinstance(event, Exception):
                raise event
            if event is None:
                return
            yield event
    finally:
        gone.append(True)
        asked.release()
        worker.join()
