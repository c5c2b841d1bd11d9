"""Jobs as process groups of this machine. The command is a list of arguments and never goes through a shell."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from comparison import judge_key, process
from comparison.engines.base import Handle
from core.errors import StoreError

ROOT = Path(__file__).resolve().parents[2]


class LocalEngine:
    """See `Engine`.

    Args:
        environment: what a job gets beside this process's environment; None takes a variable out. A key for a judge's endpoint goes this way,
            since no file keeps it; this process's own is never passed on.
    """

    environment: Mapping[str, str | None] = MappingProxyType({})

    def __init__(self, environment: Mapping[str, str | None] | None = None) -> None:
        if environment is not None:
            self.environment = environment

    def start(self, command: list[str], log: Path) -> Handle:
        wanted = {**os.environ, judge_key.KEY: None, **self.environment}
        given = {name: value for name, value in wanted.items() if value is not None}
        try:
            with log.open("ab") as out:
                child = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True, cwd=ROOT, env=given
                )
        except OSError as error:
            raise StoreError(
                f"The job could not be started ({error.strerror}).", "See whether the machine has memory and processes to spare."
            ) from error
        mark = process.mark_of(child.pid)
        # Somebody must wait for the child, or it stays a zombie for as long as the app lives.
        threading.Thread(target=child.wait, name=f"wait-{child.pid}", daemon=True).start()
        return Handle(child.pid, mark)

    def alive(self, handle: Handle) -> bool:
        return process.alive(handle.pid, handle.mark)

    def stop(self, handle: Handle) -> bool:
        return process.end_group(handle.pid) if process.ours(handle.pid, handle.mark) else True
