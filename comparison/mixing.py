"""Further training files that tuned methods mix in: read once for all methods, cleared of test and probe items, and told of in the report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from adapters.preparation import MixSpec
from comparison.near import Nearness
from comparison.plan import Plan
from comparison.rehearsing import clear_of_probe
from core.dataset import Dataset, RowsOfFile, cleared, rows_of_file
from core.errors import BakeoffError, DataError, ModelError, PlanError


def mixed_rows(plan: Plan, dataset: Dataset, nearness: Nearness) -> dict[str, RowsOfFile]:
    """The rows of every file that some method mixes in, by `MixSpec.key`.

    Raises:
        PlanError: its columns do not fit; the message names the method and the file.
        DataError: a file is not there, cannot be used, or has no row that is not a test item, too.
    """
    near = nearness.rows if plan.spec.data.near_duplicates == "drop" else None
    found: dict[str, RowsOfFile] = {}
    for spec in plan.methods:
        for place, entry in enumerate(getattr(spec, "mix", ())):
            if entry.key not in found:
                found[entry.key] = _rows(entry, f"{spec.name}.mix.{place}", dataset, near)
    return found


def _rows(entry: MixSpec, where: str, dataset: Dataset, near: Any) -> RowsOfFile:
    try:
        rows = rows_of_file(entry.data(), Path("/"))
        return clear_of_probe(cleared(rows, dataset.test, dataset.validation, dataset.instruction, near))
    except PlanError as error:
        raise PlanError(f"{where}: {_in_the_mix(error.message)}", _in_the_mix(error.remedy)) from error
    except ModelError:
        raise
    except BakeoffError as error:
        raise DataError(f"{where}: {_in_the_mix(error.message)}", _in_the_mix(error.remedy)) from error


def _in_the_mix(text: str) -> str:
    return text.replace("the data section", "the mix entry").replace("data.columns", "columns").replace("data.instruction", "instruction")


def mix_entries(mixes: Mapping[str, RowsOfFile]) -> list[dict[str, Any]]:
    """The report's `data.mix`, one entry a file."""
    return [rows.to_report() for rows in mixes.values()]


def prepared_notes(training: Mapping[str, Any] | None) -> Iterator[str]:
    """Sentences on rows that a fine-tune's filters left out, of the report's training section."""
    found = (training or {}).get("preparation") or {}
    counts = {name: count for name, count in (found.get("counts") or {}).items() if count}
    if counts:
        listed = ", ".join(f"{count} {name}" for name, count in counts.items())
        yield f"{sum(counts.values())} of {found['rows']} training rows were left out by filters: {listed}."
    yield from found.get("notes") or ()


def mix_notes(mixes: Mapping[str, RowsOfFile]) -> Iterator[str]:
    """Sentences on rows that were taken out, or cannot be used."""
    for rows in mixes.values():
        if rows.taken_out:
            yield f"{rows.taken_out} rows of {rows.file} stand in the test set ({rows.leaks.words}) and were taken out of the mix."
        if rows.in_validation:
            yield f"{rows.in_validation} rows of {rows.file} stand among the validation rows and were taken out of the mix."
        if rows.in_probe:
            yield f"{rows.in_probe} rows of {rows.file} stand in the general probe and were taken out of the mix."
        if rows.bad:
            first = rows.bad[0]
            yield f"{rows.bad_count} rows of {rows.file} cannot be used; the first: line {first.line}: {first.reason}."
