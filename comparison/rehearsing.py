"""The general rows that fine-tunes of a plan may rehearse: a file of the user's own, or those that come with the project.

Rows that stand in the task's test or validation set are taken out as from all training rows, and so are those that stand in the general probe:
a model that was trained on the probe would look as if it had forgotten nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pydantic import Field

from core.dataset import ColumnsSpec, Dataset, DataSpec, NearFinder, RowsOfFile, cleared, find_leaks, rows_of_file
from core.errors import DataError
from core.records import Example
from core.specs import Spec
from evaluation.probing import probe_set
from training.rehearsal import GENERAL, general_examples


class RehearsalSpec(Spec):
    """General rows of one's own, for fine-tunes with `rehearsal_alpha`."""

    path: str = Field(min_length=1, description="A CSV, TSV, JSON, JSONL or Parquet file with questions and answers of all sorts.")
    columns: ColumnsSpec = Field(default=ColumnsSpec(), description="Which of its columns is what, as in the data section.")
    instruction: str = Field("", max_length=20_000, description="What to do with its rows, for a file that lacks it.")

    def data(self) -> DataSpec:
        return DataSpec(path=self.path, columns=self.columns, instruction=self.instruction)


def rehearsed(spec: RehearsalSpec | None, dataset: Dataset, near: NearFinder | None = None) -> RowsOfFile:
    """The rows, cleared of test, validation and probe items.

    Raises:
        PlanError, DataError: the file cannot be used, or no row is left.
    """
    rows = RowsOfFile(GENERAL.name, general_examples()) if spec is None else rows_of_file(spec.data(), Path("/"))
    return clear_of_probe(cleared(rows, dataset.test, dataset.validation, dataset.instruction, near))


def clear_of_probe(rows: RowsOfFile) -> RowsOfFile:
    """The rows without those that stand in the general probe.

    Raises:
        DataError: none is left.
    """
    probed = find_leaks(_probe(), [(e.id, e.question) for e in rows.examples]).others()
    kept = tuple(e for e in rows.examples if e.id not in probed)
    if not kept:
        raise DataError(f"All rows of {rows.file} stand in the general probe.", "Name other rows; the probe's own would spoil it.")
    return replace(rows, examples=kept, in_probe=len(rows.examples) - len(kept))


def _probe() -> Sequence[Example]:
    return [Example(item.id, "", item.question, item.sample) for _, item in probe_set().items()]
