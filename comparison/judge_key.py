"""The key for a judge's endpoint: in the memory of the process that judges, and nowhere else.

A run is a process of its own, so the key reaches it in its environment, which no file keeps. The run takes it out of there before it starts
anything itself. The app's own key (BAKEOFF_JUDGE_KEY where the app was started) never goes to an address that somebody typed on the page: only to
the address that its operator named beside it (BAKEOFF_JUDGE_URL).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

KEY, URL, PUBLIC = "BAKEOFF_JUDGE_KEY", "BAKEOFF_JUDGE_URL", "BAKEOFF_PUBLIC"
_taken: list[str] = []


def take() -> str:
    """This process's key, or "". From the first call on it is gone from the environment, so that no child inherits it."""
    found = os.environ.pop(KEY, "").strip()
    if found:
        _taken[:] = [found]
    return _taken[0] if _taken else ""


def for_child(section: Mapping[str, Any] | None, typed: str, *, public: bool) -> dict[str, str | None]:
    """What a run that the page starts gets in its environment; None takes a variable out.

    Args:
        section: the plan's `judge`.
        typed: the key from the page's field, "" for none.
        public: other people use this app, too.
    """
    url = ((section or {}).get("endpoint") or {}).get("url")
    operators = os.environ.get(KEY) if url and os.environ.get(URL) == url else None
    return {KEY: typed.strip() or operators, PUBLIC: "1" if public else None}
