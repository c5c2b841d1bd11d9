"""A folder of plain text files to documents. What is not read is listed with its reason, never dropped in silence."""

from __future__ import annotations

import codecs
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from core.errors import DataError
from core.records import Document

SUFFIXES = (".txt", ".md", ".markdown", ".rst")
MAX_FILES = 20_000
MAX_FILE_BYTES = 5 * 2**20
MAX_TOTAL_BYTES = 64 * 2**20


class Skipped(NamedTuple):
    """A file or folder that was not read. `path` is relative, with forward slashes."""

    path: str
    reason: str


class LoadedDocuments(NamedTuple):
    """What was read, sorted by id, and what was not."""

    documents: list[Document]
    skipped: list[Skipped]


class _Unreadable(Exception):
    """Why one file is left out."""


def load_documents(path: Path) -> LoadedDocuments:
    """Every readable text file below a folder, or one file.

    Args:
        path: a folder, searched to its depths, or a file. Hidden names, and links that lead out of the folder, are left out.

    Raises:
        DataError: there is nothing at `path`, nothing readable, or more than the limits allow.
    """
    if not path.exists():
        remedy = "Mend knowledge.path; it is relative to the plan's file."
        raise DataError(f"The documents' path must be a folder or a file; {path.name} is not there.", remedy)
    root = path.resolve() if path.is_dir() else path.resolve().parent
    documents: list[Document] = []
    skipped: list[Skipped] = []
    total = 0
    for number, file in enumerate(_candidates(path, skipped), start=1):
        name = file.relative_to(path).as_posix() if path.is_dir() else file.name
        if number > MAX_FILES:
            raise DataError(f"The documents must be at most {MAX_FILES:,} files; {path.name} has more.", "Name a smaller folder.")
        try:
            documents.append(Document(name, _read(file, root, name)))
        except _Unreadable as reason:
            skipped.append(Skipped(_printable(name), str(reason)))
            continue
        total += file.stat().st_size
        if total > MAX_TOTAL_BYTES:
            limit = f"{MAX_TOTAL_BYTES // 2**20} MiB"
            raise DataError(f"The documents must be at most {limit} together; {path.name} has more.", "Name a smaller folder.")
    if not documents:
        raise _nothing(path, skipped)
    return LoadedDocuments(sorted(documents, key=lambda d: d.id), sorted(skipped))


def _candidates(path: Path, skipped: list[Skipped]) -> Iterator[Path]:
    """Files to try, in a stable order; what is left out without a look goes to `skipped`."""
    if not path.is_dir():
        yield path
        return
    for folder, names, files in os.walk(path):
        here = Path(folder)
        for name in sorted(names):
            reason = "hidden" if name.startswith(".") else "a link to a folder" if (here / name).is_symlink() else ""
            if reason:
                skipped.append(Skipped(_printable((here / name).relative_to(path).as_posix()), reason))
        names[:] = sorted(name for name in names if not name.startswith("."))
        for name in sorted(files):
            if name.startswith("."):
                skipped.append(Skipped(_printable((here / name).relative_to(path).as_posix()), "hidden"))
            else:
                yield here / name


def _read(file: Path, root: Path, name: str) -> str:
    """The text of one file, line ends as \\n.

    Raises:
        _Unreadable: with the reason.
    """
    if _printable(name) != name:
        raise _Unreadable("its name is not valid Unicode")
    if file.suffix.lower() not in SUFFIXES:
        raise _Unreadable(f"not one of {', '.join(SUFFIXES)}")
    if not file.resolve().is_relative_to(root):
        raise _Unreadable("a link that leads out of the folder")
    if not file.is_file():
        raise _Unreadable("not a regular file")
    if file.stat().st_size > MAX_FILE_BYTES:
        raise _Unreadable(f"larger than {MAX_FILE_BYTES // 2**20} MiB")
    try:
        text = _decode(file.read_bytes())
    except OSError as error:
        raise _Unreadable(f"cannot be read ({error.strerror})") from None
    if not text.strip():
        raise _Unreadable("empty")
    return text


def _decode(data: bytes) -> str:
    encoding = "utf-16" if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        raise _Unreadable("not UTF-8 or UTF-16 text") from None
    if "\0" in text:
        raise _Unreadable("holds NUL characters: not text, or UTF-16 without a byte order mark")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _printable(name: str) -> str:
    """A file name as it can be stored in UTF-8; the system may hand over bytes that are none."""
    return name.encode("utf-8", "replace").decode()


def _nothing(path: Path, skipped: list[Skipped]) -> DataError:
    first = "; ".join(f"{s.path}: {s.reason}" for s in sorted(skipped)[:3])
    found = f"{len(skipped)} left out ({first})" if skipped else "no files"
    remedy = f"Add {', '.join(SUFFIXES)} files in UTF-8."
    return DataError(f"The documents must hold at least one readable text; got {found} in {path.name}.", remedy)
