"""Memory is the GPU's where the work is there, else the process's."""

from __future__ import annotations

import pytest
import torch

from models import memory as of_device


def test_a_gpu_is_asked_for_its_own_memory_and_never_mixed_with_the_hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda: 3 * 2**20)
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", lambda: asked.append("reset"))
    asked: list[str] = []
    of_device.reset_peak("cuda")
    assert (asked, of_device.peak_mb("cuda")) == (["reset"], 3.0)
    assert of_device.peak_mb("cpu") > 3.0
