"""A new metric over saved answers costs its own working out and nothing else."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from comparison.plan import read_plan
from comparison.rescore import rescore
from comparison.store import Store
from models.fake import FakeModel

ITEMS = 200


def test_rescoring_200_items_generates_nothing_and_takes_under_5_seconds(
    complete: Callable[..., tuple[str, list[Any]]], mapping: dict[str, Any], tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Issue 3, how it is shown, 4: the calls of the model are counted, and there are none."""
    rows = [
        {"input": f"What stands in room {n} of wing {n * 7 % 31}?", "output": f"a chair numbered {n * 13 % 97}"} for n in range(ITEMS + 8)
    ]
    for name, part in {"train": rows[:8], "test": rows[8:]}.items():
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in part))
    data = {"files": {"train": "train.jsonl", "test": "test.jsonl"}, "split": {"train": 1.0, "validation": 0.0, "test": 0.0}}
    plan = read_plan({**mapping, "data": data, "knowledge": None, "metrics": ["token_f1"], "batch": {"max_rows": 64}}, tmp_path)
    calls: list[str] = []
    for name in ("generate", "stream", "logprobs"):
        monkeypatch.setattr(FakeModel, name, counted(name, getattr(FakeModel, name), calls))
    comparison_id, _ = complete(plan)
    assert calls.count("generate") > 0
    calls.clear()
    begun = time.perf_counter()
    list(rescore(store, comparison_id, ["rougeL", "exact_match_lenient"]))
    taken = time.perf_counter() - begun
    report = store.result(comparison_id).report()
    assert calls == []
    assert [method["scores"]["rougeL"]["n"] for method in report["methods"]] == [ITEMS, ITEMS]
    assert taken < 5.0


def counted(name: str, real: Callable[..., Any], calls: list[str]) -> Callable[..., Any]:
    def call(*arguments: Any, **named: Any) -> Any:
        calls.append(name)
        return real(*arguments, **named)

    return call
