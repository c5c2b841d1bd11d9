"""Zip archives: which files they hold, and the bytes of one. Nothing is ever written to disk, so a member's name is a label and no path.

How much is unpacked is bounded by the archive's own table of contents: Python's zipfile gives no more bytes of a member than it states there.
"""

from __future__ import annotations

import io
import stat
import unicodedata
import zipfile
import zlib
from pathlib import PurePosixPath
from typing import NamedTuple
from urllib.parse import unquote

from retrieval.reading.base import ARCHIVE, MAX_FILE_BYTES, MAX_UNPACKED_BYTES, Unreadable

MAX_MEMBERS = 20_000
LONGEST_NAME = 255
CONTROLS = ("Cc", "Cf", "Cs", "Zl", "Zp")


class Member(NamedTuple):
    """A file of an archive: its place in the table of contents, its name, and why it is not read ("" where it may be)."""

    place: int
    name: str
    refused: str = ""


def open_archive(data: bytes) -> zipfile.ZipFile:
    """Raises: Unreadable, where it is damaged, holds too many files, or would unpack to too much."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise Unreadable("damaged, or no zip archive") from error
    entries = archive.infolist()
    if len(entries) > MAX_MEMBERS:
        raise Unreadable(f"holds {len(entries):,} files; at most {MAX_MEMBERS:,} are read")
    unpacked = sum(entry.file_size for entry in entries)
    if unpacked > MAX_UNPACKED_BYTES:
        raise Unreadable(f"unpacks to {unpacked / 1e6:,.0f} MB; at most {MAX_UNPACKED_BYTES // 1_000_000} MB are unpacked")
    return archive


def members(archive: zipfile.ZipFile) -> list[Member]:
    """Every file of the archive by name; folders are passed over.

    Raises:
        Unreadable: there is none.
    """
    found: list[Member] = []
    seen: set[str] = set()
    for place, entry in enumerate(archive.infolist()):
        name = entry.orig_filename.replace("\\", "/")
        if name.endswith("/"):
            continue
        found.append(Member(place, shown(name), fault_of_name(name) or _fault(entry) or ("named twice in it" if name in seen else "")))
        seen.add(name)
    if not found:
        raise Unreadable("an archive without files")
    return sorted(found, key=lambda member: (member.name, member.place))


def member_bytes(archive: zipfile.ZipFile, place: int) -> bytes:
    """Raises: Unreadable, where it is damaged."""
    entry = archive.infolist()[place]
    try:
        with archive.open(entry) as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except (zipfile.BadZipFile, OSError, ValueError, RuntimeError, EOFError, zlib.error) as error:
        raise Unreadable(f"damaged in its archive ({type(error).__name__})") from error
    if len(data) > MAX_FILE_BYTES:
        raise Unreadable(_too_large())
    return data


def fault_of_name(name: str) -> str:
    """Why a name is not taken as a document's, or "" where it is. Seen as it stands, with its %-signs undone, and in its plain form of Unicode."""
    if len(name) > LONGEST_NAME:
        return f"its name is longer than {LONGEST_NAME} characters"
    if has_controls(name):
        return "its name holds control characters"
    for form in (name, unquote(name), unicodedata.normalize("NFKC", name)):
        form = form.replace("\\", "/")
        if form.startswith("/") or form[1:2] == ":" or ".." in form.split("/"):
            return "its name leads out of the archive"
    if any(part.startswith(".") or part == "__MACOSX" for part in name.split("/")):
        return "hidden"
    return ""


def has_controls(name: str) -> bool:
    """Whether a name holds signs that are not seen, or that turn the order in which others are: NUL, line ends, marks of direction."""
    return any(unicodedata.category(sign) in CONTROLS for sign in name)


def shown(name: str) -> str:
    """A name as it can be printed: cut where it is long, the sign for "unknown" in place of control characters."""
    return "".join("\ufffd" if unicodedata.category(sign) in CONTROLS else sign for sign in name[:LONGEST_NAME])


def _fault(entry: zipfile.ZipInfo) -> str:
    if stat.S_ISLNK(entry.external_attr >> 16):
        return "a link"
    if entry.flag_bits & 1:
        return "encrypted; save the archive without a password"
    if PurePosixPath(entry.filename).suffix.lower() == ARCHIVE:
        return "an archive within an archive; unpack it first"
    return _too_large() if entry.file_size > MAX_FILE_BYTES else ""


def _too_large() -> str:
    return f"larger than {MAX_FILE_BYTES // 1_000_000} MB"
