"""What a judge said, call by call: asked once, then read from the comparison's folder. A call that failed is not kept and is asked again.

A call's key is a hash of the judge, its messages and the choices, so that another rubric or another model is another call. What a paid call
cost is kept beside it, so that a spending cap holds over restarts and nothing is paid for twice.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from comparison import lines
from core.fingerprint import fingerprint
from core.records import Message
from models.choosing import Chooser, Unreadable
from models.endpoint import Endpoint

PLAIN, PACKED = "judgements.jsonl", "judgements.jsonl.gz"


class NotAsked(Exception):
    """The call is not known, and nobody may be asked now."""


def read(folder: Path) -> dict[str, dict[str, Any]]:
    """All calls of a comparison, by key."""
    found = [path for name in (PACKED, PLAIN) if (path := folder / name).exists()]
    return {line.record["key"]: line.record for path in found for line in lines.read(path)}


@dataclass
class Remembering:
    """A `Chooser` in front of another, which is loaded when something is not known yet.

    Attributes:
        basis: what names the judge in keys.
        ask: False reads only.
        used: keys of the calls that were looked up since this was made.
        missed: calls that were not known and not asked.
    """

    folder: Path
    basis: Sequence[Any]
    load: Callable[[], Chooser]
    ask: bool = True
    used: set[str] = field(default_factory=set)
    missed: int = 0
    _rows: dict[str, dict[str, Any]] | None = field(default=None, repr=False)
    _chooser: Chooser | None = field(default=None, repr=False)
    _broken: Exception | None = field(default=None, repr=False)

    @property
    def rows(self) -> dict[str, dict[str, Any]]:
        if self._rows is None:
            lines.heal(self.folder / PLAIN)
            self._rows = read(self.folder)
        return self._rows

    @property
    def spent(self) -> float:
        """Money that all calls of this comparison cost."""
        return math.fsum(row.get("cost", 0.0) for row in self.rows.values())

    def seconds(self, keys: Iterable[str]) -> float:
        """What these calls took when they were made."""
        return math.fsum(self.rows[key].get("s", 0.0) for key in keys if key in self.rows)

    def choose(self, messages: Sequence[Message], options: Sequence[str]) -> tuple[float, ...]:
        """See `Chooser`.

        Raises:
            Unreadable: now or then.
            NotAsked: see there.
        """
        key = fingerprint([list(self.basis), [[m.role, m.content] for m in messages], list(options)])
        self.used.add(key)
        row = self.rows.get(key)
        if row is None:
            if not self.ask:
                self.missed += 1
                raise NotAsked("the judge was not asked for this")
            row = self._asked(key, messages, options)
        if row.get("reason"):
            raise Unreadable(row["reason"])
        return tuple(-math.inf if value is None else float(value) for value in row["logprobs"])

    def adopt(self, other: Path) -> None:
        """Take over the calls of another comparison that are not known here; what they cost was paid there."""
        rows = [{**row, "cost": 0.0} for key, row in read(other).items() if key not in self.rows]
        lines.append(self.folder / PLAIN, rows)
        self.rows.update({row["key"]: row for row in rows})

    def pack(self) -> None:
        """Write all calls as one gzip file."""
        if (self.folder / PLAIN).exists():
            lines.pack(self.folder / PACKED, self.rows.values())
            (self.folder / PLAIN).unlink()

    def _asked(self, key: str, messages: Sequence[Message], options: Sequence[str]) -> dict[str, Any]:
        chooser = self._loaded()
        begun, before = time.monotonic(), getattr(chooser, "spent", 0.0)
        row: dict[str, Any] = {"key": f"unanswered:{len(self.rows)}"}
        try:
            found = chooser.choose(messages, options)
            row |= {"key": key, "logprobs": [None if value == -math.inf else float(value) for value in found]}
        except Unreadable as error:
            row |= {"key": key, "reason": str(error)}
        finally:
            row["s"] = round(time.monotonic() - begun, 4)
            if cost := getattr(chooser, "spent", 0.0) - before:
                row["cost"] = cost
            self._keep(row, key)
        return row

    def _keep(self, row: dict[str, Any], key: str) -> None:
        """An answer that can be used again, and whatever was paid for."""
        usable = row["key"] == key and all(value is None or math.isfinite(value) for value in row.get("logprobs", ()))
        if usable or "cost" in row:
            row = row if usable else {"key": f"unanswered:{len(self.rows)}", "s": row["s"], "cost": row["cost"]}
            lines.append(self.folder / PLAIN, [row], sync=False)
            self.rows[row["key"]] = row

    def _loaded(self) -> Chooser:
        if self._broken is not None:
            raise self._broken
        if self._chooser is None:
            try:
                self._chooser = self.load()
            except Exception as error:
                self._broken = error  # a model that cannot be had is not tried again for each item
                raise
            if isinstance(self._chooser, Endpoint):
                self._chooser.spent = self.spent
        return self._chooser
