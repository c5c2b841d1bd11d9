"""Indexing and searching: passages embedded a second beside plain `SentenceTransformer.encode`, and each kind of index at some sizes.

    python -m benchmarks.retrieval --json retrieval.json                         # 2,000 passages embedded; 10,000 vectors
    python -m benchmarks.retrieval --vectors 1000000 --embed 0                   # a million; about 8 GB of memory and 12 GB of disk

The vectors are synthetic: unit vectors in clusters of 200, as paragraphs on one subject are, queries from the same clusters. The clusters'
centres lie in a space of 32 of the 384 directions, as subjects of texts do, so that near subjects are neighbours; `--directions 384` makes
them strangers to each other, which is the hard case for a graph. All goes the way that documents go (cutting, cache, FAISS, files); only
the embedder is replaced by a table. What embedding adds is said beside it.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from benchmarks.common import ROOT, Timed, describe, machine, markdown, spread, summarise, take_turns, write_json
from core.files import folder_bytes, write_manifest
from core.records import Document, Passage
from models.base import Embedder, Prefixes
from models.device import choose
from retrieval.base import ChunkerSpec, chunkers
from retrieval.chunking import TokenChunkerSpec, make_chunker
from retrieval.index import FaissIndex, Kind, build_index
from retrieval.index.vectors import limit_threads

DIMENSION = 384
CLUSTER = 200
SPREAD = 0.7
"""Length of a vector's noise beside its cluster's centre, which has length 1: two of a cluster have a cosine of about 0.67."""
DIRECTIONS = 32
DOCUMENTS = 1_000
FOUND = 10
SINGLE = 100
BLOCK = 100_000


class LinesSpec(ChunkerSpec):
    """Each line is a passage."""

    kind: Literal["benchmark_lines"] = Field("benchmark_lines", description="Lines, for the benchmark alone.")


class Lines:
    """Cuts at line ends; the benchmark's own, so that a passage is a row of the table of vectors."""

    Spec: ClassVar[type[ChunkerSpec]] = LinesSpec

    def __init__(self, spec: LinesSpec) -> None:
        self.spec = spec

    def chunk(self, document: Document, embedder: Embedder) -> list[Passage]:
        passages, start = [], 0
        for number, line in enumerate(document.text.split("\n")):
            passages.append(Passage(f"{document.id}#{number}", document.id, line, start, start + len(line)))
            start += len(line) + 1
        return passages


class Table:
    """An `Embedder` that looks its vectors up: a text is the number of a row."""

    id, dimension, max_tokens, prefixes = "benchmark/table", DIMENSION, 512, Prefixes()

    def __init__(self, vectors: np.ndarray) -> None:
        self.vectors = vectors

    def embed(self, texts: Sequence[str], kind: str = "passage") -> np.ndarray:
        return np.asarray(self.vectors[[int(text) for text in texts]])

    def offsets(self, text: str) -> list[tuple[int, int]]:
        return [(0, len(text))]


def clustered(count: int, clusters: int, seed: int, directions: int = DIRECTIONS) -> np.ndarray:
    """Unit vectors, shape (count, DIMENSION); the centres are the same for every seed."""
    fixed = np.random.default_rng(0)
    basis = fixed.standard_normal((directions, DIMENSION), dtype=np.float32)
    centres = _unit(fixed.standard_normal((clusters, directions), dtype=np.float32) @ basis)
    source, made = np.random.default_rng(seed), np.empty((count, DIMENSION), dtype=np.float32)
    for start in range(0, count, BLOCK):
        some = min(BLOCK, count - start)
        noise = source.standard_normal((some, DIMENSION), dtype=np.float32) * (SPREAD / DIMENSION**0.5)
        made[start : start + some] = _unit(centres[source.integers(clusters, size=some)] + noise)
    return made


def _unit(vectors: np.ndarray) -> np.ndarray:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


def nearest(vectors: np.ndarray, queries: np.ndarray) -> np.ndarray:
    """The FOUND nearest rows of each query by comparing all."""
    scores = np.full((len(queries), FOUND), -2, dtype=np.float32)
    rows = np.zeros((len(queries), FOUND), dtype=np.int64)
    for start in range(0, len(vectors), BLOCK):
        block = queries @ vectors[start : start + BLOCK].T
        best = np.argpartition(-block, FOUND, axis=1)[:, :FOUND] if block.shape[1] > FOUND else np.argsort(-block, axis=1)
        scores = np.hstack([scores, np.take_along_axis(block, best, axis=1)])
        rows = np.hstack([rows, best + start])
        kept = np.argsort(-scores, axis=1, kind="stable")[:, :FOUND]
        scores, rows = np.take_along_axis(scores, kept, axis=1), np.take_along_axis(rows, kept, axis=1)
    return rows


def documents(first: int, count: int, lines: int) -> list[Document]:
    return [
        Document(f"{first + i:06}", "\n".join(str(n) for n in range((first + i) * lines, (first + i + 1) * lines))) for i in range(count)
    ]


def measure(kind: Kind, count: int, vectors: np.ndarray, queries: np.ndarray, exact: Sequence[np.ndarray]) -> dict[str, Any]:
    """Build, search, add one document in a hundred, search again.

    Args:
        vectors: of all passages, those to add at the end.
        exact: the nearest rows of each query before and after adding.
    """
    embedder, lines, row = Table(vectors), count // DOCUMENTS, {"kind": kind, "vectors": count}
    with tempfile.TemporaryDirectory(prefix="bakeoff-benchmark-") as home:
        store, had, all_of_them = Path(home), documents(0, DOCUMENTS, lines), documents(0, DOCUMENTS + DOCUMENTS // 100, lines)
        row["build, s"] = _built(store / "first", had, embedder, kind)
        index = FaissIndex.load(store / "first", embedder)
        row["bytes/passage"] = folder_bytes(store / "first") / count
        row |= _searched(index, queries, exact[0])
        row["adding 1 %, s"] = _built(store / "second", all_of_them, embedder, kind)
        row["of the build"] = row["adding 1 %, s"] / row["build, s"]
        after = FaissIndex.load(store / "second", embedder)
        row["recall@10 after"] = _recall(after.nearest(queries, FOUND), exact[1])
        print(f"{kind}, {count:,}: {row}", file=sys.stderr, flush=True)
    return row


def _built(folder: Path, those: Sequence[Document], embedder: Embedder, kind: Kind) -> float:
    begun, told = time.perf_counter(), time.perf_counter()
    for step in build_index(folder, those, LinesSpec(kind="benchmark_lines"), embedder, kind, folder.parent):
        if time.perf_counter() - told > 10:
            told = time.perf_counter()
            print(f"  {step.stage} {step.done:,}/{step.total:,} after {told - begun:.0f} s", file=sys.stderr, flush=True)
    write_manifest(folder, {})
    return time.perf_counter() - begun


def _searched(index: FaissIndex, queries: np.ndarray, exact: np.ndarray) -> dict[str, float]:
    index.nearest(queries[:8], FOUND)  # what is mapped is read from disk once
    begun = time.perf_counter()
    found = index.nearest(queries, FOUND)
    batch = len(queries) / (time.perf_counter() - begun)
    taken = []
    for query in queries[:SINGLE]:
        begun = time.perf_counter()
        index.nearest(query[None], FOUND)
        taken.append(time.perf_counter() - begun)
    return {"queries/s, batch": batch, "queries/s, single": 1 / statistics.median(taken), "recall@10": _recall(found, exact)}


def _recall(found: Sequence[Sequence[Any]], exact: np.ndarray) -> float:
    return float(np.mean([len({hit.row for hit in hits} & set(rows.tolist())) / FOUND for hits, rows in zip(found, exact, strict=True)]))


def texts(count: int, embedder: Embedder) -> list[Document]:
    """Paragraphs of the language reference that every Python carries, each its own document."""
    from pydoc_data.topics import topics

    chunker = make_chunker(TokenChunkerSpec(kind="tokens", size=128, overlap=0))
    cut = [p.text for name, text in sorted(topics.items()) for p in chunker.chunk(Document(name, text), embedder)]
    return [Document(f"{i:06}", cut[i % len(cut)] if i < len(cut) else f"{i // len(cut)}. {cut[i % len(cut)]}") for i in range(count)]


def embedding(count: int, embedder: Any, rounds: int) -> list[dict[str, Any]]:
    """Plain encode, and a whole build: cutting, embedding, cache, FAISS and files; then a build of which all is known."""
    given, spec = texts(count, embedder), TokenChunkerSpec(kind="tokens", size=min(512, embedder.max_tokens), overlap=0)
    plain = [document.text for document in given]
    print(f"{count:,} passages of {spread([len(embedder.offsets(text)) for text in plain])}", file=sys.stderr, flush=True)
    embedder.embed(plain[:64])

    def encode() -> Timed:
        begun = time.perf_counter()
        embedder.model.encode(plain, normalize_embeddings=True, show_progress_bar=False)
        return Timed(count, time.perf_counter() - begun, {})

    def build() -> Timed:
        with tempfile.TemporaryDirectory(prefix="bakeoff-benchmark-") as home:
            first, again = (_timed(Path(home) / name, given, spec, embedder) for name in ("first", "second"))
        return Timed(count, first, {"all known, s": again})

    return summarise(take_turns({"encode": encode, "Bakeoff": build}, rounds), "passages", "encode", "Bakeoff")


def _timed(folder: Path, given: Sequence[Document], spec: ChunkerSpec, embedder: Embedder) -> float:
    begun = time.perf_counter()
    list(build_index(folder, given, spec, embedder, "flat", folder.parent))
    return time.perf_counter() - begun


def sizes(counts: Sequence[int], kinds: Sequence[Kind], asked: int, directions: int) -> Iterator[dict[str, Any]]:
    for count in counts:
        count -= count % DOCUMENTS
        clusters = max(1, count // CLUSTER)
        vectors, queries = (clustered(n, clusters, seed, directions) for n, seed in ((count + count // 100, 1), (asked, 2)))
        exact = [nearest(vectors[:count], queries), nearest(vectors, queries)]
        yield from (measure(kind, count, vectors, queries, exact) for kind in kinds)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vectors", type=int, nargs="*", default=[10_000], help="sizes, multiples of 1,000; 0 leaves this part out")
    parser.add_argument("--kinds", nargs="*", default=["flat", "hnsw", "ivfpq"], choices=["flat", "hnsw", "ivfpq"])
    parser.add_argument("--queries", type=int, default=1_000)
    parser.add_argument("--directions", type=int, default=DIRECTIONS, help="of the space in which the clusters' centres lie")
    parser.add_argument("--embed", type=int, default=2_000, help="passages to embed; 0 leaves this part out")
    parser.add_argument("--embedder", default="embedded/all-minilm-l6-v2")
    parser.add_argument("--home", type=Path, default=ROOT / ".benchmark-models", help="where the embedder is unpacked")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, help="CPU threads; by default all that this process may use")
    parser.add_argument("--json", type=Path, help="write the figures here")
    options = parser.parse_args(arguments)
    hardware = choose("auto", options.threads)
    about = machine(hardware)
    print(describe(about), flush=True)
    embedded = []
    if options.embed:
        from models.loading import load_embedder

        embedded = embedding(options.embed, load_embedder(options.embedder, options.home, hardware.threads), options.rounds)
        print(f"\nEmbedding, {options.embed:,} passages, {options.embedder}:\n\n{markdown(embedded)}\n", flush=True)
    limit_threads(hardware.threads)
    rows = list(sizes([count for count in options.vectors if count], options.kinds, options.queries, options.directions))
    if rows:
        print(
            f"\n{options.queries:,} queries for the {FOUND} nearest of {DIMENSION} numbers, {CLUSTER} vectors a cluster:\n\n{markdown(rows)}"
        )
        print("\nFlat compares every vector, so memory's speed bounds it: single queries of a million read 1.5 GB each.")
    if options.json:
        write_json(options.json, {"machine": about, "embedding": embedded, "index": rows})


chunkers.add("benchmark_lines", Lines)

if __name__ == "__main__":
    main()
