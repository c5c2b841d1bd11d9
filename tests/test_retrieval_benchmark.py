"""The retrieval benchmark measures what it says, on sizes that take a moment."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cards import learn_from_few

from benchmarks import retrieval
from models.fake import HashEmbedder


def test_it_builds_searches_and_adds_with_each_kind(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Issue 5, how it is shown, 2: build time, bytes a passage, queries/s, recall@10, and what adding 1 % costs."""
    monkeypatch.setattr(retrieval, "DOCUMENTS", 100)
    monkeypatch.setattr(retrieval, "DIMENSION", 16)
    monkeypatch.setattr(retrieval.Table, "dimension", 16)
    learn_from_few(monkeypatch)
    monkeypatch.setattr(retrieval, "BLOCK", 300)
    threads: list[int] = []
    monkeypatch.setattr(retrieval, "limit_threads", threads.append)
    retrieval.main(["--vectors", "400", "--queries", "20", "--embed", "0", "--threads", "1", "--json", str(tmp_path / "r.json")])
    printed, rows = capsys.readouterr().out, json.loads((tmp_path / "r.json").read_text())["index"]
    assert [(row["kind"], row["vectors"]) for row in rows] == [("flat", 400), ("hnsw", 400), ("ivfpq", 400)]
    assert rows[0]["recall@10"] == 1 and all(row["recall@10"] > 0.9 and row["recall@10 after"] > 0.9 for row in rows)
    assert all(row["bytes/passage"] > 4 * 16 and row["queries/s, batch"] > 0 and row["of the build"] > 0 for row in rows)
    assert "recall@10" in printed and "memory's speed" in printed and threads == [1]


def test_the_exact_neighbours_are_those_of_a_whole_product(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retrieval, "BLOCK", 7)
    vectors, queries = retrieval.clustered(50, 2, 1), retrieval.clustered(5, 2, 2)
    assert np.array_equal(retrieval.nearest(vectors, queries), np.argsort(-(queries @ vectors.T), axis=1)[:, : retrieval.FOUND])


def test_embedding_is_measured_beside_plain_encode_on_the_same_texts() -> None:
    asked: list[list[str]] = []

    class Model:
        def encode(self, texts: Sequence[str], **options: Any) -> None:
            asked.append(list(texts))

    class Embedder(HashEmbedder):
        max_tokens = 128
        model = Model()

    rows = retrieval.embedding(40, Embedder(), 1)
    assert [row["side"] for row in rows] == ["encode", "Bakeoff"] and rows[1]["passages/s"] > 0
    assert len(asked[0]) == len(set(asked[0])) == 40
