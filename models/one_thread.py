"""An iterator that runs in one thread from its first step to its last, whoever takes its steps.

The page takes each step of a streamed answer in whichever thread is free, and drops the answer when somebody presses Stop. A lock and
torch's inference mode belong to a thread, though: begun in one and ended in another, they would stay behind and hold up the next question.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from queue import SimpleQueue
from typing import NamedTuple, TypeVar

T = TypeVar("T")


class _End(NamedTuple):
    """Nothing more will come; `error` is what ended it, or None."""

    error: BaseException | None


def in_one_thread(make: Callable[[], Generator[T, None, None]]) -> Iterator[T]:
    """What the generator gives, in order. It is closed in its own thread at the step after this iterator was closed.

    Raises:
        BaseException: whatever the generator raised.
    """
    given: SimpleQueue[T | _End] = SimpleQueue()
    dropped = threading.Event()

    def work() -> None:
        try:
            with closing(make()) as steps:
                for step in steps:
                    if dropped.is_set():
                        return
                    given.put(step)
        except BaseException as error:
            given.put(_End(error))
        else:
            given.put(_End(None))

    threading.Thread(target=work, name="streamed answer", daemon=True).start()
    try:
        while not isinstance(step := given.get(), _End):
            yield step
        if step.error is not None:
            raise step.error
    finally:
        dropped.set()
