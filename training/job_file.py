"""The file that tells a trainer its job: JSON, written by the process that starts it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from core.errors import PlanError


def read_json(path: Path, what: str, form: str) -> Any:
    """What the file holds, unchecked.

    Args:
        what: "training job", as a person would call it.
        form: how such a file is written: "{base, kind, settings, …}".

    Raises:
        PlanError: there is no such file, or it is not JSON.
    """
    try:
        return json.loads(path.read_text())
    except FileNotFoundError as error:
        raise PlanError(f"There is no {what} at {path}.", "Name the JSON file that describes it.") from error
    except json.JSONDecodeError as error:
        raise PlanError(f"The {what} {path.name} is not JSON: {error}.", f"Write it as {form}.") from error
