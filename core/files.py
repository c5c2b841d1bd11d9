"""Files that are whole or absent: temp + fsync + rename, and the MANIFEST that says a folder is complete."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from core.errors import StoreError

MANIFEST = "MANIFEST.json"


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn a full disk into a plain message that names the file.

    Raises:
        StoreError: the disk is full.
    """
    try:
        yield
    except OSError as error:
        if error.errno == errno.ENOSPC:
            what = f"Disk full while writing {path.name}."
            raise StoreError(what, "Free some space and resume; nothing half-written was kept.") from error
        raise


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file so that a reader sees the old one or the new one, never a part of it."""
    data = content.encode() if isinstance(content, str) else content
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with disk_errors(path):
        try:
            with temporary.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        sync_folder(path.parent)


def write_json(path: Path, value: Any) -> None:
    """`write_whole` of indented JSON; NaN is refused."""
    write_whole(path, json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def sync_folder(folder: Path) -> None:
    """Make a rename in this folder survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_manifest(folder: Path, about: dict[str, Any]) -> None:
    """State size and hash of every file below the folder. Written last: its presence means the folder is complete."""
    names = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file() and p.name != MANIFEST)
    files = {name: {"bytes": (folder / name).stat().st_size, "sha256": _digest(folder / name)} for name in names}
    write_json(folder / MANIFEST, {"about": about, "files": files})


def manifest_fault(folder: Path, *, hashes: bool = True) -> str:
    """Why this folder cannot be trusted, or "" where it is complete.

    Args:
        hashes: compare contents too; without it only presence and sizes are compared, which is quick.
    """
    try:
        files: dict[str, Any] = json.loads((folder / MANIFEST).read_text())["files"]
        stated = {name: (about["bytes"], about["sha256"]) for name, about in files.items()}
    except (FileNotFoundError, NotADirectoryError):
        return "it has no MANIFEST"
    except (ValueError, KeyError, TypeError, AttributeError):
        return "its MANIFEST cannot be read"
    for name, (size, digest) in stated.items():
        path = folder / name
        if not path.is_file():
            return f"{name} is missing"
        if path.stat().st_size != size:
            return f"{name} has {path.stat().st_size} bytes, not {size}"
        if hashes and _digest(path) != digest:
            return f"the content of {name} has changed"
    return ""


def manifest_about(folder: Path) -> dict[str, Any]:
    """What `write_manifest` was told about the folder."""
    about: dict[str, Any] = json.loads((folder / MANIFEST).read_text())["about"]
    return about


def folder_bytes(folder: Path) -> int:
    return sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())
