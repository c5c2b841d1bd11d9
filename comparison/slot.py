"""One comparison computes at a time in a store: two would fight for the same cores and spoil each other's times.

The lock is the kernel's (`flock`), so a killed holder frees it. Who waits longest goes first, which the queue in the database says.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from types import TracebackType

from comparison import jobs, lost
from comparison.events import Queued
from comparison.store import Store

LOOK_EVERY_S = 0.2


class Slot:
    """The store's compute slot, held until `close` or the end of the process."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._handle = os.open(store.root / "slot.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)

    def wait(self, comparison_id: str) -> Iterator[Queued]:
        """Wait in line; tells its place whenever that changes. Afterwards the slot is held and the job is running.

        Raises:
            Cancelled: the job was taken back while it waited.
        """
        told = 0
        while True:
            queue = jobs.waiting(self.store)
            place = queue.index(comparison_id) + 1 if comparison_id in queue else 1
            if place == 1 and self._try():
                break
            if place != told:
                told = place
                yield Queued(place)
            time.sleep(LOOK_EVERY_S)
        jobs.claim(self.store, comparison_id)
        lost.end_orphans(self.store)
        jobs.set_running(self.store, comparison_id)

    def _try(self) -> bool:
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def close(self) -> None:
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    def __enter__(self) -> Slot:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
