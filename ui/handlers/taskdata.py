"""A task's data and documents, read for the page: counts, and whether a plan can start at all."""

from __future__ import annotations

from pathlib import Path

from core.dataset import Dataset, DataSpec, load_dataset
from core.errors import PlanError
from core.records import Document
from core.specs import read_spec
from retrieval.documents import load_documents
from ui.task import Task


def dataset(task: Task) -> Dataset:
    """The task's three splits.

    Raises:
        BakeoffError: there is no task, or its data cannot be used.
    """
    if not task.ready:
        raise PlanError("There are no examples yet.", "Open an example on the Compare tab, or bring data on the Data tab.")
    return load_dataset(read_spec(DataSpec, dict(task.data), "data"), Path(task.base))


def documents(task: Task) -> list[Document]:
    """The task's documents; none where it has no folder of them."""
    path = task.documents
    return load_documents(path, task.text_column).documents if path else []


def counts(task: Task) -> dict[str, int]:
    """Rows by split, and documents."""
    return {**dataset(task).counts, "documents": len(documents(task))}
