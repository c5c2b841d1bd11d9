"""The first rows of a file, for the page: what stands in it and what its columns seem to be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from core.dataset.layouts import Guess, choose_columns, convert, guess
from core.dataset.readers import read_rows
from core.dataset.rows import BadRow, Table, gather
from core.dataset.spec import ColumnsSpec, HubSpec
from core.errors import PlanError
from core.records import Example
from core.specs import read_spec

PREVIEW_ROWS = 20


@dataclass(frozen=True)
class Preview:
    """What the page shows of a file before it is loaded.

    Attributes:
        layout: name of the recognised layout, "mapped" with a mapping, "" where none fits yet.
        columns: all columns of the first rows.
        mapping: field to column.
        rows: the first rows as they stand in the file.
        examples: the same rows as examples, without ids; empty where no layout fits.
        bad_rows: those of the first rows that cannot be used.
    """

    layout: str
    columns: tuple[str, ...]
    mapping: dict[str, str]
    rows: tuple[dict[str, Any], ...]
    examples: tuple[Example, ...]
    bad_rows: tuple[BadRow, ...]


def preview(path: Path, columns: Mapping[str, str] | ColumnsSpec | None = None) -> Preview:
    """The first 20 rows of a file and what its columns seem to be.

    Args:
        columns: field to column, where the person has said so.

    Raises:
        PlanError: a named column is not there.
        DataError: the file cannot be read.
    """
    return _preview(gather(path.name, islice(read_rows(path, path.name), PREVIEW_ROWS)), columns)


def preview_hub(spec: HubSpec, columns: Mapping[str, str] | ColumnsSpec | None = None) -> Preview:
    """The first 20 rows of a data set of the hub, likewise.

    Raises:
        PlanError: a named column is not there, or the id would not be looked up on the hub.
        DataError: the hub cannot be reached, or has no such data set.
    """
    from core.dataset.hub import hub_head

    return _preview(hub_head(spec, PREVIEW_ROWS), columns)


def _preview(table: Table, columns: Mapping[str, str] | ColumnsSpec | None) -> Preview:
    if columns is not None and not isinstance(columns, ColumnsSpec):
        columns = read_spec(ColumnsSpec, columns, "data.columns")
    named = columns.named() if columns else {}
    found = guess(table.columns)
    if named or not found.layout:
        try:
            found = choose_columns(table.columns, named, table.file)
        except PlanError:
            if any(column not in table.columns for column in named.values()):
                raise
            found = Guess("", named)
    examples, bad = convert(table, found.columns) if found.layout else ([], list(table.bad))
    return Preview(found.layout, table.columns, found.columns, tuple(row.values for row in table.rows), tuple(examples), tuple(bad))
