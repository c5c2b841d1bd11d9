"""Recall over k of a plan's searches, without an answer, on the fake embedder."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from comparison.plan import read_plan
from comparison.ready import make_ready
from comparison.recall_commands import as_text
from comparison.recall_sweep import K, MethodRecall, recall_sweep
from comparison.store import Store
from core.errors import PlanError

SEARCH = [{"kind": "zero_shot"}, {"kind": "rag", "top_k": 1, "chunk_size": 16, "chunk_overlap": 0, "retriever": "bm25"}]


@pytest.fixture
def halls(tmp_path: Path) -> Path:
    """Each question names the object that one document is about."""
    rows = [{"input": f"Where is object zq{n}?", "output": f"In cabinet {n} of the hall", "document": f"{n}.md"} for n in range(20)]
    (tmp_path / "questions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "handbook").mkdir()
    for n in range(20):
        (tmp_path / "handbook" / f"{n}.md").write_text(f"Object zq{n} is in cabinet {n} of the hall.")
    return tmp_path


def swept(mapping: dict[str, Any], folder: Path, store: Store) -> list[MethodRecall]:
    ready = make_ready(read_plan({**mapping, "methods": SEARCH}, folder), store.models)
    return [step for step in recall_sweep(store, ready) if isinstance(step, MethodRecall)]


def test_words_that_stand_in_one_document_find_it_first(mapping: dict[str, Any], halls: Path, store: Store) -> None:
    (found,) = swept(mapping, halls, store)
    assert (found.name, found.by) == ("rag", "document")
    assert [found.measures[f"recall@{k}"]["mean"] for k in K] == [1.0] * len(K) and found.measures["mrr"]["mean"] == 1.0
    assert found.measures["precision@2"]["mean"] == 0.5 and found.measures["answer@1"]["n"] == found.items
    assert "recall@1 1.000" in as_text(found) and "by document" in as_text(found)


def test_a_plan_without_a_search_is_refused(mapping: dict[str, Any], halls: Path, store: Store) -> None:
    ready = make_ready(read_plan({**mapping, "methods": SEARCH[:1]}, halls), store.models)
    with pytest.raises(PlanError, match="at least one rag method"):
        list(recall_sweep(store, ready))


def test_the_command_prints_it_as_json(command: Callable[..., Any], write_plan: Callable[..., Path]) -> None:
    done = command("recall", write_plan(methods=SEARCH), "--json")
    assert done.returncode == 0, done.stderr
    (found,) = json.loads(done.stdout)
    assert found["name"] == "rag" and found["items"] > 0
