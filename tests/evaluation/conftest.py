"""Golden tables and small builders that the tests of this folder share."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.records import Score, Scored, Unscored
from evaluation.base import Item

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture
def golden() -> Callable[[str], Any]:
    return lambda name: json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))


@pytest.fixture
def item() -> Callable[..., Item]:
    def build(prediction: str, reference: str = "", **more: Any) -> Item:
        return Item("id", more.pop("question", "What?"), prediction, reference, **more)

    return build


@pytest.fixture
def value() -> Callable[[Scored], float | None]:
    """The number, or None where there is a reason instead."""

    def read(scored: Scored) -> float | None:
        assert isinstance(scored, Score) or (isinstance(scored, Unscored) and scored.reason)
        return scored.value if isinstance(scored, Score) else None

    return read
