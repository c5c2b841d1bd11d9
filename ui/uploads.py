"""Files that people bring: copied into the store under names of our own, since a run may read them long after the browser is gone."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from core.dataset.limits import MAX_FILE_BYTES
from core.errors import DataError
from core.files import disk_errors, write_whole
from retrieval.documents import SUFFIXES as DOCUMENT_SUFFIXES
from ui.context import Context

DATA_SUFFIXES = (".csv", ".tsv", ".json", ".jsonl", ".parquet")
MAX_DOCUMENTS = 500
RESERVED = {"CON", "PRN", "AUX", "NUL", *(f"{device}{number}" for device in ("COM", "LPT") for number in range(10))}
"""Names that Windows keeps for devices, whatever their ending."""
MAX_KEPT_BYTES = 200_000_000


def _folder(ctx: Context, kind: str) -> Path:
    """A folder of this owner's; the owner's name is hashed, so that it can hold anything."""
    return ctx.store.root / "uploads" / hashlib.sha256(ctx.owner.encode()).hexdigest()[:16] / kind


def keep_data(ctx: Context, uploaded: str) -> Path:
    """Keep a data file; the same content is kept once.

    Raises:
        DataError: it is of no known kind, or too large.
    """
    path, content = _checked(Path(uploaded))
    target = _folder(ctx, "data") / f"{hashlib.sha256(content).hexdigest()[:32]}{path.suffix.lower()}"
    return _kept(ctx, target, content)


def keep_named(ctx: Context, uploaded: str) -> Path:
    """As `keep_data`, under its own name with plain signs only, since what is told of it later names it: a further training file, or pairs."""
    path, content = _checked(Path(uploaded))
    name = f"{_plain(path.stem) or 'rows'}{path.suffix.lower()}"
    return _kept(ctx, _folder(ctx, "named") / hashlib.sha256(content).hexdigest()[:32] / name, content)


def is_own(ctx: Context, path: str) -> bool:
    """Whether this is a file that the owner brought."""
    return Path(path).resolve().is_relative_to(_folder(ctx, "").resolve())


def _checked(source: Path) -> tuple[Path, bytes]:
    _suffix(source, DATA_SUFFIXES)
    size = source.stat().st_size
    if size > MAX_FILE_BYTES:
        raise DataError(
            f"A data file may have {MAX_FILE_BYTES // 1_000_000} MB; this one has {size / 1e6:.0f} MB.", "Keep a part of the rows."
        )
    return source, source.read_bytes()


def _kept(ctx: Context, path: Path, content: bytes) -> Path:
    if not path.exists():
        _room(ctx, len(content))
        write_whole(path, content)
    return path


def _plain(stem: str) -> str:
    return re.sub(r"[^\w.-]+", "-", stem).strip(".-_")[:80]


def keep_documents(ctx: Context, uploaded: Sequence[str]) -> Path:
    """Keep documents as one folder named by their contents. Of each name the last part is kept, with plain signs only, since it is shown with its passages.

    Raises:
        DataError: there are none, too many, or one is of no known kind.
    """
    if not uploaded:
        raise DataError("There are no documents to add.", f"Drop files of the kinds {', '.join(DOCUMENT_SUFFIXES)}.")
    if len(uploaded) > MAX_DOCUMENTS:
        raise DataError(
            f"At most {MAX_DOCUMENTS} documents can be added at once; got {len(uploaded)}.", "Put the texts of several into one file."
        )
    files: dict[str, Path] = {}
    for source in map(Path, uploaded):
        suffix = _suffix(source, DOCUMENT_SUFFIXES)
        stem = _plain(source.stem) or "document"
        stem = f"document-{stem}" if stem.split(".")[0].upper() in RESERVED else stem
        name, number = f"{stem}{suffix}", 1
        while name in files:
            number += 1
            name = f"{stem}-{number}{suffix}"
        files[name] = source
    digest = hashlib.sha256()
    for name, source in sorted(files.items()):
        digest.update(f"{name}\0{hashlib.sha256(source.read_bytes()).hexdigest()}\0".encode())
    folder = _folder(ctx, "documents") / digest.hexdigest()[:32]
    if not folder.exists():
        _room(ctx, sum(source.stat().st_size for source in files.values()))
        _copy(files, folder)
    return folder


def _room(ctx: Context, more: int) -> None:
    """Raises:
    DataError: where many share the machine, this owner's files would be more than one may keep.
    """
    kept = sum(path.stat().st_size for path in _folder(ctx, "").rglob("*") if path.is_file())
    if ctx.settings.public and kept + more > MAX_KEPT_BYTES:
        what = f"One visitor may keep {MAX_KEPT_BYTES // 1_000_000} MB of files here; these would make {(kept + more) / 1e6:.0f} MB."
        raise DataError(what, "Bring fewer or smaller files, or run Bakeoff on a machine of your own.")


def _copy(files: dict[str, Path], folder: Path) -> None:
    """All files or none."""
    temporary = folder.with_name(f".{folder.name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    try:
        with disk_errors(folder):
            for name, source in files.items():
                shutil.copyfile(source, temporary / name)
        temporary.replace(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _suffix(source: Path, known: Sequence[str]) -> str:
    suffix = source.suffix.lower()
    if suffix not in known:
        raise DataError(f"A file must be one of {', '.join(known)}; got '{source.name[-60:]}'.", "Save it in one of these forms, in UTF-8.")
    return suffix
