"""Retrieval for any method: the settings, the recipe of the index, and prompts with the passages that were found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from pydantic import Field, ValidationInfo, field_validator

from adapters.base import MethodSpec, Progress, Recipe, Setting
from adapters.prompts import Words, with_fitting_passages, word
from core.errors import MethodError
from core.records import Example, Prompt, Retrieved
from retrieval.chunking import TokenChunkerSpec
from retrieval.index import FlatIndex, index_fingerprint


class RetrievalSettings(MethodSpec):
    """Settings of every method that retrieves."""

    top_k: int = Field(3, ge=1, le=50, description="Passages that are put into each prompt, if they fit; usual 1 to 10.")
    chunk_size: int = Field(128, ge=8, le=512, description="Longest passage, in the embedder's tokens; usual 64 to 256.")
    chunk_overlap: int = Field(16, ge=0, le=256, description="Tokens repeated from the passage before; usual 0 to 32, at most half of it.")

    @field_validator("chunk_overlap")
    @classmethod
    def _at_most_half(cls, overlap: int, info: ValidationInfo) -> int:
        size = info.data.get("chunk_size", 512)
        if overlap > size // 2:
            raise ValueError(f"should be at most half of chunk_size ({size // 2})")
        return overlap

    def chunker(self) -> TokenChunkerSpec:
        return TokenChunkerSpec(kind="tokens", size=self.chunk_size, overlap=self.chunk_overlap)


def check_documents(kind: str, setting: Setting) -> None:
    """Refuse to retrieve from nothing.

    Raises:
        MethodError: there are no documents.
    """
    if not setting.documents:
        raise MethodError(
            f"{kind} needs documents to search; got 0.", "Drop some on the page's Retrieval tab, or add `knowledge: {path: …}` to the plan."
        )


def index_recipe(setting: Setting, chunker: TokenChunkerSpec) -> Recipe:
    """The index of the setting's documents. Two methods with the same chunks share it."""

    def build(folder: Path, earlier: Sequence[Path]) -> Iterator[Progress]:
        for done, total in FlatIndex.build(folder, setting.documents, chunker, setting.embedder()):
            yield Progress("preparing index", done, total, "passages")

    inputs = {
        "documents": len(setting.documents),
        "characters": sum(len(document.text) for document in setting.documents),
        "chunker": chunker.model_dump(),
        "embedder": setting.embedder_id,
    }
    return Recipe("index", index_fingerprint(setting.documents, chunker, setting.embedder_id), inputs, build)


class PassageFinder:
    """Words prompts with retrieved passages, for asking and for training alike. The index is read at the first call.

    Args:
        index_folder: what `index_recipe` built.
        token_cap: most tokens of a prompt with passages, so that training prompts stay short; None for all that the model reads.
        words: how a prompt is worded.
    """

    def __init__(self, setting: Setting, index_folder: Path, top_k: int, token_cap: int | None = None, words: Words = word) -> None:
        self.setting = setting
        self.index_folder = index_folder
        self.top_k = top_k
        self.token_cap = token_cap
        self.words = words

    @cached_property
    def index(self) -> FlatIndex:
        return FlatIndex.load(self.index_folder, self.setting.embedder())

    def under(self, instruction: str) -> PassageFinder:
        """The same finder, wording prompts under another instruction; both share the index."""
        other = PassageFinder(replace(self.setting, instruction=instruction), self.index_folder, self.top_k, self.token_cap, self.words)
        other.__dict__["index"] = self.index
        return other

    def prompts(self, examples: Sequence[Example]) -> list[Prompt]:
        """One prompt for each example, in order.

        Raises:
            MethodError: a question does not fit the model even without passages.
            StoreError: the index is damaged, or was made with another embedder.
        """
        return self.worded(examples, self.index.search([example.question for example in examples], self.top_k))

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
