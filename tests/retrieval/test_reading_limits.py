"""F26, F27: what a file may cost. Traps are stand-ins in a child of their own (support/reading_traps.py), labelled so there."""

from __future__ import annotations

import sys
from pathlib import Path

import made_files
import pytest

from core.errors import DataError
from retrieval import documents
from retrieval.documents import load_documents
from retrieval.reading import base, process, table
from retrieval.reading.base import Unreadable, formats
from retrieval.reading.process import ReadingChild

TRAPS = Path(__file__).parent.parent / "support" / "reading_traps.py"


@pytest.fixture
def traps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "COMMAND", (sys.executable, str(TRAPS)))
    monkeypatch.setattr(base, "CPU_S", 1)


def write(folder: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def test_files_that_loop_fill_the_memory_crash_or_write_cost_only_themselves(traps: None, tmp_path: Path) -> None:
    """F27: 1 s of a processor and 512 MiB each; each has its line, and the files between them are read."""
    bad = {
        name: name[2:].removesuffix(".pdf").encode() for name in ("a-spin.pdf", "c-fill.pdf", "e-crash.pdf", "g-write.pdf", "i-long.pdf")
    }
    good = {f"{letter}.txt": letter.encode() for letter in "bdfhj"}
    found = load_documents(write(tmp_path, {**bad, **good, "k-print.pdf": b"print"}))
    assert [d.id for d in found.documents] == [*sorted(good), "k-print.pdf"]
    said = {s.path: s.reason for s in found.skipped}
    assert said["a-spin.pdf"] == "not read within 1 s of a processor"
    assert said["c-fill.pdf"] == "needs more than 512 MiB of memory to be read"
    assert said["e-crash.pdf"].startswith("its reader crashed or ran out of its 512 MiB")
    assert "File too large" in said["g-write.pdf"]
    assert said["i-long.pdf"].startswith("holds more than") and set(said) == set(bad)


def test_a_file_that_only_waits_is_given_up_by_the_clock(traps: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """F27: it uses no processor, so only the clock can end it; the next file has a new child. One that works on a busy machine has longer."""
    write(tmp_path, {"sleep.pdf": b"sleep", "a.txt": b"awake"})
    with ReadingChild() as child:
        with monkeypatch.context() as patience:
            patience.setattr(process, "LEAST_S", 100)
            patience.setattr(base, "STILL_S", 1)
            with pytest.raises(Unreadable, match="its reader stood still for 1 s"):
                child.ask({"path": str(tmp_path / "sleep.pdf"), "name": "sleep.pdf"})
        lines, _ = child.ask({"path": str(tmp_path / "a.txt"), "name": "a.txt"})
        assert [line["text"] for line in lines] == ["awake"] and child.lost == 1
        with monkeypatch.context() as patience:
            patience.setattr(process, "LEAST_S", -1)
            patience.setattr(base, "STILL_S", 0.2)
            patience.setattr(base, "WALL_S", 0.5)
            with pytest.raises(Unreadable, match=r"still being read after 0\.5 s"):
                child.ask({"path": str(tmp_path / "sleep.pdf"), "name": "sleep.pdf"})


def test_a_folder_of_traps_ends(traps: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """F27: after a number of lost children the rest is not tried, and said so."""
    monkeypatch.setattr(process, "MAX_LOST", 1)
    write(tmp_path, {"a.txt": b"read", "b.pdf": b"crash", "c.txt": b"not tried"})
    found = load_documents(tmp_path)
    assert [d.id for d in found.documents] == ["a.txt"]
    assert found.skipped[1].reason == "not tried, since 1 files before it had to be given up"
    assert not documents._read.cache_info().currsize, "what failed for want of time may be read when the machine is less busy"


def test_unchanged_files_are_read_once_and_changed_ones_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {"a.txt": b"one"})
    first = load_documents(tmp_path)
    with monkeypatch.context() as none:
        none.setattr(process, "COMMAND", ("no such program",))
        assert load_documents(tmp_path) == first
    write(tmp_path, {"a.txt": b"other"})
    assert load_documents(tmp_path).documents[0].text == "other"


def test_the_text_of_a_file_is_limited_however_few_bytes_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    """F26: characters once unpacked, not bytes: of pages, cells and rows."""
    monkeypatch.setattr(base, "MAX_TEXT", 30)
    for name, data in {
        "pdf": made_files.pdf(["twenty signs or so..", "twenty signs or so.."]),
        "xlsx": made_files.xlsx({"A": [["a" * 20]] * 3}),
        "csv": b"text\n" + b"twenty signs or so..\n" * 2,
    }.items():
        with pytest.raises(Unreadable, match="characters of text; cut it into smaller files"):
            formats.get(name).read(data, "")


def test_an_office_file_that_would_unpack_to_gigabytes_is_refused_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """F26: a zip bomb with the ending of a workbook."""
    monkeypatch.setattr("retrieval.reading.office.MAX_UNPACKED_BYTES", 10**6)
    with pytest.raises(Unreadable, match="unpacks to 5 MB; at most 1 MB"):
        formats.get("xlsx").read(made_files.zipped({"xl/workbook.xml": bytes(5 * 10**6)}), "")


def test_a_workbook_with_a_password_is_said_so() -> None:
    with pytest.raises(Unreadable, match="encrypted, or saved in the form from before 2007"):
        formats.get("docx").read(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "")


@pytest.mark.parametrize("magic", [b"\x1f\x8b\x08", b"PK\x03\x04", b"BZh9", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd"])
def test_compressed_bytes_with_the_ending_of_text_are_refused(magic: bytes) -> None:
    """F26: gzip bombs and their kin are never unpacked."""
    with pytest.raises(Unreadable, match="compressed"):
        formats.get("text").read(magic + bytes(100), "")


def test_a_line_of_a_table_has_a_longest_length() -> None:
    """F26: one JSONL line of more than a megabyte, and cells without end."""
    with pytest.raises(Unreadable, match="at most 1,000,000 are taken"):
        formats.get("jsonl").read(b'{"text": "' + b"x" * 1_100_000 + b'"}', "")
    assert len(table._about({"text": "t", "note": "x" * 5_000}, "text")[0][1]) == table.LONGEST_VALUE


@pytest.mark.parametrize(("limit", "value"), [("MAX_FILES", 2), ("MAX_TOTAL_TEXT", 5), ("MAX_DOCUMENTS", 2)])
def test_limits_on_all_files_are_refused_with_the_limit_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, value: int
) -> None:
    write(tmp_path, {"a.txt": b"aa", "b.txt": b"bb", "c.txt": b"cc"})
    monkeypatch.setattr(documents, limit, value)
    with pytest.raises(DataError, match="The documents must be at most"):
        load_documents(tmp_path)
