"""Which answers somebody has stopped. A question gets a ticket when it is asked, and looks at every step whether its ticket was called off.

Gradio can cancel an event as well, but its page then sometimes marks the answer with "Error", and a question that is ended by itself also
tidies up by itself.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from typing import Any

KEPT = 1000


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
        """The steps of an answer, until its ticket is called off; one that waited for its turn does not begin then."""
        if ticket in self._called_off:
            return
        with closing(begin()) as steps:
            for step in steps:
                if ticket in self._called_off:
                    return
                yield step
