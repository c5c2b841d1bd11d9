"""Which answers somebody has stopped. A question gets a ticket when it is asked, and looks at every step whether its ticket was called off.

Gradio can cancel an event as well, but its page then sometimes marks the answer with "Error", and a question that is ended by itself also
tidies up by itself.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from typing import Any

KEPT = 1000
EVERY_S = 0.25


class Stops:
    """Tickets that were called off, the last thousand of them. Tickets are random, so nobody can stop somebody else's answer."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._called_off: dict[str, None] = {}

    def ticket(self) -> str:
        return secrets.token_hex(16)

    def call_off(self, ticket: str) -> None:
        with self._lock:
            self._called_off[ticket] = None
            while len(self._called_off) > KEPT:
                del self._called_off[next(iter(self._called_off))]

    def until(self, ticket: str, begin: Callable[[], Generator[Any, None, None]]) -> Iterator[Any]:
        """The steps of an answer, until its ticket is called off; one that waited for its turn does not begin then.

        Steps that follow within `EVERY_S` are passed over, but for the last: a small model writes faster than a browser can redraw, which
        then takes no click either.
        """
        if ticket in self._called_off:
            return
        shown, passed_over = -EVERY_S, list[Any]()
        with closing(begin()) as steps:
            for step in steps:
                if ticket in self._called_off:
                    return
                passed_over = [step]
                if time.monotonic() - shown >= EVERY_S:
                    yield step
                    shown, passed_over = time.monotonic(), []
        yield from passed_over
