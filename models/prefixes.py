"""The words that embedding models were trained to see before queries and passages. Without them they find less.

A model that states its prompts itself (`config_sentence_transformers.json`) is taken at its word. Some well-known families state them only in
their model cards: those are known here by name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from models.base import Prefixes

FAMILIES: dict[str, Prefixes] = {
    r"(?:multilingual-)?e5-(?:small|base|large)(?:-v\d)?": Prefixes("query: ", "passage: "),
    r"bge-(?:small|base|large)-en(?:-v[\d.]+)?": Prefixes("Represent this sentence for searching relevant passages: "),
    r"nomic-embed-text-v[\d.]+": Prefixes("search_query: ", "search_document: "),
    r"mxbai-embed-(?:large|xsmall)-v\d": Prefixes("Represent this sentence for searching relevant passages: "),
}
"""Names without their organisation; the prefixes are those of the model cards (E5: Wang et al. 2022, arXiv:2212.03533)."""


def family_prefixes(embedder_id: str) -> Prefixes:
    """By the last part of an id or a folder's name; empty for all that are not listed."""
    name = embedder_id.rstrip("/").rsplit("/", 1)[-1].lower()
    return next((prefixes for pattern, prefixes in FAMILIES.items() if re.fullmatch(pattern, name)), Prefixes())


def stated_prefixes(prompts: Mapping[str, str | None]) -> Prefixes:
    """Those of a sentence-transformers model's own prompts, by the names that it looks them up with."""
    passages = [prompts.get(name) or "" for name in ("document", "passage", "corpus")]
    return Prefixes(prompts.get("query") or "", next(filter(None, passages), ""))
