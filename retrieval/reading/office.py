"""What docx, pptx and xlsx have in common: each is a zip archive of XML, or, with a password or from before 2007, no archive at all."""

from __future__ import annotations

import io
import zipfile

from retrieval.reading.base import MAX_UNPACKED_BYTES, Unreadable

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def opened(data: bytes, holds: str) -> io.BytesIO:
    """The file, after what can be told before a library unpacks it.

    Args:
        holds: a name that the archive must hold, which tells the three formats apart.

    Raises:
        Unreadable: with the reason.
    """
    if data.startswith(OLE):
        raise Unreadable("encrypted, or saved in the form from before 2007; save it anew without a password")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
            names = set(archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise Unreadable("damaged, or not of the kind that its ending says") from error
    if unpacked > MAX_UNPACKED_BYTES:
        raise Unreadable(f"unpacks to {unpacked / 1e6:,.0f} MB; at most {MAX_UNPACKED_BYTES // 1_000_000} MB are unpacked")
    if holds not in names:
        raise Unreadable("damaged, or not of the kind that its ending says")
    return io.BytesIO(data)
