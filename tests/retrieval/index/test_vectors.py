"""Kinds of index over plain vectors: recall, ties, filters, files that are mapped, and the choice between them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from cards import SPEC, WordEmbedder, document, finished, learn_from_few
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import PlanError, StoreError
from core.records import Document
from models.base import Prefixes
from models.prefixes import family_prefixes, stated_prefixes
from retrieval.index import FaissIndex, Kind, build_index, kinds, searching, vectors
from retrieval.index import folder as files
from retrieval.index.kinds import Built
from retrieval.index.vectors import SlotVectors

BUILT: tuple[Built, ...] = ("flat", "hnsw", "ivfpq")
EVERY = pytest.mark.parametrize("kind", BUILT)


def clustered(count: int, dimension: int = 32, seed: int = 0) -> np.ndarray:
    """Unit vectors around one centre for each 50."""
    source = np.random.default_rng(seed)
    centres = source.standard_normal((max(1, count // 50), dimension))
    made = centres[source.integers(len(centres), size=count)] + 0.5 * source.standard_normal((count, dimension))
    return np.asarray(made / np.linalg.norm(made, axis=1, keepdims=True), dtype=np.float32)


def saved(folder: Path, kind: Built, given: np.ndarray) -> SlotVectors:
    """Through a file and back."""
    index = SlotVectors.new(kind, given.shape[1], len(given))
    if kind == "ivfpq":
        index.train(given)
        (folder / vectors.WHOLE).write_bytes(given.tobytes())
    index.add(given)
    index.save(folder)
    return SlotVectors.load(folder, kind, given.shape[1], len(given))


@EVERY
def test_nearly_all_of_the_ten_nearest_are_found(tmp_path: Path, kind: Built) -> None:
    given, queries = np.split(clustered(2_050), [2_000])
    exact = np.argsort(-(queries @ given.T), axis=1)[:, :10]
    scores, slots = saved(tmp_path, kind, given).search(queries, 10)
    recall = np.mean([len(set(a) & set(b)) / 10 for a, b in zip(exact, slots, strict=True)])
    assert recall >= (1 if kind == "flat" else 0.95)
    assert np.allclose(scores, np.take_along_axis(queries @ given.T, slots, axis=1), atol=1e-5)


@EVERY
@settings(deadline=None, max_examples=6)
@given(seed=st.integers(0, 10_000), extra=st.integers(0, 40))
def test_search_after_save_and_load_is_equal(tmp_path_factory: pytest.TempPathFactory, kind: Built, seed: int, extra: int) -> None:
    folder, given = tmp_path_factory.mktemp("index"), clustered(600 + extra, 16, seed)
    index = SlotVectors.new(kind, 16, len(given))
    if not index.trained:
        index.train(given)
        (folder / vectors.WHOLE).write_bytes(given.tobytes())
        index.whole = given
    index.add(given)
    index.save(folder)
    before, after = (one.search(given[:7], 9) for one in (index, SlotVectors.load(folder, kind, 16, len(given))))
    assert np.array_equal(before.slots, after.slots) and np.array_equal(before.scores, after.scores)


@EVERY
def test_the_same_vectors_give_the_same_index_each_time(tmp_path: Path, kind: Built) -> None:
    given = clustered(700)
    found = [saved(tmp_path, kind, given).search(given[:50], 10) for _ in range(2)]
    assert np.array_equal(found[0].slots, found[1].slots)


@pytest.mark.parametrize("kind", ["flat", "hnsw"])
def test_a_mapped_index_finds_the_same_and_a_truncated_one_is_refused(tmp_path: Path, kind: Built, monkeypatch: pytest.MonkeyPatch) -> None:
    """F30"""
    given = clustered(400)
    read = saved(tmp_path, kind, given).search(given[:20], 5)
    monkeypatch.setattr(vectors, "MAPPED_FROM_BYTES", 0)
    mapped = SlotVectors.load(tmp_path, kind, 32, 400)
    assert np.array_equal(mapped.search(given[:20], 5).slots, read.slots)
    assert np.array_equal(mapped.take([3, 399]), given[[3, 399]])
    path = tmp_path / vectors.INDEX
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises((RuntimeError, ValueError)):
        SlotVectors.load(tmp_path, kind, 32, 400)


@EVERY
def test_only_allowed_passages_are_found(tmp_path: Path, kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    """By comparing all of a few, and by the index's own way where many are allowed."""
    learn_from_few(monkeypatch)
    finished(tmp_path, [document(i) for i in range(350)], kind)
    _, index = finished(tmp_path, [document(i) for i in range(10, 350)], kind)
    allowed = np.arange(340) % 3 == 0
    queries = index.vectors(range(0, 340, 5))
    few = index.nearest(queries, 7, allowed)
    monkeypatch.setattr(searching, "COMPARED_UP_TO", 0)
    many = index.nearest(queries, 7, allowed)
    assert all(hit.row % 3 == 0 for hits in many for hit in hits) and {len(hits) for hits in many} == {7}
    rows, scores = ([np.array([[hit[part] for hit in hits] for hits in found]) for found in (few, many)] for part in (0, 1))
    share = np.mean([len(set(a) & set(b)) / 7 for a, b in zip(*rows, strict=True)])
    assert share >= (1 if kind == "flat" else 0.9)
    assert kind != "flat" or np.allclose(*scores, atol=2e-5)  # two ways to the same product may round its last digit apart
    assert index.nearest(queries, 7, np.zeros(340, dtype=bool)) == [[]] * len(queries)
    one = np.arange(340) == 123
    assert [[hit.row for hit in hits] for hits in index.nearest(queries[:2], 7, one)] == [[123], [123]]


def test_ties_of_a_learnt_index_go_to_the_earlier_passage_and_more_than_there_are_gives_each_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """E17: the contract of small indexes holds for lists and codes, too."""
    learn_from_few(monkeypatch)
    _, index = finished(tmp_path, [Document(f"{i:03}.md", "the very same words") for i in range(320)], "ivfpq")
    assert index.about.kind == "ivfpq"
    assert [r.passage.document for r in index.search(["same words"], 30)[0]] == [f"{i:03}.md" for i in range(30)]
    assert [len({r.passage.id for r in hits}) for hits in index.search(["words", ""], 500)] == [320, 320]


def test_passages_that_stay_in_their_file_are_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, held = finished(tmp_path, [document(i) for i in range(20)])
    monkeypatch.setattr(searching, "HELD_UP_TO_BYTES", 0)
    _, index = finished(tmp_path, [document(i) for i in range(20)])
    assert isinstance(held.passages, tuple) and isinstance(index.passages, files.PassageFile)
    assert tuple(index.passages) == held.passages == tuple(index.passages[:])
    assert (index.passages[-1], index.passages[3:5]) == (held.passages[-1], list(held.passages[3:5]))
    assert index.search(["drawer d9y"], 3) == held.search(["drawer d9y"], 3)
    with pytest.raises(IndexError):
        index.passages[20]


@pytest.mark.parametrize("name", ["vectors.f32", "slots.npy", "passages.offsets.npy", "documents.jsonl"])
def test_a_damaged_part_is_refused_where_it_is_used(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """F30: sizes are compared with the MANIFEST when an index is read; hashes when the store hands it out."""
    learn_from_few(monkeypatch)
    finished(tmp_path, [document(i) for i in range(320)], "ivfpq")
    folder, _ = finished(tmp_path, [document(i) for i in range(321)], "ivfpq")
    (folder / name).write_bytes((folder / name).read_bytes()[:-8])
    with pytest.raises(StoreError, match=f"cannot be used: {name} has .* bytes.*Delete that folder"):
        FaissIndex.load(folder, WordEmbedder())


def test_slots_that_do_not_fit_the_passages_are_refused_without_a_manifest_too(tmp_path: Path) -> None:
    """F30: index and table of passages out of step."""
    finished(tmp_path, [document(i) for i in range(20)], "hnsw")
    folder, _ = finished(tmp_path, [document(i) for i in range(1, 20)], "hnsw")
    (folder / "MANIFEST.json").unlink()
    np.save(folder / files.SLOTS, np.r_[-1, np.zeros(19, dtype=np.int64)])
    with pytest.raises(StoreError, match="cannot be used"):
        FaissIndex.load(folder, WordEmbedder())


def test_an_index_with_other_prefixes_is_refused(tmp_path: Path) -> None:
    """E18"""
    list(build_index(tmp_path / "index", [document(1)], SPEC, WordEmbedder()))

    class Prefixed(WordEmbedder):
        prefixes = Prefixes("query: ", "passage: ")

    with pytest.raises(StoreError, match=r"made with the prefixes \['query: ', 'passage: '\].*got \['', ''\]\. Build the index again"):
        FaissIndex.load(tmp_path / "index", Prefixed())


def test_prefixes_are_those_that_a_model_states_or_its_family_is_known_for() -> None:
    """E18"""
    assert family_prefixes("intfloat/multilingual-e5-small") == family_prefixes("/models/e5-base-v2/") == Prefixes("query: ", "passage: ")
    assert family_prefixes("BAAI/bge-small-en-v1.5").query.startswith("Represent this sentence")
    assert family_prefixes("embedded/all-minilm-l6-v2") == family_prefixes("org/e5-mistral-7b-instruct") == Prefixes()
    assert stated_prefixes({"query": "q: ", "document": "", "passage": "p: "}) == Prefixes("q: ", "p: ")
    assert stated_prefixes({}) == Prefixes()


def test_the_kind_follows_size_and_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    def chosen(count: int, free_mb: float | None, asked: Kind = "auto") -> str:
        monkeypatch.setattr(kinds.memory, "free_mb", lambda: free_mb)
        return kinds.choose(asked, count, 384)

    assert [chosen(count, 16_000) for count in (1, 100_000, 100_001, 1_000_000)] == ["flat", "flat", "hnsw", "hnsw"]
    assert [chosen(1_000_000, free) for free in (2_000, 3_000, 4_000, None)] == ["ivfpq", "ivfpq", "hnsw", "hnsw"]
    assert [chosen(10, 16_000, kind) for kind in ("flat", "hnsw", "ivfpq")] == ["flat", "hnsw", "flat"]
    assert [chosen(3_000_000, 100, kind) for kind in ("flat", "hnsw", "ivfpq")] == ["flat", "hnsw", "ivfpq"]
    with pytest.raises(PlanError, match=r"There is no index 'hsnw'\. Did you mean 'hnsw'"):
        kinds.choose("hsnw", 1, 384)  # type: ignore[arg-type]


def test_the_key_says_flat_where_nothing_else_can_come_out() -> None:
    assert [kinds.settled(kind, 2_000) for kind in ("auto", "flat", "hnsw", "ivfpq")] == ["flat", "flat", "hnsw", "flat"]
    assert [kinds.settled(kind, 10**7) for kind in ("auto", "flat", "hnsw", "ivfpq")] == ["auto", "flat", "hnsw", "ivfpq"]


@pytest.mark.parametrize(("dimension", "parts"), [(384, 48), (768, 96), (64, 8), (65, 5), (7, 1), (100, 10)])
def test_codes_cut_a_vector_into_equal_parts(dimension: int, parts: int) -> None:
    assert kinds.parts(dimension) == parts


def test_lists_have_enough_vectors_to_be_learnt_from() -> None:
    assert [kinds.lists(count) for count in (30, 2_048, 10_000, 1_000_000)] == [1, 51, 250, 4_000]
