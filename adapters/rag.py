"""RAG: the passages nearest to the question stand before it (Lewis et al. 2020, arXiv:2005.11401, without the joint training).

Documents are cut and embedded once; each prompt holds the best passages that fit, the least relevant dropped first. How they are found is
a matter of settings (adapters/searching.py): two `rag` methods with other settings stand side by side in one comparison.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from adapters.base import Bound, MethodSpec, Recipe, Setting, methods
from adapters.retrieved import PassageFinder, RetrievalSettings, check_retrieval, retrieval_recipes
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
        check_retrieval("rag", self.spec, setting)

    def recipes(self, setting: Setting) -> list[Recipe]:
        return retrieval_recipes(self.spec, setting)

    def bind(self, setting: Setting, artefacts: Sequence[Path]) -> Bound:
        return BoundRag(PassageFinder(setting, artefacts, self.spec))


methods.add("rag", Rag)
