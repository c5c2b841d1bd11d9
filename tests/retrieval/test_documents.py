from __future__ import annotations

import codecs
from pathlib import Path

import pytest

from core.errors import DataError
from retrieval.documents import load_documents
from retrieval.reading import base


def write(folder: Path, files: dict[str, str | bytes]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def test_ids_are_paths_below_the_folder_in_sorted_order(tmp_path: Path) -> None:
    write(tmp_path, {"b.txt": "b", "a/z.md": "z", "a/b/c.rst": "c", "d.markdown": "d"})
    assert [(d.id, d.text) for d in load_documents(tmp_path).documents] == [
        ("a/b/c.rst", "c"),
        ("a/z.md", "z"),
        ("b.txt", "b"),
        ("d.markdown", "d"),
    ]


def test_a_single_file_is_a_document_named_after_itself(tmp_path: Path) -> None:
    write(tmp_path, {"guide.md": "hello"})
    assert [d.id for d in load_documents(tmp_path / "guide.md").documents] == ["guide.md"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_text_is_read_in_each_supported_encoding(tmp_path: Path, encoding: str) -> None:
    write(tmp_path, {"a.txt": "Größe 大小\r\nзвук\rend".encode(encoding)})
    assert load_documents(tmp_path).documents[0].text == "Größe 大小\nзвук\nend"


def test_big_endian_utf16_is_read(tmp_path: Path) -> None:
    write(tmp_path, {"a.txt": codecs.BOM_UTF16_BE + "Größe".encode("utf-16-be")})
    assert load_documents(tmp_path).documents[0].text == "Größe"


def test_what_is_left_out_is_listed_with_its_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "MAX_FILE_BYTES", 2_000_000)
    write(tmp_path, {"ok.txt": "ok", "photo.png": b"\x89PNG", "latin.txt": b"\xe9t\xe9", "nul.txt": b"a\0b", "blank.md": " \n\t"})
    write(tmp_path, {".secret.txt": "x", ".git/config.txt": "x", "big.txt": "x" * 2_000_001, "line\nend.txt": "x"})
    found = load_documents(tmp_path)
    assert [d.id for d in found.documents] == ["ok.txt"]
    reasons = dict(found.skipped)
    assert set(reasons) == {"photo.png", "latin.txt", "nul.txt", "blank.md", ".secret.txt", ".git", "big.txt", "line\ufffdend.txt"}
    assert "not one of .txt" in reasons["photo.png"]
    assert "UTF-8" in reasons["latin.txt"]
    assert "NUL" in reasons["nul.txt"]
    assert reasons["blank.md"] == "empty"
    assert reasons[".git"] == reasons[".secret.txt"] == "hidden"
    assert reasons["big.txt"] == "larger than 2 MB"


def test_links_that_leave_the_folder_are_not_followed(tmp_path: Path) -> None:
    write(tmp_path, {"outside/secret.txt": "secret", "in/ok.txt": "ok"})
    (tmp_path / "in" / "leak.txt").symlink_to(tmp_path / "outside" / "secret.txt")
    (tmp_path / "in" / "folder").symlink_to(tmp_path / "outside")
    (tmp_path / "in" / "again.txt").symlink_to(tmp_path / "in" / "ok.txt")
    found = load_documents(tmp_path / "in")
    assert [d.id for d in found.documents] == ["again.txt", "ok.txt"]
    assert dict(found.skipped) == {"leak.txt": "a link that leads out of the folder", "folder": "a link to a folder"}


def test_a_dangling_link_is_listed_not_a_crash(tmp_path: Path) -> None:
    write(tmp_path, {"ok.txt": "ok"})
    (tmp_path / "gone.txt").symlink_to(tmp_path / "nowhere.txt")
    assert dict(load_documents(tmp_path).skipped) == {"gone.txt": "not a regular file"}


def test_nothing_readable_says_what_was_left_out_and_what_to_add(tmp_path: Path) -> None:
    write(tmp_path, {"a.png": b"x"})
    with pytest.raises(DataError, match=r"at least one readable text; got 1 left out \(a\.png: not one of.*Add \.txt"):
        load_documents(tmp_path)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"handbook is not there.*Mend knowledge\.path"):
        load_documents(tmp_path / "handbook")
