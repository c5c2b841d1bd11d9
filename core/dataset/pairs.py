"""Preference pairs: two answers to one prompt, of which people (or a rule) chose one. Read from a file, cleared of test items.

    {"prompt": "…", "chosen": "the better answer", "rejected": "the worse one"}

as `python -m comparison votes ID --export votes.jsonl` writes them. Votes are given on the test items of the comparison that was voted on: whoever
trains on them must test on other items, and pairs on the test items at hand are taken out here.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from core.dataset.leakage import KINDS, Leaks, compared_texts, find_leaks
from core.dataset.load import LISTED_BAD_ROWS, NearFinder
from core.dataset.readers import read_table
from core.dataset.rows import BadRow, RawRow
from core.errors import DataError, PlanError, nearest
from core.fingerprint import fingerprint
from core.records import Example

COLUMNS = ("prompt", "chosen", "rejected")
OPTIONS = "\n\nOptions:\n"


@dataclass(frozen=True)
class PreferencePair:
    """`id` is a hash of the three texts."""

    id: str
    prompt: str
    chosen: str
    rejected: str


@dataclass(frozen=True)
class PairsOfFile:
    """One file's pairs.

    Attributes:
        file: its name, as results may show it.
        bad: the first 20 rows that cannot be used; `bad_count` counts them all.
        leaks: what was taken out because it stands in the test set, by kind.
    """

    file: str
    pairs: tuple[PreferencePair, ...]
    bad: tuple[BadRow, ...] = ()
    bad_count: int = 0
    leaks: Leaks = field(default_factory=Leaks)

    @property
    def fingerprint(self) -> str:
        return fingerprint([[p.prompt, p.chosen, p.rejected] for p in self.pairs])

    @property
    def taken_out(self) -> int:
        """How many pairs are about test items."""
        return len(self.leaks.others() | {pair.other for pair in self.leaks.near or ()})

    def to_report(self) -> dict[str, Any]:
        """Counts, and the test items and pairs that met, by id."""
        first = [{"line": row.line, "reason": row.reason} for row in self.bad]
        counts = {"file": self.file, "pairs": len(self.pairs), "taken_out": self.taken_out}
        return {**counts, "bad_rows": {"count": self.bad_count, "first": first}, "leakage": self.leaks.to_report()}


def read_pairs(path: Path) -> PairsOfFile:
    """All usable pairs of a file. Equal pairs count once.

    Raises:
        DataError: the file cannot be read, or holds no usable pair.
        PlanError: it lacks a column.
    """
    table = read_table(path, path.name)
    missing = [name for name in COLUMNS if name not in table.columns]
    if table.rows and missing:
        remedy = nearest(missing[0], table.columns)
        raise PlanError(f"{path.name} must have the columns {', '.join(COLUMNS)}; it lacks {', '.join(missing)}.", remedy)
    pairs: dict[str, PreferencePair] = {}
    bad = list(table.bad)
    for row in table.rows:
        found = _pair(row, path.name)
        if isinstance(found, BadRow):
            bad.append(found)
        else:
            pairs.setdefault(found.id, found)
    if not pairs:
        first = f" Line {bad[0].line}: {bad[0].reason}." if bad else ""
        raise DataError(f"None of the {len(bad)} pairs of {path.name} can be used.{first}", "Give prompt, chosen and rejected as texts.")
    return PairsOfFile(path.name, tuple(pairs.values()), tuple(bad[:LISTED_BAD_ROWS]), len(bad))


def _pair(row: RawRow, file: str) -> PreferencePair | BadRow:
    texts = [row.values.get(name) for name in COLUMNS]
    for name, text in zip(COLUMNS, texts, strict=True):
        if not isinstance(text, str):
            return BadRow(file, row.line, f"{name} must be a text; got {type(text).__name__}")
        if not text.strip():
            return BadRow(file, row.line, f"{name} is empty")
    prompt, chosen, rejected = (str(text) for text in texts)
    if chosen.strip() == rejected.strip():
        return BadRow(file, row.line, "chosen and rejected are the same")
    digest = hashlib.sha256(json.dumps([prompt, chosen, rejected]).encode("utf-8", "surrogatepass"))
    return PreferencePair(digest.hexdigest()[:16], prompt, chosen, rejected)


def as_example(pair: PreferencePair, instruction: str) -> Example:
    """A pair as an example whose reference is the chosen answer, so that its prompt is worded as any other's.

    Args:
        instruction: the one that all examples of the task share, or ""; a prompt that begins with it goes on without it.
    """
    said = pair.prompt.strip()
    if instruction and said.startswith(instruction):
        said = said[len(instruction) :].lstrip() or said
    return Example(pair.id, instruction, said, pair.chosen)


def cleared_pairs(found: PairsOfFile, test: Sequence[Example], instruction: str, near: NearFinder | None = None) -> PairsOfFile:
    """The pairs without those whose prompt gives a test question away, wherever in the prompt it stands.

    Args:
        instruction: `Dataset.instruction`.
        near: finds near duplicates of test items too, where the plan wants these dropped.

    Raises:
        DataError: none is left.
    """
    texts = [(pair.id, as_example(pair, instruction).input.partition(OPTIONS)[0]) for pair in found.pairs]
    leaks = find_leaks(test, texts, instruction, contained=True)
    gone = leaks.others()
    if near is not None:
        leaks = leaks.with_near(near(compared_texts(test, instruction), [text for text in texts if text[0] not in gone]))
        gone |= {pair.other for pair in leaks.near or ()}
    kept = tuple(pair for pair in found.pairs if pair.id not in gone)
    if not kept:
        kinds = ", ".join(f"{leaks.count(kind)} {kind}" for kind in KINDS if leaks.count(kind))
        raise DataError(
            f"None of the {len(found.pairs)} pairs of {found.file} may be trained on: all are about test items ({kinds}).",
            "Collect votes on other items than those of this test set, or leave the file out for synthetic pairs.",
        )
    return replace(found, pairs=kept, leaks=leaks)
