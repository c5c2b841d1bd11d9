"""Questions to the passages of their prompts:

    wordings → retriever → fusion of the wordings → threshold → cross-encoder → the best, or the best that differ

Each step is optional but the retriever, and none depends on what is asked beside a question.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from core.records import Retrieved
from retrieval.base import Hit, PassageIndex, Probe, Retriever, retrievers
from retrieval.index import unit_vectors
from retrieval.search.diversity import diverse
from retrieval.search.fusion import fused
from retrieval.search.reranking import PairScorer, reranked

REPEATED = 5
"""How often a question stands before a passage that was made up for it, where words are looked for (Wang et al. 2023, arXiv:2303.07678)."""


class Query(NamedTuple):
    """A question, and what a language model made of it.

    Attributes:
        further: the same question in other words; each is searched for, and the rankings are fused.
        imagined: a passage that could answer it (HyDE): its vector is averaged with the question's, its words are added to the question's.
    """

    text: str
    further: tuple[str, ...] = ()
    imagined: str = ""


@dataclass(frozen=True)
class Steps:
    """How passages are found.

    Attributes:
        retriever: a name in `retrievers`.
        candidates: how many passages later steps choose from.
        diversity: 1 - lambda of MMR; 0 is without.
        min_score: least cosine similarity of question and passage; None lets all pass.
        scorer: the cross-encoder, or None.
        allowed: shape (rows,), bool; only these may be found. None allows all.
    """

    retriever: str = "dense"
    candidates: int = 30
    diversity: float = 0.0
    min_score: float | None = None
    scorer: PairScorer | None = None
    allowed: np.ndarray | None = None


class Search:
    """A pipeline over one index.

    Attributes:
        seconds: what each step took so far, for all questions: embed, retrieve, rerank, choose.
    """

    def __init__(self, index: PassageIndex, steps: Steps) -> None:
        self.index, self.steps = index, steps
        self.seconds: defaultdict[str, float] = defaultdict(float)

    @cached_property
    def retriever(self) -> Retriever:
        return retrievers.get(self.steps.retriever)(self.index)

    def search(self, queries: Sequence[Query], top_k: int) -> list[list[Retrieved]]:
        """For each query at most `top_k` passages, best first, ties to the earlier row. A blank question finds nothing."""
        asked = [place for place, query in enumerate(queries) if query.text.strip()]
        if not asked or top_k < 1 or not len(self.index.passages):
            return [[] for _ in queries]
        found = dict(zip(asked, self._found([queries[place] for place in asked], top_k), strict=True))
        return [self._retrieved(found.get(place, [])) for place in range(len(queries))]

    def _retrieved(self, hits: Sequence[Hit]) -> list[Retrieved]:
        return [Retrieved(self.index.passages[hit.row], hit.score, rank) for rank, hit in enumerate(hits)]

    def _found(self, queries: Sequence[Query], top_k: int) -> list[list[Hit]]:
        steps = self.steps
        probes = [self._probes(query) for query in queries] if not self._needs_vectors else self._embedded(queries)
        chosen_later = steps.scorer is not None or steps.diversity > 0
        widened = chosen_later or steps.retriever == "hybrid" or any(len(wordings) > 1 for wordings in probes)
        depth = max(top_k, steps.candidates) if widened else top_k
        with self._timed("retrieve"):
            flat = self.retriever.rank([probe for wordings in probes for probe in wordings], depth, steps.allowed)
            rankings = iter(flat)
            hits = [_joined([next(rankings) for _ in wordings], depth) for wordings in probes]
            hits = [self._similar_enough(wordings[0], of_one) for wordings, of_one in zip(probes, hits, strict=True)]
        return [self._chosen(query.text, wordings[0], of_one, top_k) for query, wordings, of_one in zip(queries, probes, hits, strict=True)]

    @property
    def _needs_vectors(self) -> bool:
        return retrievers.get(self.steps.retriever).by_vector or self.steps.min_score is not None or self.steps.diversity > 0

    def _probes(self, query: Query) -> list[Probe]:
        words = "\n".join([*[query.text] * REPEATED, query.imagined]) if query.imagined.strip() else query.text
        return [Probe(words), *(Probe(wording) for wording in query.further if wording.strip())]

    def _embedded(self, queries: Sequence[Query]) -> list[list[Probe]]:
        """The probes with their vectors; a made-up passage is embedded as a passage, and its vector averaged with the question's."""
        bare = [self._probes(query) for query in queries]
        texts = [text for query, wordings in zip(queries, bare, strict=True) for text in (query.text, *(p.words for p in wordings[1:]))]
        imagined = [query.imagined for query in queries if query.imagined.strip()]
        with self._timed("embed"):
            vectors = iter(unit_vectors(self.index.embedder, texts, "query"))
            made_up = iter(unit_vectors(self.index.embedder, imagined, "passage") if imagined else ())
            found = [[probe._replace(vector=next(vectors)) for probe in wordings] for wordings in bare]
            for query, wordings in zip(queries, found, strict=True):
                if query.imagined.strip():
                    wordings[0] = wordings[0]._replace(vector=_between(wordings[0].vector, next(made_up)))
        return found

    def _similar_enough(self, probe: Probe, hits: list[Hit]) -> list[Hit]:
        """Those whose cosine similarity to the question reaches the threshold, whatever the retriever scores by."""
        if self.steps.min_score is None or not hits or probe.vector is None:
            return hits
        cosines = np.round((self.index.vectors([hit.row for hit in hits]) @ probe.vector).astype(np.float64), 5)
        return [hit for hit, cosine in zip(hits, cosines, strict=True) if cosine >= self.steps.min_score]

    def _chosen(self, question: str, probe: Probe, hits: list[Hit], top_k: int) -> list[Hit]:
        if self.steps.scorer is not None:
            with self._timed("rerank"):
                hits = reranked(self.steps.scorer, question, hits, [self.index.passages[hit.row].text for hit in hits])
        if self.steps.diversity > 0 and probe.vector is not None and hits:
            with self._timed("choose"):
                return diverse(hits, self.index.vectors([hit.row for hit in hits]), probe.vector, top_k, 1 - self.steps.diversity)
        return hits[:top_k]

    @contextmanager
    def _timed(self, step: str) -> Iterator[None]:
        begun = time.monotonic()
        try:
            yield
        finally:
            self.seconds[step] += time.monotonic() - begun


def _joined(rankings: Sequence[list[Hit]], depth: int) -> list[Hit]:
    return rankings[0] if len(rankings) == 1 else fused(rankings)[:depth]


def _between(question: np.ndarray | None, passage: np.ndarray) -> np.ndarray:
    """The direction between two unit vectors."""
    middle = passage if question is None else question + passage
    length = float(np.linalg.norm(middle))
    return middle / length if length > 1e-6 else passage
