"""Word documents by markitdown: paragraphs, lists and tables as Markdown, with a section for each heading. Pictures are left behind."""

from __future__ import annotations

from typing import Any

from retrieval.reading.base import Format, Read, formats, one
from retrieval.reading.html import AS_TEXT
from retrieval.reading.markdown import heading_sections
from retrieval.reading.office import opened


def read(data: bytes, _: str) -> Read:
    from markitdown import StreamInfo
    from markitdown.converters import DocxConverter

    converter: Any = DocxConverter
    plain = {"escape_asterisks": False, "escape_underscores": False, "strip": list(AS_TEXT)}
    written = converter().convert(opened(data, "word/document.xml"), StreamInfo(extension=".docx"), **plain).markdown
    text = written.replace("\0", "").replace("\r\n", "\n").strip()
    return one(text, heading_sections(text))


formats.add("docx", Format((".docx",), read, needs=("markitdown.converters",)))
