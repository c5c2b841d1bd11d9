"""What a compute engine must do: start the command of a job, and end all of it."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple, Protocol


class Handle(NamedTuple):
    """How a started job is recognised later, by any process. `pid` 0 means that it could not be started."""

    pid: int
    mark: str


class Engine(Protocol):
    """Starts jobs that outlive whoever started them."""

    def start(self, command: list[str], log: Path) -> Handle:
        """Run a command in a process group of its own; what it prints goes to `log`.

        Raises:
            StoreError: it could not be started.
        """
        ...

    def alive(self, handle: Handle) -> bool:
        """Whether that very job still runs."""
        ...

    def stop(self, handle: Handle) -> bool:
        """End the job and all of its children; True once nobody is left, within 10 s."""
        ...
