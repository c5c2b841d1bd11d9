"""HTML: its visible text as Markdown, with a section for each heading. Scripts, styles, links' targets and images are left behind.

Nothing is fetched and nothing is run; what comes out is text, and the page shows it as such.
"""

from __future__ import annotations

from typing import Any

from retrieval.reading.base import Format, Read, Unreadable, formats, one
from retrieval.reading.markdown import heading_sections
from retrieval.reading.plain import COMPRESSED

GONE = ("script", "style", "template", "noscript", "iframe", "object", "embed", "svg", "head", "select")
AS_TEXT = ("a", "img", "input", "button", "b", "strong", "i", "em", "u", "s", "del", "sub", "sup")
"""Only their words are kept: what is bold or linked says nothing to an index."""
MARKDOWN: dict[str, Any] = {
    "heading_style": "ATX",
    "bullets": "-",
    "escape_asterisks": False,
    "escape_underscores": False,
    "strip": list(AS_TEXT),
}


def text_of(markup: bytes | str) -> str:
    """The text of a page, headings as `# …`, tables and lists as in Markdown. Bytes are decoded as their mark or `<meta charset>` says."""
    from bs4 import BeautifulSoup
    from markdownify import MarkdownConverter

    soup = BeautifulSoup(markup, "html.parser")
    for tag in soup(GONE):
        tag.decompose()
    try:
        written: str = MarkdownConverter(**MARKDOWN).convert_soup(soup)
    except RecursionError:  # thousands of tags within each other
        written = soup.get_text("\n", strip=True)
    return "\n".join(line.rstrip() for line in written.split("\n")).strip()


def read(data: bytes, _: str) -> Read:
    if data.startswith(tuple(COMPRESSED)) or (b"\0" in data and not data.startswith((b"\xff\xfe", b"\xfe\xff"))):
        raise Unreadable("not an HTML page, whatever its ending says")
    text = text_of(data)
    return one(text, heading_sections(text))


formats.add("html", Format((".html", ".htm"), read, needs=("bs4", "markdownify")))
