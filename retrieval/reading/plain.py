"""Plain text: bytes to characters, line ends as \\n. Also how every other format that is text decodes its bytes."""

from __future__ import annotations

import codecs

from retrieval.reading.base import Format, Read, Unreadable, formats, one

COMPRESSED = {b"\x1f\x8b": "gzip", b"PK\x03\x04": "zip", b"BZh": "bzip2", b"\xfd7zXZ\x00": "xz", b"\x28\xb5\x2f\xfd": "zstd"}


def decode(data: bytes) -> str:
    """UTF-8, or UTF-16 by its byte order mark.

    Raises:
        Unreadable: it is something else.
    """
    for magic, name in COMPRESSED.items():
        if data.startswith(magic):
            raise Unreadable(f"compressed ({name}), whatever its ending says")
    encoding = "utf-16" if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        raise Unreadable("not UTF-8 or UTF-16 text") from None
    if "\0" in text:
        raise Unreadable("holds NUL characters: not text, or UTF-16 without a byte order mark")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read(data: bytes, _: str) -> Read:
    return one(decode(data))


formats.add("text", Format((".txt", ".rst"), read))
