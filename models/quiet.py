"""transformers' progress bars off: our own progress says more, and theirs would fill the job's log."""

from __future__ import annotations

from typing import Any


def no_progress_bars() -> None:
    from transformers.utils import logging

    switch: Any = logging.disable_progress_bar
    switch()
