"""JSON lines of a pass over rows that may have been cut off in the middle of a line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def whole_rows(path: Path) -> list[dict[str, Any]]:
    """The rows of a file, [] where there is none; a last line that was cut off is taken out of the file."""
    if not path.is_file():
        return []
    whole = [line for line in path.read_text(encoding="utf-8").splitlines(keepends=True) if line.endswith("\n")]
    if sum(len(line.encode()) for line in whole) < path.stat().st_size:
        path.write_text("".join(whole), encoding="utf-8")
    return [json.loads(line) for line in whole]
