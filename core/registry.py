"""One table of names for each seam. Forms, `--help`, the docs and the contract tests are read from it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar

from core.errors import PlanError, nearest

T = TypeVar("T")


class Registry(Generic[T]):
    """Names to things, in the order in which they were registered.

    Args:
        what: the word for one entry, as errors should print it ("method", "metric").
    """

    def __init__(self, what: str) -> None:
        self.what = what
        self._entries: dict[str, T] = {}

    def add(self, name: str, entry: T) -> T:
        if name in self._entries:
            raise ValueError(f"{self.what} '{name}' is registered twice")
        self._entries[name] = entry
        return entry

    def get(self, name: str) -> T:
        """The entry of that name.

        Raises:
            PlanError: there is none; the message names the nearest one.
        """
        if name not in self._entries:
            raise PlanError(f"There is no {self.what} '{name}'.", nearest(name, self._entries))
        return self._entries[name]

    def names(self) -> list[str]:
        return list(self._entries)

    def items(self) -> Iterator[tuple[str, T]]:
        yield from self._entries.items()

    def __contains__(self, name: object) -> bool:
        return name in self._entries
