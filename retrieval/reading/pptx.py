"""Slides by markitdown: titles, text, tables and speakers' notes, one section a slide."""

from __future__ import annotations

import re
from typing import Any

from retrieval.reading.base import Format, Read, formats, joined, one
from retrieval.reading.office import opened

_PICTURE = re.compile(r"!\[([^\]\n]*)\]\([^)\n]*\)")
_TITLE = re.compile(r"\A\s*#[ \t]+(\S[^\n]*)")


def read(data: bytes, _: str) -> Read:
    from markitdown import StreamInfo
    from markitdown.converters import PptxConverter

    converter: Any = PptxConverter
    written = converter().convert(opened(data, "ppt/presentation.xml"), StreamInfo(extension=".pptx")).markdown
    slides = _slides(written.replace("\0", "").replace("\v", "\n").replace("\r\n", "\n"))
    text, sections = joined([(_PICTURE.sub(r"\1", slide), number, _title(slide)) for number, slide in enumerate(slides, 1)])
    return one(text, sections, parts=len(slides))


def _slides(written: str) -> list[str]:
    """The text between markitdown's marks. A mark that a slide's own text holds is out of the count, so it stays text."""
    slides: list[str] = []
    rest = written
    while True:
        before, mark, after = rest.partition(f"<!-- Slide number: {len(slides) + 1} -->")
        if slides:
            slides[-1] = before
        if not mark:
            return slides
        slides.append(after)
        rest = after


def _title(slide: str) -> str:
    found = _TITLE.match(slide)
    return found[1].strip()[:200] if found else ""


formats.add("pptx", Format((".pptx",), read, needs=("markitdown.converters",), part="slide"))
