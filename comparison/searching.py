"""What a report says of how passages were looked for: questions that were rewritten, cut, or found nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from adapters.base import Bound, Direct
from adapters.retrieved import PassageFinder
from adapters.rewriting import tokens_of
from comparison.answers import Saved
from comparison.artefacts import Artefact
from core.records import Example
from retrieval.search.filters import passes


def rewriting(artefacts: Sequence[Artefact]) -> dict[str, Any]:
    """What rewriting the asked questions cost: how many, their tokens, and their share of the seconds; {} where none were rewritten."""
    for artefact in artefacts:
        if artefact.kind == "queries" and (found := tokens_of(artefact.path)):
            asked = found["asked"]
            return {**asked, "seconds": round(artefact.prepare_s * asked["questions"] / max(found["questions"], 1), 3)}
    return {}


def search_notes(bound: Bound | Direct, examples: Sequence[Example], saved: Saved, artefacts: Sequence[Artefact]) -> list[str]:
    """Sentences on a method that retrieves; none for others."""
    finder = getattr(bound, "finder", None)
    if not isinstance(finder, PassageFinder):
        return []
    prompts = [answer.prompt for answer in saved.answers.values()]
    nothing = sum(not prompt.passages and not prompt.dropped_passages for prompt in prompts)
    notes = []
    if not any(passes(document, finder.spec.where) for document in finder.setting.documents):
        notes.append("no document passes the filters in `where`, so nothing can be found; loosen them.")
    if nothing:
        notes.append(f"for {nothing} of {len(prompts)} questions no passage was found, and the prompt says so.")
    if cut := finder.cut(examples):
        reads = finder.setting.embedder().max_tokens
        notes.append(
            f"{cut} of {len(examples)} questions are longer than the {reads} tokens that the embedder reads; it ignores what is behind."
        )
    if cost := rewriting(artefacts):
        tokens = f"{cost['prompt_tokens']:,} tokens read and {cost['completion_tokens']:,} written"
        notes.append(f"{cost['questions']} questions were rewritten before the search: {tokens}, {cost['seconds']:.1f} s.")
    return notes
