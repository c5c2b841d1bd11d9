"""A peak can be measured from a chosen moment, and where it cannot there is still a number."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest

from core import memory


@pytest.mark.skipif(not memory.CLEAR.exists(), reason="only Linux can measure from a chosen moment")
def test_the_peak_rises_with_what_is_held_and_falls_when_begun_anew() -> None:
    assert memory.reset_peak()
    before = memory.peak_mb()
    held = bytearray(b"x" * 200 * 2**20)
    assert memory.peak_mb() > before + 150
    del held
    high = memory.peak_mb()
    assert memory.reset_peak()
    assert memory.peak_mb() < high - 100


def test_without_proc_it_is_the_peak_since_the_start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(memory, "CLEAR", tmp_path / "none" / "clear_refs")
    monkeypatch.setattr(memory, "STATUS", tmp_path / "none" / "status")
    monkeypatch.setattr(memory.sys, "platform", "linux")
    assert not memory.reset_peak()
    assert memory.peak_mb() == pytest.approx(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, rel=0.1)
