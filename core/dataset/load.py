"""The `data` section of a plan to three splits of examples, clean of each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

from core.dataset.labels import find_labels
from core.dataset.layouts import choose_columns, convert
from core.dataset.leakage import LISTED, NEAR, Leaks, compared_texts, find_leaks
from core.dataset.nearness import Near
from core.dataset.readers import read_table
from core.dataset.rows import BadRow, Table
from core.dataset.spec import DataSpec
from core.dataset.split import cut, identify, in_order, units
from core.errors import DataError, PlanError
from core.fingerprint import fingerprint
from core.records import Example

LISTED_BAD_ROWS = 20
SPLITS = ("train", "validation", "test")
NearFinder = Callable[[Sequence[tuple[str, str]], Sequence[tuple[str, str]]], Sequence[Near]]
"""(test items, other texts), both as (id, text), to the near pairs among them."""


@dataclass(frozen=True)
class Dataset:
    """The task's examples.

    Attributes:
        train, validation, test: train and validation hold nothing that also stands in the test set, train nothing that a validation file holds.
        bad_rows: the first 20 rows that were left out; `bad_count` counts them all.
        labels: the label set; empty for free text.
        instruction: the instruction if all examples share one, else "".
        leakage: {"train": counts and pairs}, of the train and validation rows that were taken out; see `Leaks.to_report`.
        in_validation: counts and pairs of the training rows that were taken out because they stand in a validation file, too.
        columns_used: field to column, of the training rows' file.
        fingerprint: hash of the ids and contents of the three splits in order.
        taken_out: the first 1,000 train and validation rows that were taken out, for showing them beside the test items.
    """

    train: tuple[Example, ...]
    validation: tuple[Example, ...]
    test: tuple[Example, ...]
    bad_rows: tuple[BadRow, ...]
    bad_count: int
    labels: tuple[str, ...]
    instruction: str
    leakage: dict[str, dict[str, Any]]
    columns_used: dict[str, str]
    fingerprint: str
    taken_out: tuple[Example, ...] = ()
    in_validation: dict[str, Any] = field(default_factory=dict)

    @property
    def counts(self) -> dict[str, int]:
        return {"train": len(self.train), "validation": len(self.validation), "test": len(self.test)}


@dataclass(frozen=True)
class Part:
    """One file's usable rows. `split` is "" for a file that is still to be cut."""

    split: str
    examples: list[Example]
    bad: list[BadRow]
    columns: dict[str, str]


def load_dataset(spec: DataSpec, base: Path, near: NearFinder | None = None) -> Dataset:
    """Read, check, identify, split, and take out of train and validation what would give test items away.

    Args:
        base: the folder that relative paths start from.
        near: finds near duplicates by embedding, where the spec wants them dropped; without it they stay.

    Raises:
        PlanError: a mapping or a label set does not fit the data.
        DataError: a file cannot be used, or nothing is left to test on.
    """
    parts = [_usable(table, split, spec) for split, table in _tables(spec, base).items()]
    parts, labels = _with_instruction(parts, spec)
    everything = identify([example for part in parts for example in part.examples])
    instruction = _shared({example.instruction for example in everything})
    splits = _split(parts, everything, instruction, spec)
    leaks = _leaks(splits, instruction, near if spec.near_duplicates == "drop" else None)
    leaking = leaks.others() | {pair.other for pair in leaks.near or ()}
    clean = {name: [e for e in rows if e.id not in leaking] for name, rows in splits.items()}
    seen = _in_validation(parts, clean, instruction)
    twice = seen.others()
    clean["train"] = [e for e in clean["train"] if e.id not in twice]
    kept = {name: tuple(clean[name][: getattr(spec.limit, name)]) for name in SPLITS}
    bad = [row for part in parts for row in part.bad]
    return Dataset(
        **{name: kept[name] for name in SPLITS},
        bad_rows=tuple(bad[:LISTED_BAD_ROWS]),
        bad_count=len(bad),
        labels=labels,
        instruction=instruction,
        leakage={"train": leaks.to_report()},
        columns_used=parts[0].columns,
        fingerprint=fingerprint([[_content(e) for e in kept[name]] for name in SPLITS]),
        taken_out=tuple(islice((e for name in ("train", "validation") for e in splits[name] if e.id in leaking), LISTED)),
        in_validation=_pairs_report(seen),
    )


def read_part(spec: DataSpec, base: Path) -> Part:
    """The usable rows of the one file that `spec.path` names, with an instruction each but without ids.

    Raises:
        PlanError: as `load_dataset`.
        DataError: as `load_dataset`.
    """
    parts, _ = _with_instruction([_usable(table, split, spec) for split, table in _tables(spec, base).items()], spec)
    return parts[0]


def _tables(spec: DataSpec, base: Path) -> dict[str, Table]:
    """Tables by split, train first."""
    if spec.path is not None:
        return {"": _file(spec.path, base)}
    if spec.files is not None:
        named = {"train": spec.files.train, "validation": spec.files.validation, "test": spec.files.test}
        return {split: _file(given, base) for split, given in named.items() if given is not None}
    if spec.hub is None:
        raise PlanError("data must name exactly one of path, files and hub; got none.", "Add path: FILE to the data section.")
    from core.dataset.hub import hub_tables

    return hub_tables(spec.hub)


def _file(given: str, base: Path) -> Table:
    # Results travel with what is said of bad rows: of a file's place they need no more than the name.
    return read_table(base / Path(given).expanduser(), Path(given).name if Path(given).is_absolute() else given)


def _usable(table: Table, split: str, spec: DataSpec) -> Part:
    if not table.rows:
        raise _nothing_left(table, list(table.bad))
    mapping = choose_columns(table.columns, spec.columns.named(), table.file).columns
    examples, bad = convert(table, mapping, spec.labels)
    if not examples:
        raise _nothing_left(table, bad)
    return Part(split, examples, bad, mapping)


def _nothing_left(table: Table, bad: Sequence[BadRow]) -> DataError:
    first = f" Line {bad[0].line}: {bad[0].reason}." if bad else ""
    return DataError(f"None of the {len(bad)} rows of {table.file} can be used.{first}", "Mend the rows, or name the right columns.")


def _with_instruction(parts: Sequence[Part], spec: DataSpec) -> tuple[list[Part], tuple[str, ...]]:
    """Rows without an instruction get the plan's, with the label set filled in."""
    labels = spec.labels or find_labels([example.reference for part in parts for example in part.examples])
    if "{labels}" in spec.instruction and not labels:
        what = "data.instruction speaks of {labels}, but the answers form no label set."
        raise PlanError(what, "Add labels: [first, second, ...] to the data section.")
    text = spec.instruction.replace("{labels}", ", ".join(labels)).strip()
    return [replace(part, examples=[e if e.instruction else replace(e, instruction=text) for e in part.examples]) for part in parts], labels


def _shared(instructions: set[str]) -> str:
    return next(iter(instructions)) if len(instructions) == 1 else ""


def _split(parts: Sequence[Part], everything: Sequence[Example], instruction: str, spec: DataSpec) -> dict[str, list[Example]]:
    rows = iter(everything)
    given = {part.split: list(islice(rows, len(part.examples))) for part in parts}
    seed, shares = spec.split.seed, {name: float(getattr(spec.split, name)) for name in SPLITS}
    if "" in given:
        splits = cut(units(given[""], instruction, seed), shares)
    else:
        if "validation" not in given:
            share = {"validation": shares["validation"], "train": 1 - shares["validation"]}
            given.update(cut(units(given["train"], instruction, seed), share))
        splits = {name: in_order(given[name], instruction, seed) for name in SPLITS}
    if not splits["test"]:
        raise DataError("There are no test items, so nothing can be compared.", "Raise data.split.test or give more rows.")
    return splits


def _leaks(splits: Mapping[str, Sequence[Example]], instruction: str, near: NearFinder | None) -> Leaks:
    """Looked for in the whole test set, before any limit, so that a limit never changes what is trained on."""
    seen = compared_texts([*splits["train"], *splits["validation"]], instruction)
    leaks = find_leaks(splits["test"], seen, instruction)
    if near is None:
        return leaks
    known = leaks.others()
    return leaks.with_near(near(compared_texts(splits["test"], instruction), [text for text in seen if text[0] not in known]))


def _in_validation(parts: Sequence[Part], clean: Mapping[str, Sequence[Example]], instruction: str) -> Leaks:
    """Training rows that stand in a validation file. Rows cut from one file are together already where they say the same."""
    if not any(part.split == "validation" for part in parts):
        return Leaks()
    return find_leaks(clean["validation"], compared_texts(clean["train"], instruction), instruction)


def _pairs_report(found: Leaks) -> dict[str, Any]:
    """As of test items, but for near ones, which are not looked for, and with the number of training rows."""
    report = {key: value for key, value in found.to_report().items() if key != NEAR}
    pairs = {kind: [{"validation": p["test"], "train": p["other"]} for p in rows] for kind, rows in report["items"].items() if kind != NEAR}
    return {"rows": len(found.others()), **report, "items": pairs}


def _content(example: Example) -> list[Any]:
    e = example
    return [e.id, e.instruction, e.input, e.reference, list(e.choices), e.group, dict(e.columns)]
