"""Documents that a person brings: what became of each file, in words, and what a file may cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from retrieval.documents import LIMITS, SUFFIXES, FileReport, LoadedDocuments, Skipped, load_documents
from ui import uploads
from ui.context import Context
from ui.markup import fold, render
from ui.task import Task

LISTED_FILES = 200
KINDS = ", ".join(suffix.removeprefix(".") for suffix in SUFFIXES)
ROWS = (
    "Each row of a csv, tsv or jsonl file is a document of its own; its other columns are what a search can be narrowed to. "
    "Pictures hold no text here: a scanned PDF needs text recognition (OCR) first."
)


def limits() -> str:
    """What can be dropped, and how much, as a fold."""
    return fold("Formats and limits", render("caption", text=f"{KINDS}. {ROWS} {LIMITS}"))


def add(ctx: Context, task: Task, uploaded: Sequence[str], text_column: str) -> Task:
    """The task with these documents instead of those it had.

    Raises:
        DataError: one of them cannot be kept, or none can be read.
    """
    return _checked(replace(task, knowledge={"path": str(uploads.keep_documents(ctx, uploaded))}), text_column)


def name_column(task: Task, text_column: str) -> Task:
    """The same documents, with the text of tables in this column; "" goes back to the usual names.

    Raises:
        DataError: nothing can be read so.
    """
    return _checked(task, text_column) if task.documents else task


def _checked(task: Task, text_column: str) -> Task:
    kept = {key: value for key, value in task.knowledge.items() if key != "text_column"}
    changed = replace(task, knowledge={**kept, "text_column": text_column.strip()} if text_column.strip() else kept)
    load(changed)
    return changed


def load(task: Task) -> LoadedDocuments:
    """The task's documents; it must have some.

    Raises:
        DataError: none can be read.
    """
    path = task.documents
    return load_documents(path, task.text_column) if path else LoadedDocuments([], [], [])


def report(loaded: LoadedDocuments) -> str:
    """How many documents there are, and a line for each file: first those that were not read, then those that were not read whole."""
    words = sum(file.words for file in loaded.files)
    read = [file for file in loaded.files if file.documents]
    rows = [*((name, reason) for name, reason in loaded.skipped), *((f.path, told(f)) for f in sorted(read, key=lambda f: not f.notes))]
    return render(
        "documents",
        facts=[_count(len(loaded.documents), "document"), f"{words:,} words"],
        summary=_summary(read, loaded.skipped, loaded.partly),
        rows=rows[:LISTED_FILES],
        more=len(rows) - LISTED_FILES,
    )


def told(file: FileReport) -> str:
    """What became of a file that was read: "3 pages, 420 words; page 2 has no text layer"."""
    facts = [_count(file.parts, file.part)] if file.parts else []
    return "; ".join([", ".join([*facts, _count(file.words, "word")]), *file.notes])


def _summary(read: Sequence[FileReport], skipped: Sequence[Skipped], partly: Sequence[FileReport]) -> str:
    said = [f"{_count(len(read), 'file')} read"]
    said += [f"{len(partly)} not whole"] if partly else []
    return ", ".join([*said, f"{len(skipped)} not read"] if skipped else said)


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" + ("" if number == 1 else "s")
