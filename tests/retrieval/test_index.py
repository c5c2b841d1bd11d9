"""Laws of every registered index, and what the flat index refuses."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import DataError, ModelError, StoreError
from core.records import Document
from models.fake import HashEmbedder
from retrieval.base import StoredIndex, indexes
from retrieval.chunking import TokenChunkerSpec
from retrieval.index import FlatIndex, index_fingerprint, unit_vectors

EMBEDDER = HashEmbedder()
SPEC = TokenChunkerSpec(size=32, overlap=0)
EVERY = pytest.mark.parametrize("kind", indexes.names())

FRUIT = [
    "apples ripen in september",
    "pears keep in a cool cellar",
    "plums stain the tablecloth",
    "cherries attract starlings",
    "quinces smell of honey",
]
DOCUMENTS = [Document(f"{i}.md", text) for i, text in enumerate(FRUIT)]


def built(folder: Path, documents: Sequence[Document], kind: str = "flat", embedder: Any = EMBEDDER) -> StoredIndex:
    Index = indexes.get(kind)
    assert list(Index.build(folder, documents, SPEC, embedder))
    return Index.load(folder, embedder)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "index"


@EVERY
def test_a_planted_set_gives_recall_at_5_of_one(folder: Path, kind: str) -> None:
    """E18: each fact is planted in one document; asking in its words must find it among the first five."""
    documents = [Document(f"{i:03}.md", f"The keeper of vault v{i}x stores token t{i * 7}y beside crate c{i * 3}z.") for i in range(60)]
    index = built(folder, documents, kind)
    found = index.search([f"Where is token t{i * 7}y of vault v{i}x beside crate c{i * 3}z?" for i in range(60)], 5)
    assert [f"{i:03}.md" in {r.passage.document for r in hits} for i, hits in enumerate(found)] == [True] * 60


@EVERY
@pytest.mark.parametrize("count", [1, 5])
def test_more_passages_than_there_are_gives_each_once_and_no_phantom(folder: Path, kind: str, count: int) -> None:
    """E17: FAISS answers row -1 beyond the last one, and Python would read that as the last passage."""
    index = built(folder, DOCUMENTS[:count], kind)
    found = index.search(["apples", "", "nothing like it"], 50)
    assert [sorted(r.passage.document for r in hits) for hits in found] == [[d.id for d in DOCUMENTS[:count]]] * 3


@EVERY
def test_results_are_best_first_with_ranks_from_zero(folder: Path, kind: str) -> None:
    hits = built(folder, DOCUMENTS, kind).search(["pears keep in a cellar"], 5)[0]
    assert hits[0].passage.text == FRUIT[1]
    assert [r.rank for r in hits] == [0, 1, 2, 3, 4]
    assert [r.score for r in hits] == sorted((r.score for r in hits), reverse=True)
    assert all(-1 <= r.score <= 1 for r in hits)


@EVERY
@pytest.mark.parametrize("top_k", [1, 3, 39, 40])
def test_ties_go_to_the_earlier_passage_even_across_the_cut(folder: Path, kind: str, top_k: int) -> None:
    same = [Document(f"{i:02}.md", "the very same words") for i in range(40)]
    hits = built(folder, same, kind).search(["same words"], top_k)[0]
    assert [r.passage.document for r in hits] == [f"{i:02}.md" for i in range(top_k)]


class NearlyTheSame(HashEmbedder):
    """The later a passage, the nearer by a hair: less than the rounding errors that change with the number of queries."""

    def embed(self, texts: Sequence[str], kind: str = "passage") -> np.ndarray:
        vectors = np.zeros((len(texts), 64), dtype=np.float32)
        angles = np.array([2e-3 - 4e-5 * int(text) for text in texts])
        vectors[:, 0], vectors[:, 1] = np.cos(angles), np.sin(angles)
        return vectors


@EVERY
def test_differences_of_a_rounding_error_are_ties(folder: Path, kind: str) -> None:
    index = built(folder, [Document(f"{i:02}.md", str(i)) for i in range(40)], kind, NearlyTheSame())
    assert [r.passage.document for r in index.search(["45"], 3)[0]] == ["00.md", "01.md", "02.md"]


@EVERY
def test_asking_for_none_or_nothing_gives_none(folder: Path, kind: str) -> None:
    index = built(folder, DOCUMENTS, kind)
    assert index.search([], 3) == []
    assert index.search(["apples"], 0) == [[]]


@EVERY
def test_unicode_survives_the_round_trip(folder: Path, kind: str) -> None:
    texts = ["Größe und Straße", "大小 は 重要", "строка\u2028с разрывом", "🙂 smile\x85line"]
    index = built(folder, [Document(f"ö/{i}.md", text) for i, text in enumerate(texts)], kind)
    assert [p.text for p in index.passages] == texts
    assert index.search(["大小 重要"], 1)[0][0].passage.text == texts[1]


@EVERY
@settings(deadline=None, max_examples=30)
@given(queries=st.lists(st.sampled_from([*FRUIT, "", "a", "in the cellar", "honey 🙂"]), min_size=1, max_size=30), top_k=st.integers(1, 6))
def test_a_query_finds_the_same_whatever_is_asked_beside_it(
    tmp_path_factory: pytest.TempPathFactory, kind: str, queries: list[str], top_k: int
) -> None:
    index = built(tmp_path_factory.mktemp("index"), DOCUMENTS, kind)
    assert index.search(queries, top_k) == [index.search([query], top_k)[0] for query in queries]


@EVERY
def test_no_text_at_all_is_refused(folder: Path, kind: str) -> None:
    """E17: an index without passages is never made."""
    with pytest.raises(DataError, match=r"needs at least one passage; 1 documents gave none\. Add documents"):
        list(indexes.get(kind).build(folder, [Document("a.md", " \n ")], SPEC, EMBEDDER))


@EVERY
def test_building_tells_how_far_it_is(folder: Path, kind: str) -> None:
    many = [Document(f"{i:03}.md", f"document number {i}") for i in range(130)]
    steps = list(indexes.get(kind).build(folder, many, SPEC, EMBEDDER))
    assert steps[0] == (0, 130)
    assert steps[-1] == (130, 130)
    assert len(steps) >= 3


class LongVectors(HashEmbedder):
    """Forgets to normalise: the vector of a longer text is longer."""

    def embed(self, texts: Sequence[str], kind: str = "passage") -> np.ndarray:
        return super().embed(texts, kind) * np.array([[len(text)] for text in texts], dtype=np.float32)


def test_vectors_that_are_not_of_length_one_are_refused(folder: Path) -> None:
    """E16: the inner product of unnormalised vectors would rank long texts first."""
    with pytest.raises(ModelError, match=r"vectors of fake/hash-64 must have length 1; got 22.*normalises"):
        list(FlatIndex.build(folder, DOCUMENTS, SPEC, LongVectors()))


def test_queries_that_are_not_of_length_one_are_refused(folder: Path) -> None:
    """E16"""
    built(folder, DOCUMENTS)
    with pytest.raises(ModelError, match="must have length 1"):
        FlatIndex.load(folder, LongVectors()).search(["apples in september"], 1)


def test_a_vector_of_not_a_number_is_refused() -> None:
    class Broken(HashEmbedder):
        def embed(self, texts: Sequence[str], kind: str = "passage") -> np.ndarray:
            return np.full((len(texts), 64), np.nan, dtype=np.float32)

    with pytest.raises(ModelError, match="got nan"):
        unit_vectors(Broken(), ["a"], "query")


def test_passages_and_queries_are_embedded_as_what_they_are(folder: Path) -> None:
    """E18: models of the E5 family prefix the two differently."""
    seen: list[str] = []

    class Listening(HashEmbedder):
        def embed(self, texts: Sequence[str], kind: str = "passage") -> np.ndarray:
            seen.append(kind)
            return super().embed(texts, kind)

    built(folder, DOCUMENTS, embedder=Listening()).search(["apples"], 1)
    assert seen == ["passage", "query"]


def test_an_index_of_another_embedder_is_refused_with_both_named(folder: Path) -> None:
    """E18"""
    built(folder, DOCUMENTS)

    class Other(HashEmbedder):
        id = "fake/other"

    with pytest.raises(StoreError, match=r"made with fake/other \(64 dimensions\); got fake/hash-64 \(64\)\. Build the index again"):
        FlatIndex.load(folder, Other())


def test_an_index_of_another_dimension_is_refused(folder: Path) -> None:
    """E18, F30"""
    built(folder, DOCUMENTS)

    class Wider(HashEmbedder):
        dimension = 65

    with pytest.raises(StoreError, match=r"65 dimensions\); got fake/hash-64 \(64\)"):
        FlatIndex.load(folder, Wider())


def other_index(folder: Path, change: str) -> None:
    import faiss

    vectors = np.eye(64, dtype=np.float32)[:5]
    index = {"factory": faiss.IndexFlatL2(64), "dimension": faiss.IndexFlatIP(32)}[change]
    index.add(vectors[:, : index.d].copy())
    (folder / "index.faiss").write_bytes(faiss.serialize_index(index).tobytes())


def spoil(folder: Path, how: str) -> None:
    vectors, rows, about = folder / "index.faiss", folder / "passages.jsonl", folder / "index.json"
    match how:
        case "truncated":
            vectors.write_bytes(vectors.read_bytes()[:-40])
        case "random bytes":
            vectors.write_bytes(np.random.default_rng(0).bytes(2000))
        case "huge count":
            data = bytearray(vectors.read_bytes())
            data[8:16] = (2**60).to_bytes(8, "little")
            vectors.write_bytes(bytes(data))
        case "factory" | "dimension":
            other_index(folder, how)
        case "fewer passages":
            rows.write_text("".join(rows.read_text().splitlines(keepends=True)[:-1]))
        case "half a passage":
            rows.write_text(rows.read_text()[:-20])
        case "missing":
            vectors.unlink()
        case "other count":
            about.write_text(json.dumps({**json.loads(about.read_text()), "passages": 7}))
        case "no object":
            about.write_text("[]")


DAMAGES = ("truncated", "random bytes", "huge count", "factory", "dimension", "fewer passages", "half a passage", "missing")


@pytest.mark.parametrize("how", [*DAMAGES, "other count", "no object"])
def test_a_damaged_index_is_refused_and_the_advice_mends_it(folder: Path, how: str) -> None:
    """F30: refused, and built again from the documents."""
    built(folder, DOCUMENTS)
    spoil(folder, how)
    with pytest.raises(StoreError, match=r"The index index cannot be used: .*Delete that folder"):
        FlatIndex.load(folder, EMBEDDER)
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()
    assert len(built(folder, DOCUMENTS).passages) == 5


def test_the_fingerprint_follows_documents_chunker_and_embedder_and_nothing_else() -> None:
    def key(documents: Sequence[Document] = DOCUMENTS, spec: TokenChunkerSpec = SPEC, embedder: str = "fake/hash-64") -> str:
        return index_fingerprint(documents, spec, embedder)

    assert key() == key(list(DOCUMENTS), TokenChunkerSpec(size=32, overlap=0))
    renamed = [Document("x.md", DOCUMENTS[0].text), *DOCUMENTS[1:]]
    edited = [Document(DOCUMENTS[0].id, "apples ripen in october"), *DOCUMENTS[1:]]
    others = [key(renamed), key(edited), key(DOCUMENTS[:-1]), key(spec=TokenChunkerSpec(size=33, overlap=0)), key(embedder="fake/other")]
    assert len({key(), *others}) == 6


@pytest.mark.real
def test_the_real_embedder_finds_planted_facts_and_cuts_by_its_own_tokens(folder: Path, models_home: Path) -> None:
    """E18 with all-MiniLM-L6-v2: paraphrased questions, recall@5 = 1."""
    from models.loading import embedder_key, load_embedder

    embedder = load_embedder("embedded/all-minilm-l6-v2", models_home)
    assert embedder.id == embedder_key("embedded/all-minilm-l6-v2", models_home) != "embedded/all-minilm-l6-v2"
    topics = [
        ("The battery keeps the unit running for eleven nights without sun.", "How long does it work when the sky stays dark?"),
        ("Return the lamp within thirty days for a full refund.", "Can I get my money back?"),
        ("Boats longer than twelve metres pay double at the lock.", "What does a large vessel cost?"),
        ("Fishing from the towpath needs a yearly licence.", "Do anglers need a permit?"),
        ("Wash the sail with cold water and no soap.", "How do I clean the fabric?"),
        ("The office is closed on public holidays.", "Are you open at Christmas?"),
        ("Swans nest here in spring; keep dogs on a lead.", "May my puppy run free near the birds?"),
        ("Firmware updates arrive by radio at midnight.", "When is new software installed?"),
    ]
    documents = [Document(f"{i}.md", f"# Notes\n\n{fact}") for i, (fact, _) in enumerate(topics)]
    index = built(folder, documents, embedder=embedder)
    for i, hits in enumerate(index.search([question for _, question in topics], 5)):
        assert f"{i}.md" in {r.passage.document for r in hits}
    long = Document("long.md", "Unbelievably miscellaneous antidisestablishmentarianism. " * 300)
    from retrieval.chunking import make_chunker

    assert all(len(embedder.offsets(p.text)) <= 128 for p in make_chunker(TokenChunkerSpec()).chunk(long, embedder))
