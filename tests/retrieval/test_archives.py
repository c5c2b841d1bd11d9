"""F21: names within archives are labels: nothing is written to disk, and those that lead out, hide or repeat are refused with their reason."""

from __future__ import annotations

import io
import stat
import zipfile
from pathlib import Path

import made_files
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval.documents import load_documents
from retrieval.reading import archive
from retrieval.reading.archive import fault_of_name, member_bytes, members, open_archive
from retrieval.reading.base import Unreadable

OUT = "its name leads out of the archive"
SIGNS = "its name holds control characters"
NAMES = {
    "ok.md": "",
    "a/b/c d.md": "",
    "CON.md": "",
    "a.jsonl#b.md": "",
    "file%20name.md": "",
    "../up.md": OUT,
    "a/../../up.md": OUT,
    "/etc/passwd.md": OUT,
    "C:/windows.md": OUT,
    "..\\up.md": OUT,
    "a\\..\\..\\up.md": OUT,
    "%2e%2e/up.md": OUT,
    "%2e%2e%2fup.md": OUT,
    "．．／up.md": OUT,
    "nul\0.md": SIGNS,
    "line\nend.md": SIGNS,
    "\u202egnp.md": SIGNS,
    "x" * 300 + ".md": "its name is longer than 255 characters",
    ".hidden.md": "hidden",
    "__MACOSX/a.md": "hidden",
}


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_taken_or_refused_with_its_reason(name: str) -> None:
    assert fault_of_name(name) == NAMES[name]


@settings(max_examples=1_000, deadline=None)
@given(st.text(st.sampled_from("./\\%2eEfF5cC:~\0\nCON．／a#"), max_size=40))
def test_no_name_that_is_taken_leads_anywhere(name: str) -> None:
    """F21: 1,000 names of the signs that attacks are made of."""
    if not fault_of_name(name):
        inside = Path("/store/upload").joinpath(name.replace("\\", "/"))
        assert Path(*inside.parts).resolve().is_relative_to("/store/upload") and "\0" not in name


def hostile() -> bytes:
    """Every name above, a link, a name twice, an archive within the archive, and a file of no known kind."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as made:
        for name in NAMES:
            made.writestr("placeholder" if "\0" in name else name, f"text of {name}")
        link = zipfile.ZipInfo("link.md")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        made.writestr(link, "/etc/passwd")
        made.writestr("folder/", "")
        made.writestr("inner.zip", made_files.zipped({"a.md": "x"}))
        made.writestr("twice.md", "the first")
        with pytest.warns(UserWarning, match="Duplicate name"):
            made.writestr("twice.md", "the second")
        made.writestr("photo.png", "x")
        made.writestr("blank.md", " ")
        made.writestr("book.pdf", made_files.good()["book.pdf"])
        made.writestr("rows.csv", made_files.good()["rows.csv"])
    return target.getvalue().replace(b"placeholder", b"nul\0name.md")


def test_an_archive_gives_its_sound_files_and_a_line_for_each_other(tmp_path: Path) -> None:
    """F21: and nothing is written beside it."""
    (tmp_path / "all.zip").write_bytes(hostile())
    (tmp_path / "after.txt").write_text("still read")
    found = load_documents(tmp_path)
    taken = {
        "ok.md",
        "a/b/c d.md",
        "CON.md",
        "a.jsonl#b.md",
        "file%20name.md",
        "twice.md",
        "book.pdf",
        "rows.csv/line-2",
        "rows.csv/line-3",
    }
    assert {d.id for d in found.documents} == {"after.txt", *(f"all.zip/{name}" for name in taken)}
    assert {d.text for d in found.documents if "twice" in d.id} == {"the first"}
    said = {s.path.removeprefix("all.zip/"): s.reason for s in found.skipped}
    assert said["link.md"] == "a link" and said["inner.zip"].startswith("an archive within an archive")
    assert said["twice.md"] == "named twice in it" and said["photo.png"].startswith("not one of") and said["blank.md"] == "empty"
    assert [s.reason for s in found.skipped].count(OUT) == sum(fault == OUT for fault in NAMES.values()) and said[
        "nul\ufffdname.md"
    ] == SIGNS
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["after.txt", "all.zip"]


def test_an_archive_that_is_no_archive_or_empty_or_locked_is_one_line(tmp_path: Path) -> None:
    whole = made_files.zipped({"a.md": "text", "b.md": "more"})
    locked = bytearray(made_files.zipped({"a.md": "text"}))
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        locked[locked.index(signature) + flags] |= 1
    broken = bytearray(whole)
    broken[35] ^= 0xFF
    files = {"half.zip": whole[:40], "none.zip": made_files.zipped({}), "locked.zip": bytes(locked), "broken.zip": bytes(broken)}
    for name, content in {**files, "ok.md": b"ok"}.items():
        (tmp_path / name).write_bytes(content)
    found = load_documents(tmp_path)
    said = {s.path: s.reason for s in found.skipped}
    assert said["half.zip"] == "damaged, or no zip archive" and said["none.zip"] == "an archive without files"
    assert said["locked.zip/a.md"].startswith("encrypted") and said["broken.zip/a.md"].startswith("damaged in its archive")
    assert {d.id for d in found.documents} == {"ok.md", "broken.zip/b.md"}


def test_what_an_archive_unpacks_to_is_limited_before_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """F26: by files and by bytes that its table of contents states; a member gives no more than is stated there."""
    bomb = made_files.zipped({f"{n}.txt": bytes(10**6) for n in range(5)})
    assert len(bomb) < 10_000
    monkeypatch.setattr(archive, "MAX_UNPACKED_BYTES", 4 * 10**6)
    with pytest.raises(Unreadable, match="unpacks to 5 MB; at most 4 MB"):
        open_archive(bomb)
    monkeypatch.setattr(archive, "MAX_UNPACKED_BYTES", 10**9)
    monkeypatch.setattr(archive, "MAX_MEMBERS", 4)
    with pytest.raises(Unreadable, match="holds 5 files; at most 4 are read"):
        open_archive(bomb)


def test_a_member_that_states_too_few_bytes_gives_no_more_than_those() -> None:
    """F26: the size in both headers is a lie; it is the lie that is believed."""
    honest = made_files.zipped({"a.txt": bytes(10**6)})
    lying = honest.replace((10**6).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    opened = open_archive(lying)
    assert opened.infolist()[0].file_size == 10
    with pytest.raises(Unreadable, match="damaged in its archive"):
        member_bytes(opened, 0)
    assert [m.refused for m in members(opened)] == [""]
