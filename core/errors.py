"""The errors that a person is meant to read.

    BakeoffError                 thing, what it must be, what it got, how to mend it
    ├── PlanError                a plan or a spec is wrong                      exit 2
    ├── DataError                the examples or documents are wrong            exit 2
    ├── ModelError               a model is not there, or does not fit          exit 2
    ├── MethodError              one method failed; the others go on            exit 3
    ├── StoreError               the store is damaged, full, or lacks a thing   exit 2
    └── Cancelled                somebody pressed Stop                          exit 130

Only these are shown to people as they are. Anything else is a bug: it is logged with its traceback.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class BakeoffError(Exception):
    """One sentence on what is wrong and one on how to mend it.

    Args:
        message: which thing, what it must be, and what it got.
        remedy: what to do about it; empty only where nothing can be done.
    """

    exit_code = 2

    def __init__(self, message: str, remedy: str = "") -> None:
        self.message = message
        self.remedy = remedy
        super().__init__(f"{message} {remedy}".strip())


class PlanError(BakeoffError):
    """A plan, a spec or a command's argument is wrong."""


class DataError(BakeoffError):
    """The examples or the documents cannot be used as they are."""


class ModelError(BakeoffError):
    """A model is not there, is unsafe to load, or cannot do what was asked of it."""


class MethodError(BakeoffError):
    """One method cannot be prepared or answered with; other methods are not affected."""

    exit_code = 3


class StoreError(BakeoffError):
    """The store is damaged, full, newer than this code, or does not hold the thing that was named."""


class Cancelled(BakeoffError):
    """The run was stopped on request."""

    exit_code = 130


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint that names the closest known name, and the list; for the end of an error's first sentence."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    did_you_mean = f"Did you mean '{close[0]}'? " if close else ""
    return f"{did_you_mean}Known: {', '.join(names) or 'none'}."
