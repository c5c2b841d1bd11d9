"""A folder of files to documents, each read in a child process within limits. What is not read is listed with its reason, never dropped in silence.

A file gives one document, whose id is the file's path below the folder; a table gives one for each row ("faq.csv/line-12"), an archive
one for each file in it ("handbook.zip/leave.md").
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from core.errors import DataError
from core.records import Document, Section
from retrieval import reading  # noqa: F401  (registers the formats)
from retrieval.reading import base
from retrieval.reading.archive import has_controls, shown
from retrieval.reading.base import ARCHIVE, Unreadable
from retrieval.reading.process import ReadingChild

SUFFIXES = base.suffixes()
MAX_FILES = 20_000
MAX_DOCUMENTS = 1_000_000
MAX_TOTAL_TEXT = 200_000_000
"""Characters that all files may give together."""
LIMITS = (
    f"A file may have {base.MAX_FILE_BYTES // 1_000_000} MB, {base.MAX_PAGES:,} pages and {base.MAX_TEXT // 1_000_000} million characters of text, "
    f"and must be read within {base.CPU_S} s of a processor and {base.MEMORY >> 20} MiB; all files together may have {MAX_FILES:,} files and "
    f"{MAX_TOTAL_TEXT // 1_000_000} million characters."
)


class Skipped(NamedTuple):
    """A file or folder that was not read. `path` is relative, with forward slashes."""

    path: str
    reason: str


@dataclass(frozen=True)
class FileReport:
    """What became of one file, or of one file of an archive.

    Attributes:
        documents: how many documents it gave; 0 where it was not read.
        parts, part: how many pages, slides, sheets or rows it has, and the word for one; 0 and "" where it has no such.
        notes: what of it was left out, and why; the reason where nothing was read.
    """

    path: str
    documents: int = 0
    words: int = 0
    parts: int = 0
    part: str = ""
    notes: tuple[str, ...] = ()


class LoadedDocuments(NamedTuple):
    """What was read, by file in order of names, what was not, and a line for each file that was tried."""

    documents: list[Document]
    skipped: list[Skipped]
    files: list[FileReport]

    @property
    def partly(self) -> list[FileReport]:
        """Files of which a part was left out."""
        return [file for file in self.files if file.documents and file.notes]


class _Source(NamedTuple):
    """A file to read. Size and time of change tell whether it is still the one that was read."""

    name: str
    path: str
    size: int
    changed: int


class _Gathered:
    """Documents as they come in."""

    def __init__(self, text_column: str) -> None:
        self.text_column = text_column
        self.documents: list[Document] = []
        self.files: list[FileReport] = []
        self.skipped: list[Skipped] = []
        self.text = 0
        self.lost = False

    def take(self, name: str, lines: Sequence[dict[str, Any]], last: dict[str, Any]) -> None:
        """Raises: DataError, once there is more than is taken."""
        made = [_document(name, line) for line in lines]
        self.documents += made
        self.text += sum(len(document.text) for document in made)
        _check("documents", len(self.documents), MAX_DOCUMENTS)
        _check("characters of text", self.text, MAX_TOTAL_TEXT)
        words = sum(len(document.text.split()) for document in made)
        self.files.append(FileReport(name, len(made), words, last["parts"], last["part"], tuple(last["notes"])))

    def leave(self, name: str, reason: str) -> None:
        self.files.append(FileReport(name, notes=(reason,)))
        self.skipped.append(Skipped(name, reason))


def load_documents(path: Path, text_column: str | None = None) -> LoadedDocuments:
    """Every readable file below a folder, or one file. What was read a moment ago and has not changed is not read again.

    Args:
        path: a folder, searched to its depths, or a file. Hidden names, and links that lead out of the folder, are left out.
        text_column: the column of tables (csv, tsv, jsonl) that holds the text; by default "text" or another usual name.

    Raises:
        DataError: there is nothing at `path`, nothing readable, or more than the limits allow.
    """
    if not path.exists():
        remedy = "Mend knowledge.path; it is relative to the plan's file."
        raise DataError(f"The documents' path must be a folder or a file; {path.name} is not there.", remedy)
    left_out: list[Skipped] = []
    sources = tuple(sorted(_sources(path, left_out)))
    _check("files", len(sources), MAX_FILES)
    found = _read(sources, text_column or "", (MAX_DOCUMENTS, MAX_TOTAL_TEXT))
    if found.lost:  # a busy machine may have been the reason, so the next call tries again
        _read.cache_clear()
    skipped = sorted([*left_out, *found.skipped])
    if not found.documents:
        raise _nothing(path, skipped)
    return LoadedDocuments(list(found.documents), skipped, sorted(found.files, key=lambda file: file.path))


@lru_cache(maxsize=2)
def _read(sources: tuple[_Source, ...], text_column: str, _: tuple[int, int]) -> _Gathered:
    """Raises: DataError, where there is more than the limits allow."""
    found = _Gathered(text_column)
    with ReadingChild() as child:
        for source in sources:
            if source.name.lower().endswith(ARCHIVE):
                _read_archive(child, source, found)
            else:
                _read_file(child, {"path": source.path}, source.name, found)
        found.lost = child.lost > 0
    return found


def _read_archive(child: ReadingChild, source: _Source, found: _Gathered) -> None:
    try:
        lines, _ = child.ask({"path": source.path, "list": True})
    except Unreadable as reason:
        found.leave(source.name, str(reason))
        return
    for place, name, refused in (line["member"] for line in lines):
        inside = f"{source.name}/{name}"
        if refused := refused or _fault_of_kind(name):
            found.leave(inside, refused)
        else:
            _read_file(child, {"path": source.path, "place": place}, inside, found)


def _read_file(child: ReadingChild, request: dict[str, Any], name: str, found: _Gathered) -> None:
    try:
        lines, last = child.ask({**request, "name": name, "text_column": found.text_column})
    except Unreadable as reason:
        found.leave(name, str(reason))
    else:
        found.take(name, lines, last)


def _document(name: str, line: dict[str, Any]) -> Document:
    sections = tuple(Section(*section) for section in line["sections"])
    about = tuple((key, value) for key, value in line["about"])
    return Document(f"{name}/{line['part']}" if line["part"] else name, line["text"], sections, about)


def _sources(path: Path, left_out: list[Skipped]) -> Iterator[_Source]:
    """Files to read; what is left out without a look at its content goes to `left_out`."""
    root = path.resolve() if path.is_dir() else path.resolve().parent
    for file in _candidates(path, left_out):
        name = file.relative_to(path).as_posix() if path.is_dir() else file.name
        reason = _fault(file, root, name)
        if reason:
            left_out.append(Skipped(shown(_printable(name)), reason))
        else:
            status = file.stat()
            yield _Source(name, str(file), status.st_size, status.st_mtime_ns)


def _candidates(path: Path, left_out: list[Skipped]) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    for folder, names, files in os.walk(path):
        here = Path(folder)
        for name in sorted(names):
            reason = "hidden" if name.startswith(".") else "a link to a folder" if (here / name).is_symlink() else ""
            if reason:
                left_out.append(Skipped(shown(_printable((here / name).relative_to(path).as_posix())), reason))
        names[:] = sorted(name for name in names if not name.startswith("."))
        for name in sorted(files):
            if name.startswith("."):
                left_out.append(Skipped(shown(_printable((here / name).relative_to(path).as_posix())), "hidden"))
            else:
                yield here / name


def _fault(file: Path, root: Path, name: str) -> str:
    """Why a file is not even opened, or ""."""
    if _printable(name) != name:
        return "its name is not valid Unicode"
    if has_controls(name):
        return "its name holds control characters"
    if kind := _fault_of_kind(name):
        return kind
    if not file.resolve().is_relative_to(root):
        return "a link that leads out of the folder"
    if not file.is_file():
        return "not a regular file"
    return f"larger than {base.MAX_FILE_BYTES // 1_000_000} MB" if file.stat().st_size > base.MAX_FILE_BYTES else ""


def _fault_of_kind(name: str) -> str:
    return "" if PurePosixPath(name).suffix.lower() in SUFFIXES else f"not one of {', '.join(SUFFIXES)}"


def _printable(name: str) -> str:
    """A file name as it can be stored in UTF-8; the system may hand over bytes that are none."""
    return name.encode("utf-8", "replace").decode()


def _check(what: str, found: int, most: int) -> None:
    if found > most:
        raise DataError(f"The documents must be at most {most:,} {what}; got {found:,} or more.", "Name a smaller folder.")


def _nothing(path: Path, skipped: Sequence[Skipped]) -> DataError:
    first = "; ".join(f"{s.path}: {s.reason}" for s in skipped[:3])
    found = f"{len(skipped)} left out ({first})" if skipped else "no files"
    remedy = f"Add {', '.join(SUFFIXES)} files, texts in UTF-8."
    return DataError(f"The documents must hold at least one readable text; got {found} in {path.name}.", remedy)
