"""PDF by pypdf: the text layer, page by page. A page that is only a picture has none; nothing is recognised from pixels here."""

from __future__ import annotations

import io
from typing import Any

from retrieval.reading.base import MAX_PAGES, Format, Read, Unreadable, check_length, formats, joined, one

NAMED_PAGES = 5


def read(data: bytes, _: str) -> Read:
    from pypdf import PdfReader
    from pypdf.errors import DependencyError, PyPdfError

    try:
        pages = _pages(PdfReader(io.BytesIO(data)))
    except DependencyError as error:
        raise Unreadable("encrypted in a way that is not read; save it without a password") from error
    except PyPdfError as error:
        raise Unreadable(f"damaged, or no PDF ({_first_line(error)})") from error
    stretches: list[tuple[str, int | None, str]] = []
    broken: list[int] = []
    for number, page in enumerate(pages, 1):
        try:
            stretches.append((clean(page.extract_text()), number, ""))
        except MemoryError:
            raise
        except Exception:  # one page is drawn wrongly; the others may be sound
            broken.append(number)
        check_length(sum(len(text) for text, _, _ in stretches))
    text, sections = joined(stretches)
    if not text:
        raise Unreadable(_nothing(len(pages), broken))
    return one(text, sections, _notes(len(pages), [s.page for s in sections], broken), len(pages))


def _pages(reader: Any) -> list[Any]:
    """Raises: Unreadable, where a password is needed or there are too many."""
    if reader.is_encrypted and not reader.decrypt(""):
        raise Unreadable("encrypted; save it without a password")
    count = len(reader.pages)
    if count > MAX_PAGES:
        raise Unreadable(f"has {count:,} pages; at most {MAX_PAGES:,} are read, so split it")
    return [reader.pages[number] for number in range(count)]


def clean(text: str) -> str:
    """Line ends as \\n, and no NUL characters, which fonts without a character map give."""
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")


def _nothing(pages: int, broken: list[int]) -> str:
    if not pages:
        return "empty: it has no pages"
    if broken:
        return f"damaged: {_named(broken)} cannot be read, and no page gives text"
    return f"no text layer found on its {pages} page{'s' if pages > 1 else ''}, as in a scan; run text recognition (OCR) on it first"


def _notes(pages: int, with_text: list[int | None], broken: list[int]) -> list[str]:
    bare = [number for number in range(1, pages + 1) if number not in set(with_text) | set(broken)]
    notes = [f"{_named(broken)} cannot be read"] if broken else []
    return notes + ([f"{_named(bare)} {'have' if len(bare) > 1 else 'has'} no text layer"] if bare else [])


def _named(pages: list[int]) -> str:
    first = ", ".join(str(number) for number in pages[:NAMED_PAGES])
    more = f" and {len(pages) - NAMED_PAGES} more" if len(pages) > NAMED_PAGES else ""
    return f"page{'s' if len(pages) > 1 else ''} {first}{more}"


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:120]


formats.add("pdf", Format((".pdf",), read, needs=("pypdf",), part="page"))
