"""Files are whole or absent, also on a full disk."""

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.errors import StoreError
from core.files import MANIFEST, folder_bytes, manifest_about, manifest_fault, write_json, write_manifest, write_whole

FILES = 5


class FullDisk:
    """A disk that is full from the n-th write on (from 1). The write that fails leaves half of its bytes, as a real one may."""

    def __init__(self, n: int, monkeypatch: pytest.MonkeyPatch) -> None:
        self.left = n
        opened = Path.open

        def open_counted(path: Path, mode: str = "r", *args: Any, **more: Any) -> Any:
            file = opened(path, mode, *args, **more)
            if "w" not in mode:
                return file
            disk, write = self, file.write

            class Counted:
                def write(self, data: bytes) -> int:
                    disk.left -= 1
                    if disk.left < 1:
                        write(data[: len(data) // 2])
                        raise OSError(errno.ENOSPC, "No space left on device")
                    return int(write(data))

                def __getattr__(self, name: str) -> Any:
                    return getattr(file, name)

                def __enter__(self) -> Any:
                    return self

                def __exit__(self, *problem: object) -> None:
                    file.close()

            return Counted()

        monkeypatch.setattr(Path, "open", open_counted)


@pytest.mark.parametrize("n", range(1, FILES + 1))
def test_a_full_disk_leaves_old_files_whole_and_no_half_ones(n: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """F5, the part of whole files: disk full at write n."""
    paths = [tmp_path / f"{place}.json" for place in range(FILES)]
    for path in paths:
        write_whole(path, "old" * 100)
    FullDisk(n, monkeypatch)
    with pytest.raises(StoreError, match="Disk full while writing"):
        for path in paths:
            write_whole(path, "new" * 100)
    assert [path.read_text()[:3] for path in paths] == ["new"] * (n - 1) + ["old"] * (FILES - n + 1)
    assert all(len(path.read_text()) == 300 for path in paths)
    assert sorted(tmp_path.iterdir()) == paths


def test_a_new_file_is_absent_after_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """F5: nothing under the final name."""
    FullDisk(1, monkeypatch)
    with pytest.raises(StoreError):
        write_whole(tmp_path / "new.txt", "text")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("n", [1, 2])
def test_a_disk_that_is_found_full_when_flushing_is_told_plainly(n: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """F5: some file systems say so only at fsync, of the file or of its folder. What stands there is the old or the new file, whole."""
    write_whole(tmp_path / "a", "old")
    calls = iter(range(1, 9))

    def fsync(handle: int) -> None:
        if next(calls) == n:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(StoreError, match="Disk full while writing a"):
        write_whole(tmp_path / "a", "new")
    assert (tmp_path / "a").read_text() == ("old" if n == 1 else "new")
    assert list(tmp_path.iterdir()) == [tmp_path / "a"]


def test_other_disk_errors_are_not_dressed_up(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError):
        write_whole(tmp_path / "folder", "text")


def test_json_refuses_nan_and_keeps_the_old_file(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"score": None, "name": "Zoë"})
    with pytest.raises(ValueError, match="Out of range"):
        write_json(tmp_path / "a.json", {"score": float("nan")})
    assert json.loads((tmp_path / "a.json").read_text()) == {"score": None, "name": "Zoë"}


@pytest.fixture
def artefact(tmp_path: Path) -> Path:
    write_whole(tmp_path / "weights.bin", b"12345")
    write_whole(tmp_path / "deep" / "config.json", "{}")
    write_manifest(tmp_path, {"kind": "weights"})
    return tmp_path


def test_a_complete_folder_has_no_fault(artefact: Path) -> None:
    assert manifest_fault(artefact) == ""
    assert manifest_about(artefact) == {"kind": "weights"}
    assert folder_bytes(artefact) == 7 + (artefact / MANIFEST).stat().st_size


DAMAGE: dict[str, tuple[Callable[[Path], Any], str]] = {
    "no manifest": (lambda f: (f / MANIFEST).unlink(), "it has no MANIFEST"),
    "half a manifest": (lambda f: (f / MANIFEST).write_text((f / MANIFEST).read_text()[:40]), "its MANIFEST cannot be read"),
    "bytes for a manifest": (lambda f: (f / MANIFEST).write_bytes(b"\xff\xfe\x00"), "its MANIFEST cannot be read"),
    "a list for a manifest": (lambda f: (f / MANIFEST).write_text("[1]"), "its MANIFEST cannot be read"),
    "files as a list": (lambda f: (f / MANIFEST).write_text('{"files": []}'), "its MANIFEST cannot be read"),
    "no sizes": (lambda f: (f / MANIFEST).write_text('{"files": {"weights.bin": {}}}'), "its MANIFEST cannot be read"),
    "a missing file": (lambda f: (f / "deep" / "config.json").unlink(), "deep/config.json is missing"),
    "a file cut short": (lambda f: (f / "weights.bin").write_bytes(b"12"), "weights.bin has 2 bytes, not 5"),
    "a longer file": (lambda f: (f / "weights.bin").write_bytes(b"123456"), "weights.bin has 6 bytes, not 5"),
    "a flipped byte": (lambda f: (f / "weights.bin").write_bytes(b"12x45"), "the content of weights.bin has changed"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_every_kind_of_damage_is_found_and_named(name: str, artefact: Path) -> None:
    damage, fault = DAMAGE[name]
    damage(artefact)
    assert manifest_fault(artefact) == fault


def test_without_hashes_only_presence_and_sizes_are_compared(artefact: Path) -> None:
    (artefact / "weights.bin").write_bytes(b"12x45")
    assert manifest_fault(artefact, hashes=False) == ""
    (artefact / "weights.bin").write_bytes(b"12")
    assert manifest_fault(artefact, hashes=False) == "weights.bin has 2 bytes, not 5"


def test_a_folder_that_is_not_there_has_no_manifest(tmp_path: Path) -> None:
    assert manifest_fault(tmp_path / "nowhere") == "it has no MANIFEST"
