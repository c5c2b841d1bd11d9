"""Retrieval for any method: the settings, the recipes of the index and of rewritten questions, and prompts with the passages that were found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from adapters.base import MethodSpec, Progress, Recipe, Setting
from adapters.prompts import Words, with_fitting_passages, word
from adapters.rewriting import Rewriter, queries_recipe
from adapters.searching import SearchSettings, check_search, search_inputs
from core.errors import MethodError
from core.records import Example, Prompt, Retrieved
from models.cross_encoder import CrossScorer
from retrieval.base import ChunkerSpec
from retrieval.chunking import MarkdownChunkerSpec, MeaningChunkerSpec, SentenceChunkerSpec, TokenChunkerSpec
from retrieval.index import FaissIndex, Kind, build_index, index_fingerprint
from retrieval.search.filters import allowed_rows
from retrieval.search.pipeline import Search, Steps

FIRST = frozenset({*MethodSpec.model_fields, "top_k", "chunk_size", "chunk_overlap"})
"""Settings that every key holds."""
SURELY_READ = 120
"""Characters of a question that any embedder reads whole: a token has at least one."""


class RetrievalSettings(SearchSettings):
    """Settings of every method that retrieves."""

    top_k: int = Field(3, ge=1, le=50, description="Passages that are put into each prompt, if they fit; usual 1 to 10.")
    chunk_size: int = Field(128, ge=8, le=512, description="Longest passage, in the embedder's tokens; usual 64 to 256.")
    chunk_overlap: int = Field(16, ge=0, le=256, description="Tokens repeated from the passage before; usual 0 to 32, at most half of it.")
    chunker: Literal["tokens", "sentences", "markdown", "meaning"] = Field(
        "tokens",
        description="tokens: about as long as chunk_size, cut at the best place near it. sentences: whole sentences. markdown: whole sections, "
        "blocks and list items. meaning: cut where the text turns to something else; several times slower, and without overlap. Usual tokens.",
    )
    index: Kind = Field(
        "auto",
        description="flat compares every vector: exact. hnsw walks a graph of neighbours: quick, vectors in memory. ivfpq compares short codes, "
        "then the best by whole vectors: little memory. auto is flat up to 100,000 passages, then hnsw where half of the free memory holds "
        "it, else ivfpq (flat below 2,048 passages). Usual auto.",
    )

    @field_validator("chunk_overlap")
    @classmethod
    def _at_most_half(cls, overlap: int, info: ValidationInfo) -> int:
        size = info.data.get("chunk_size", 512)
        if overlap > size // 2:
            raise ValueError(f"should be at most half of chunk_size ({size // 2})")
        return overlap

    def cutting(self) -> ChunkerSpec:
        """The chunker that these settings name."""
        if self.chunker == "meaning":
            return MeaningChunkerSpec(kind="meaning", size=self.chunk_size)
        if self.chunker == "sentences":
            return SentenceChunkerSpec(kind="sentences", size=self.chunk_size, overlap=self.chunk_overlap)
        if self.chunker == "markdown":
            return MarkdownChunkerSpec(kind="markdown", size=self.chunk_size, overlap=self.chunk_overlap)
        return TokenChunkerSpec(kind="tokens", size=self.chunk_size, overlap=self.chunk_overlap)

    @property
    def folders(self) -> int:
        """How many artefacts `retrieval_recipes` names."""
        return 1 if self.rewrite == "none" else 2

    def unset(self) -> set[str]:
        fields = RetrievalSettings.model_fields.items()
        return {name for name, field in fields if name not in FIRST and getattr(self, name) == field.get_default(call_default_factory=True)}


def check_documents(kind: str, setting: Setting) -> None:
    """Refuse to retrieve from nothing.

    Raises:
        MethodError: there are no documents.
    """
    if not setting.documents:
        raise MethodError(
            f"{kind} needs documents to search; got 0.", "Drop some on the page's Retrieval tab, or add `knowledge: {path: …}` to the plan."
        )


def check_retrieval(kind: str, spec: RetrievalSettings, setting: Setting) -> None:
    """Refuse to retrieve from nothing, and a search that cannot be made.

    Raises:
        MethodError: there are no documents, no such cross-encoder, or a filter by what no document states.
    """
    check_documents(kind, setting)
    check_search(kind, spec, setting)


def passages_inputs(spec: RetrievalSettings, setting: Setting) -> dict[str, Any]:
    """What the passages of a prompt depend on beside the index."""
    unset = spec.unset() | set(MethodSpec.model_fields) | {"chunk_size", "chunk_overlap", "chunker", "index"}
    later = {
        name: value for name, value in spec.model_dump(mode="json").items() if name in RetrievalSettings.model_fields and name not in unset
    }
    return {**later, **search_inputs(spec, setting)}


def retrieval_recipes(spec: RetrievalSettings, setting: Setting, trained_on: Sequence[Example] = ()) -> list[Recipe]:
    """The index, and what the model makes of the questions where they are rewritten: of those that are asked, and of those that are trained on."""
    questions = [example.question for example in trained_on]
    rewritten = [queries_recipe(setting, spec.rewrite, setting.questions, questions)] if spec.rewrite != "none" else []
    return [index_recipe(setting, spec.cutting(), spec.index), *rewritten]


def index_recipe(setting: Setting, chunker: ChunkerSpec, kind: Kind = "auto") -> Recipe:
    """The index of the setting's documents. Two methods with the same chunks share it; one with changed documents begins with it."""

    def build(folder: Path, earlier: Sequence[Path]) -> Iterator[Progress]:
        for step in build_index(folder, setting.documents, chunker, setting.embedder(), kind, store=folder.parent):
            yield Progress(step.stage, step.done, step.total, step.unit)

    inputs = {
        "documents": len(setting.documents),
        "characters": sum(len(document.text) for document in setting.documents),
        "chunker": chunker.model_dump(),
        "embedder": setting.embedder_id,
        "kind": kind,
    }
    return Recipe("index", index_fingerprint(setting.documents, chunker, setting.embedder_id, kind), inputs, build)


class PassageFinder:
    """Words prompts with retrieved passages, for asking and for training alike. The index is read at the first call.

    Args:
        folders: what `retrieval_recipes` built.
        spec: how passages are found.
        token_cap: most tokens of a prompt with passages, so that training prompts stay short; None for all that the model reads.
        words: how a prompt is worded.
    """

    def __init__(
        self, setting: Setting, folders: Sequence[Path], spec: RetrievalSettings, token_cap: int | None = None, words: Words = word
    ) -> None:
        self.setting, self.spec = setting, spec
        self.folders = folders
        self.token_cap = token_cap
        self.words = words

    @property
    def top_k(self) -> int:
        return self.spec.top_k

    @cached_property
    def index(self) -> FaissIndex:
        return FaissIndex.load(self.folders[0], self.setting.embedder())

    @cached_property
    def search(self) -> Search:
        spec, setting = self.spec, self.setting
        scorer = CrossScorer(spec.reranker, setting.models_home, setting.model.threads) if spec.reranker else None
        allowed = allowed_rows(self.index.passages, setting.documents, spec.where)
        return Search(self.index, Steps(spec.retriever, spec.candidates, spec.diversity, spec.min_score, scorer, allowed))

    @cached_property
    def rewriter(self) -> Rewriter:
        return Rewriter(self.setting, self.spec.rewrite, self.folders[1:])

    def under(self, instruction: str) -> PassageFinder:
        """The same finder, wording prompts under another instruction; both share what was loaded."""
        other = PassageFinder(replace(self.setting, instruction=instruction), self.folders, self.spec, self.token_cap, self.words)
        other.__dict__ |= {"index": self.index, "search": self.search, "rewriter": self.rewriter}
        return other

    def found(self, examples: Sequence[Example], top_k: int | None = None) -> list[list[Retrieved]]:
        """The passages for each example, best first; by default as many as the spec says."""
        queries = self.rewriter.queries([example.question for example in examples])
        return self.search.search(queries, self.top_k if top_k is None else top_k)

    def cut(self, examples: Sequence[Example]) -> int:
        """How many questions the embedder does not read to their end; 0 where none is embedded. Short ones load no embedder."""
        long = [example.question for example in examples if len(example.question) >= SURELY_READ]
        if not long or (self.spec.retriever == "bm25" and self.spec.min_score is None):
            return 0
        embedder = self.setting.embedder()
        return sum(len(embedder.offsets(question)) > embedder.max_tokens for question in long)

    def prompts(self, examples: Sequence[Example]) -> list[Prompt]:
        """One prompt for each example, in order.

        Raises:
            MethodError: a question does not fit the model even without passages.
            StoreError: the index is damaged, or was made with another embedder.
        """
        return self.worded(examples, self.found(examples))

    def worded(self, examples: Sequence[Example], found: Sequence[Sequence[Retrieved]]) -> list[Prompt]:
        """The same with passages that were found otherwise, best first.

        Raises:
            MethodError: a question does not fit the model even without passages.
        """
        setting, codec = self.setting, self.setting.codec()
        return [
            with_fitting_passages(example, setting.instruction, ranked, codec, setting.prompt_budget, self.token_cap, self.words)
            for example, ranked in zip(examples, found, strict=True)
        ]
