"""Jobs as process groups of this machine. The command is a list of arguments and never goes through a shell."""

from __future__ import annotations

import subprocess
import threading
from pathlib import Path

from comparison import process
from comparison.engines.base import Handle
from core.errors import StoreError

ROOT = Path(__file__).resolve().parents[2]


class LocalEngine:
    """See `Engine`."""

    def start(self, command: list[str], log: Path) -> Handle:
        try:
            with log.open("ab") as out:
                child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True, cwd=ROOT)
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
