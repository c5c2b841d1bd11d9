"""A changed folder of documents: what is embedded again, what is found, and that nothing removed comes back."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from cards import SPEC, Counting, WordEmbedder, document, finished, learn_from_few
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.records import Document, Section
from models.base import Prefixes
from retrieval.chunking import TokenChunkerSpec
from retrieval.index import FaissIndex, Kind, build_index, index_fingerprint
from retrieval.index.changes import document_key

KINDS: tuple[Kind, ...] = ("flat", "hnsw", "ivfpq")
EVERY = pytest.mark.parametrize("kind", KINDS)


def found(index: FaissIndex, queries: Sequence[str], k: int = 5) -> list[list[tuple[str, float]]]:
    return [[(r.passage.id, r.score) for r in hits] for hits in index.search(queries, k)]


@pytest.fixture(autouse=True)
def few_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    learn_from_few(monkeypatch)


@EVERY
def test_only_what_changed_is_embedded_and_the_rest_is_taken_over(tmp_path: Path, kind: Kind) -> None:
    embedder = Counting()
    before = [document(i) for i in range(320)]
    first, index = finished(tmp_path, before, kind, embedder)
    assert (index.about.kind, len(embedder.texts)) == (kind, 320)
    embedder.texts.clear()
    changed = [*before[3:100], document(100, 2), *before[101:], *(document(i) for i in range(400, 403))]
    _, index = finished(tmp_path, changed, kind, embedder)
    assert sorted(embedder.texts) == sorted(d.text for d in changed if d not in before)
    assert index.about.started_from == first.name
    assert [p.document for p in index.passages] == [d.id for d in changed]
    assert (index.about.slots > len(changed)) is (kind != "flat")  # emptied slots are left behind, but by flat, which is written anew
    assert np.allclose(index.vectors(range(len(changed))), embedder.embed([d.text for d in changed], "query"))
    hits = index.search([d.text for d in changed], 1)
    assert [h[0].passage.document for h in hits] == [d.id for d in changed]


def test_a_changed_flat_index_is_the_same_file_for_file_as_a_fresh_one(tmp_path: Path) -> None:
    before = [document(i) for i in range(60)]
    finished(tmp_path / "one", before)
    after = [document(100), *before[5:30], document(30, 2), *before[31:]]
    changed, _ = finished(tmp_path / "one", after)
    fresh, index = finished(tmp_path / "two", after)
    assert index.about.started_from == ""
    for name in ("passages.jsonl", "passages.offsets.npy", "documents.jsonl", "index.faiss"):
        assert (changed / name).read_bytes() == (fresh / name).read_bytes(), name


@pytest.mark.parametrize("kind", ["hnsw", "ivfpq"])
def test_with_many_removed_the_graph_is_built_anew_from_known_vectors(tmp_path: Path, kind: Kind) -> None:
    embedder = Counting()
    before = [document(i) for i in range(800)]
    finished(tmp_path, before, kind, embedder)
    embedder.texts.clear()
    _, index = finished(tmp_path, before[:500], kind, embedder)
    assert (index.about.slots, index.about.trained_on, embedder.texts) == (500, 500 if kind == "ivfpq" else 0, [])
    assert {r.passage.document for hits in index.search([d.text for d in before[500:]], 20) for r in hits} <= {d.id for d in before[:500]}


def test_lists_are_learnt_again_when_there_are_more_than_twice_as_many(tmp_path: Path) -> None:
    finished(tmp_path, [document(i) for i in range(300)], "ivfpq")
    assert finished(tmp_path, [document(i) for i in range(500)], "ivfpq")[1].about.trained_on == 300
    assert finished(tmp_path, [document(i) for i in range(601)], "ivfpq")[1].about.trained_on in (300, 601)
    assert finished(tmp_path, [document(i) for i in range(1300)], "ivfpq")[1].about.trained_on == 1300


@pytest.mark.parametrize("kind", ["flat", "hnsw"])
@settings(deadline=None, max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(states=st.lists(st.sets(st.integers(0, 11), min_size=1), min_size=2, max_size=4))
def test_what_was_deleted_is_never_found_and_all_that_is_left_is(
    tmp_path_factory: pytest.TempPathFactory, kind: Kind, states: list[set[int]]
) -> None:
    """Law: after any adding and deleting, search gives exactly what a fresh index of the same documents gives."""
    store, other = tmp_path_factory.mktemp("changed"), tmp_path_factory.mktemp("fresh")
    queries = [document(i).text for i in range(12)] + [""]
    for state in states:
        documents = [document(i) for i in sorted(state)]
        _, index = finished(store, documents, kind)
        assert [{r.passage.document for r in hits} for hits in index.search(queries, 12)] == [{d.id for d in documents}] * 13
    list(build_index(other, documents, SPEC, WordEmbedder(), "flat"))
    for changed, fresh in zip(found(index, queries, 4), found(FaissIndex.load(other, WordEmbedder()), queries, 4), strict=True):
        assert [name for name, _ in changed] == [name for name, _ in fresh]
        assert [score for _, score in changed] == pytest.approx([score for _, score in fresh], abs=2e-5)


@settings(deadline=None, max_examples=10)
@given(documents=st.permutations([document(i) for i in range(8)]))
def test_documents_in_any_order_give_the_same_flat_index(tmp_path_factory: pytest.TempPathFactory, documents: list[Document]) -> None:
    in_order = [document(i) for i in range(8)]
    assert index_fingerprint(documents, SPEC, "e") == index_fingerprint(in_order, SPEC, "e")
    one, two = tmp_path_factory.mktemp("one"), tmp_path_factory.mktemp("two")
    for folder, those in ((one, documents), (two, in_order)):
        list(build_index(folder, those, SPEC, WordEmbedder(), "flat"))
    assert all((one / file.name).read_bytes() == file.read_bytes() for file in two.iterdir())


def test_nothing_is_taken_from_a_damaged_index_or_one_of_another_making(tmp_path: Path) -> None:
    """F30: damage does not spread from index to index."""
    before, after = [document(i) for i in range(20)], [document(i) for i in range(1, 21)]
    folder, _ = finished(tmp_path, before)
    data = bytearray((folder / "index.faiss").read_bytes())
    data[-5] ^= 0xFF
    (folder / "index.faiss").write_bytes(bytes(data))
    _, index = finished(tmp_path, after)
    assert index.about.started_from == ""
    assert np.allclose(index.vectors(range(20)), WordEmbedder().embed([d.text for d in after]))

    class Prefixed(WordEmbedder):
        prefixes = Prefixes("q: ", "p: ")

    assert finished(tmp_path, [document(3)], embedder=Prefixed())[1].about.started_from == ""
    assert finished(tmp_path, [document(3)], spec=TokenChunkerSpec(size=31, overlap=0))[1].about.started_from == ""


def test_a_document_is_cut_again_when_its_pages_or_what_is_known_of_it_changed() -> None:
    plain = Document("a.md", "one two")
    others = [
        Document("b.md", "one two"),
        Document("a.md", "one two "),
        Document("a.md", "one two", sections=(Section(0, 3, 1),)),
        Document("a.md", "one two", sections=(Section(0, 3, 1, "One"),)),
        Document("a.md", "one two", about=(("author", "Ada"),)),
    ]
    assert len({document_key(d) for d in [plain, *others]}) == 6
    assert len({index_fingerprint([d], SPEC, "e") for d in [plain, *others]}) == 6
    assert document_key(plain) == document_key(Document("a.md", "one two"))
