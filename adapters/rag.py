"""RAG: the passages nearest to the question stand before it (Lewis et al. 2020, arXiv:2005.11401, without the joint training).

Documents are cut and embedded once; each prompt holds the best passages that fit, the least relevant dropped first.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from adapters.base import Bound, MethodSpec, Recipe, Setting, methods
from adapters.retrieved import PassageFinder, RetrievalSettings, check_documents, index_recipe
from core.records import Example, Prompt


class RagSpec(RetrievalSettings):
    """Passages before the question."""

    kind: Literal["rag"] = Field("rag", description="Passages from the documents before the question.")


class BoundRag:
    """Words prompts with passages."""

    adapter: Path | None = None

    def __init__(self, finder: PassageFinder) -> None:
        self.finder = finder

    def prompts(self, examples: Sequence[Example]) -> list[Prompt]:
        return self.finder.prompts(examples)


class Rag:
    """See the module's docstring."""

    Spec: ClassVar[type[MethodSpec]] = RagSpec

    def __init__(self, spec: RagSpec) -> None:
        self.spec = spec

    def check(self, setting: Setting) -> None:
        check_documents("rag", setting)

    def recipes(self, setting: Setting) -> list[Recipe]:
        return [index_recipe(setting, self.spec.chunker())]

    def bind(self, setting: Setting, artefacts: Sequence[Path]) -> Bound:
        return BoundRag(PassageFinder(setting, artefacts[0], self.spec.top_k))


methods.add("rag", Rag)
