"""What was embedded once is not embedded again, and a cache that is broken costs time alone."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import numpy as np
import pytest
from cards import Counting, document

from core.records import Document
from models.base import Prefixes
from models.fake import HashEmbedder
from retrieval.chunking import TokenChunkerSpec
from retrieval.index import FaissIndex, build_index
from retrieval.index.cache import EmbeddingCache, digest

TEXTS = ["apples", "Größe", "", "大小"]
KEYS = [digest(text) for text in TEXTS]


def filled(store: Path) -> EmbeddingCache:
    cache = EmbeddingCache(store, HashEmbedder())
    cache.keep(KEYS, HashEmbedder().embed(TEXTS))
    return cache


def test_what_was_kept_is_found_again_bit_by_bit(tmp_path: Path) -> None:
    filled(tmp_path)
    known = EmbeddingCache(tmp_path, HashEmbedder()).known([*KEYS, digest("never seen")])
    assert np.array_equal(np.stack([known[key] for key in KEYS]), HashEmbedder().embed(TEXTS))
    assert len(known) == 4


def test_more_texts_than_one_question_to_the_database_holds(tmp_path: Path) -> None:
    cache, keys = EmbeddingCache(tmp_path, HashEmbedder()), [digest(str(i)) for i in range(1201)]
    cache.keep(keys, np.tile(HashEmbedder().embed(["same"]), (1201, 1)))
    assert set(cache.known(keys)) == set(keys)


def test_embedders_and_prefixes_do_not_share(tmp_path: Path) -> None:
    """E18: the same words behind another prefix have another vector."""
    filled(tmp_path)

    class Other(HashEmbedder):
        id = "fake/other"

    class Prefixed(HashEmbedder):
        prefixes = Prefixes("query: ", "passage: ")

    assert [EmbeddingCache(tmp_path, kind()).known(KEYS) for kind in (Other, Prefixed)] == [{}, {}]


def test_a_changed_row_counts_as_absent(tmp_path: Path) -> None:
    cache = filled(tmp_path)
    with sqlite3.connect(cache.path) as db:
        db.execute("UPDATE vectors SET vector = zeroblob(256) WHERE text = ?", [KEYS[1]])
        db.execute("UPDATE vectors SET vector = zeroblob(8) WHERE text = ?", [KEYS[2]])
    assert set(cache.known(KEYS)) == {KEYS[0], KEYS[3]}


@pytest.mark.parametrize("before_opening", [True, False])
def test_a_file_that_is_no_database_is_begun_anew(tmp_path: Path, before_opening: bool) -> None:
    cache = filled(tmp_path)
    for beside in cache.path.parent.iterdir():
        beside.write_bytes(b"no database at all " * 500)
    cache = EmbeddingCache(tmp_path, HashEmbedder()) if before_opening else cache
    assert cache.known(KEYS) == {}
    cache.keep(KEYS, HashEmbedder().embed(TEXTS))
    assert len(cache.known(KEYS)) == 4


def test_without_a_place_for_the_cache_an_index_is_built_all_the_same(tmp_path: Path) -> None:
    path = EmbeddingCache(tmp_path, HashEmbedder()).path
    path.unlink()
    path.mkdir()
    cache = EmbeddingCache(tmp_path, HashEmbedder())
    cache.keep(KEYS, HashEmbedder().embed(TEXTS))
    assert cache.known(KEYS) == {}


def test_indexes_that_cut_otherwise_share_what_both_hold_and_a_deleted_index_costs_no_embedding(tmp_path: Path) -> None:
    embedder, documents = Counting(), [document(i) for i in range(30)]
    for name, size in (("one", 32), ("two", 64), ("three", 48)):
        list(build_index(tmp_path / name, documents, TokenChunkerSpec(size=size, overlap=0), embedder, "flat", tmp_path))
        shutil.rmtree(tmp_path / name)
    assert sorted(embedder.texts) == sorted(d.text for d in documents)


def test_the_same_words_in_many_documents_are_embedded_once(tmp_path: Path) -> None:
    embedder = Counting()
    documents = [Document(f"{i}.md", "the very same words") for i in range(9)]
    list(build_index(tmp_path / "index", documents, TokenChunkerSpec(size=32, overlap=0), embedder, "flat", tmp_path))
    assert embedder.texts == ["the very same words"]
    assert len(FaissIndex.load(tmp_path / "index", embedder).search(["words"], 20)[0]) == 9
