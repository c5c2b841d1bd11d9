"""Variants of search in one comparison: what the report says of them, and what rewriting costs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from adapters.rewriting import asked_for
from comparison.plan import read_plan
from comparison.store import Store
from core.dataset import load_dataset
from models.fake import FakeCodec

Complete = Callable[..., Any]
SOUTH = {"name": "south", "kind": "rag", "where": {"document": "south/*"}}


def test_variants_stand_side_by_side_and_share_one_index(complete: Complete, mapping: dict[str, Any], task: Path, store: Store) -> None:
    methods = [
        {"kind": "rag"},
        {"kind": "rag", "name": "bm25", "retriever": "bm25"},
        {"kind": "rag", "name": "mixed", "retriever": "hybrid", "diversity": 0.5, "top_k": 2},
        {"kind": "rag", "name": "strict", "min_score": 1.0},
        SOUTH,
    ]
    report = store.result(complete(read_plan({**mapping, "methods": methods}, task))[0]).report()
    assert [method["status"] for method in report["methods"]] == ["done"] * 5
    assert len(list(store.artefacts.glob("[!.]*/MANIFEST.json"))) == 1
    notes = " ".join(report["notes"])
    assert "strict: for 12 of 12 questions no passage was found, and the prompt says so." in notes
    assert "south: no document passes the filters in `where`, so nothing can be found; loosen them." in notes
    assert "south: for 12 of 12 questions no passage was found" in notes
    assert "rag: for" not in notes and "rewriting" not in report["methods"][0]["cost"]


def test_rewriting_is_done_once_and_is_in_the_ledger(complete: Complete, mapping: dict[str, Any], task: Path, store: Store) -> None:
    methods = [
        {"kind": "rag", "name": "plain"},
        {"kind": "rag", "name": "hyde", "rewrite": "hyde"},
        {"kind": "rag", "name": "words", "rewrite": "hyde", "retriever": "bm25"},
    ]
    plan = read_plan({**mapping, "methods": methods}, task)
    report = store.result(complete(plan)[0]).report()
    plain, hyde, other = (method["cost"] for method in report["methods"])
    test = load_dataset(plan.spec.data, Path("/")).test
    read = sum(len(FakeCodec().prompt_ids(asked_for(question, "hyde"))) for question in {example.question for example in test})
    assert hyde["rewriting"]["questions"] == len(test) == 12
    assert hyde["rewriting"]["prompt_tokens"] == read
    assert hyde["prompt_tokens"] > read and hyde["completion_tokens"] > hyde["rewriting"]["completion_tokens"] > 0
    assert other["rewriting"] == hyde["rewriting"], "one artefact for both"
    per_answer = (hyde["word_s"] + hyde["generate_s"] + hyde["rewriting"]["seconds"]) / 12
    assert hyde["seconds_per_answer"] == pytest.approx(per_answer, abs=2e-3)
    assert "rewriting" not in plain
    assert any(note.startswith("hyde: 12 questions were rewritten before the search: ") for note in report["notes"])
