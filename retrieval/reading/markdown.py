"""Markdown: the text as it stands, with a section for each heading. Used for every format that is turned into Markdown, too."""

from __future__ import annotations

import re
from collections.abc import Iterator

from core.records import Section
from retrieval.reading.base import Format, Read, formats, one
from retrieval.reading.plain import decode

LONGEST_HEADING = 200
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})")
_ATX = re.compile(r"^ {0,3}#{1,6}[ \t]+(\S.*)$")
_CLOSING = re.compile(r"[ \t]+#+[ \t]*$")
_UNDERLINE = re.compile(r"^ {0,3}(?:=+|-{2,})[ \t]*$")
_FRONT_MATTER = re.compile(r"\A---[ \t]*\n.*?\n---[ \t]*(?:\n|\Z)", re.DOTALL)
_NO_TITLE = re.compile(r"^(?: {4}|\t| {0,3}(?:[-*+>|#]|\d{1,9}[.)] ))")


def heading_sections(text: str) -> list[Section]:
    """A section from each heading to the next; what stands before the first heading has none.

    `# …` and lines that are underlined with = or - are headings, not within code fences.
    """
    found = list(_headings(text))
    ends = [start for start, _ in found[1:]] + [len(text)] * bool(found)
    return [Section(start, end, None, title[:LONGEST_HEADING]) for (start, title), end in zip(found, ends, strict=True)]


def _headings(text: str) -> Iterator[tuple[int, str]]:
    front = _FRONT_MATTER.match(text)
    place, fence = front.end() if front else 0, ""
    before, before_at = "", place
    for line in text[place:].split("\n"):
        opened = _FENCE.match(line)
        if opened and not fence:
            fence = opened[1]
        elif fence:
            if opened and opened[1].startswith(fence) and not line.strip().strip(fence[0]):
                fence = ""
        elif title := _ATX.match(line):
            yield place, _CLOSING.sub("", title[1]).strip()
        elif before.strip() and _UNDERLINE.match(line) and not _NO_TITLE.match(before):
            yield before_at, before.strip()
        before, before_at = ("" if fence or _ATX.match(line) else line), place
        place += len(line) + 1


def read(data: bytes, _: str) -> Read:
    text = decode(data)
    return one(text, heading_sections(text))


formats.add("markdown", Format((".md", ".markdown"), read))
