"""The settings of search: how the passages of a prompt are found. Each is a field, so that variants stand side by side in one comparison."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator

from adapters.base import MethodSpec, Setting
from core.errors import BakeoffError, MethodError
from models.cross_encoder import cross_encoder_key
from retrieval.search.filters import Where, unknown_keys

Rewrite = Literal["none", "multi_query", "hyde"]
REWRITE_VERSION = "1"
"""Bumped by hand when the same question is rewritten otherwise."""


class SearchSettings(MethodSpec):
    """How passages are found."""

    retriever: Literal["dense", "bm25", "hybrid"] = Field(
        "dense",
        description="dense: by the nearness of vectors, finds what is said in other words. bm25: by shared words, rare ones most, finds names "
        "and codes. hybrid: both, joined by reciprocal rank fusion (k = 60).",
    )
    candidates: int = Field(
        30,
        ge=1,
        le=500,
        description="Passages that hybrid, reranker, diversity and rewrite choose from, at least top_k; usual 20 to 100. A re-ranker reads each.",
    )
    reranker: str | None = Field(
        None,
        min_length=1,
        max_length=300,
        description="A cross-encoder that reads question and candidate together and orders them anew: a sentence-transformers CrossEncoder, as "
        "a folder or a Hub id. Usual none, or one of the ms-marco family; by far the slowest step of a search.",
    )
    diversity: float = Field(
        0.0,
        ge=0.0,
        le=1.0,
        description="How much a candidate loses by repeating a passage that is chosen already (MMR with lambda = 1 - diversity). 0 is without; "
        "usual 0.3 to 0.6.",
    )
    rewrite: Rewrite = Field(
        "none",
        description="Let the untuned model rewrite each question before the search. multi_query: three other wordings, each searched for; "
        "hyde: a made-up answer, searched for beside it. Costs one more generation a question; usual none.",
    )
    min_score: float | None = Field(
        None,
        ge=-1.0,
        le=1.0,
        description="Leave out passages whose cosine similarity to the question is lower, whatever the retriever; usual none, or 0.2 to 0.5. "
        "Where none is left, the prompt says that no passage was found.",
    )
    where: dict[str, str | tuple[str, ...]] = Field(
        default_factory=dict,
        description="Search only documents that fit, such as {document: 'guides/*', author: Ada}: `document` is a pattern of names, all else is "
        "stated by the documents; a list allows any of its values. Empty searches all.",
    )

    @field_validator("where")
    @classmethod
    def _asks_for_something(cls, where: Where) -> Where:
        if any(not options for options in where.values()):
            raise ValueError("should state at least one value for each key")
        return where


def check_search(kind: str, spec: SearchSettings, setting: Setting) -> None:
    """Refuse a search that cannot be made.

    Raises:
        MethodError: no such cross-encoder, or a filter by what no document states.
    """
    missing, known = unknown_keys(setting.documents, spec.where)
    if missing:
        raise MethodError(
            f"{kind}.where must ask for what the documents state ({', '.join(known)}); got '{missing[0]}'.",
            "Name one of those, or leave it out.",
        )
    try:
        search_inputs(spec, setting)
    except BakeoffError as error:
        raise MethodError(f"{kind}.reranker: {error.message}", error.remedy) from error


def search_inputs(spec: SearchSettings, setting: Setting) -> dict[str, Any]:
    """What the passages depend on beside the settings; {} by default, so that keys of earlier work stay.

    Raises:
        ModelError: no such cross-encoder.
    """
    ranked = {"reranker": cross_encoder_key(spec.reranker, setting.models_home)} if spec.reranker else {}
    return {**ranked, **({"rewriting": REWRITE_VERSION} if spec.rewrite != "none" else {})}
