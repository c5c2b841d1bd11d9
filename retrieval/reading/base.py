"""What a format is: the endings of its files, how its bytes become text, and the limits within which that must happen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from core.records import Section
from core.registry import Registry

MAX_FILE_BYTES = 50_000_000
MAX_UNPACKED_BYTES = 500_000_000
"""Of an archive, or of a file that is one inside (docx, pptx, xlsx), by what its own table of contents states; no more is ever unpacked."""
MAX_TEXT = 20_000_000
"""Characters that one file may give, whatever its bytes: about ten thousand pages of a book."""
MAX_PAGES = 2_000
CPU_S, STILL_S, WALL_S = 20, 60, 1_200
"""Seconds that one file may cost: of a processor; without any use of one; and in all, on a machine however busy."""
MEMORY = 512 * 2**20
"""Bytes that the child may take for one file, on top of what its libraries hold."""

ARCHIVE = ".zip"


class Unreadable(Exception):
    """Why a file is left out, in words that end its line in the report."""


class Piece(NamedTuple):
    """One document of a file.

    Attributes:
        part: what tells it from the file's others ("line-12"); "" where the file is one document.
    """

    text: str
    sections: tuple[Section, ...] = ()
    about: tuple[tuple[str, str], ...] = ()
    part: str = ""


class Read(NamedTuple):
    """What a file gave.

    Attributes:
        notes: what of it was left out, and why.
        parts: how many pages, slides, sheets or rows it has; 0 where it has no such.
    """

    pieces: Sequence[Piece]
    notes: tuple[str, ...] = ()
    parts: int = 0


@dataclass(frozen=True)
class Format:
    """How one kind of file is read.

    Attributes:
        suffixes: its endings in small letters, with the dot.
        read: bytes and the name of the column that holds the text ("" where none was named) to text.
            Raises Unreadable with the reason; any other exception means that the file is damaged.
        needs: modules that the child imports before the limits begin, since they are no fault of the file.
        part: the word for one of its `parts`.
    """

    suffixes: tuple[str, ...]
    read: Callable[[bytes, str], Read]
    needs: tuple[str, ...] = ()
    part: str = ""


formats: Registry[Format] = Registry("format")


def of_suffix(suffix: str) -> tuple[str, Format] | None:
    """The format of files that end so, with its name."""
    return next(((name, found) for name, found in formats.items() if suffix.lower() in found.suffixes), None)


def suffixes() -> tuple[str, ...]:
    """Endings of all files that are read, archives last."""
    return (*(suffix for _, found in formats.items() for suffix in found.suffixes), ARCHIVE)


def one(text: str, sections: Sequence[Section] = (), notes: Sequence[str] = (), parts: int = 0) -> Read:
    """A file that is one document."""
    return Read((Piece(text, tuple(sections)),), tuple(notes), parts)


def joined(stretches: Sequence[tuple[str, int | None, str]]) -> tuple[str, list[Section]]:
    """Stretches (text, page, heading) as one text with a blank line between them, and where each stands. Blank ones leave no trace.

    Raises:
        Unreadable: they are longer than a file's text may be.
    """
    parts: list[str] = []
    sections: list[Section] = []
    place = 0
    for raw, page, heading in stretches:
        text = raw.strip()
        if text:
            sections.append(Section(place, place + len(text), page, heading))
            parts.append(text)
            place += len(text) + 2
            check_length(place)
    return "\n\n".join(parts), sections


def check_length(characters: int) -> None:
    """Raises: Unreadable, once a file's text is longer than is taken."""
    if characters > MAX_TEXT:
        raise Unreadable(f"holds more than {MAX_TEXT // 1_000_000} million characters of text; cut it into smaller files")
