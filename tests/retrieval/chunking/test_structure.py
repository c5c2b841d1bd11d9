"""Where the other chunkers cut: between sentences, along Markdown, and where the text turns to something else."""

from __future__ import annotations

import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest

from core.errors import PlanError
from core.records import Document
from core.specs import read_spec
from models.fake import HashEmbedder
from retrieval.chunking import MarkdownChunkerSpec, MeaningChunkerSpec, SentenceChunkerSpec, make_chunker
from retrieval.chunking.passages import stretches
from retrieval.chunking.sentences import Sentence, packed


def texts(
    spec: SentenceChunkerSpec | MarkdownChunkerSpec | MeaningChunkerSpec, text: str, embedder: HashEmbedder | None = None
) -> list[str]:
    return [p.text for p in make_chunker(spec).chunk(Document("d.md", text), embedder or HashEmbedder())]


def test_whole_sentences_are_packed_and_repeated() -> None:
    text = "One two three four. Five six seven eight. Nine ten eleven. Twelve."
    assert texts(SentenceChunkerSpec(size=10, overlap=0), text) == ["One two three four. Five six seven eight.", "Nine ten eleven. Twelve."]
    assert texts(SentenceChunkerSpec(size=10, overlap=5), text)[1] == "Five six seven eight. Nine ten eleven."


def test_abbreviations_initials_and_small_letters_end_no_sentence() -> None:
    text = "Ask Dr. Ada B. Stone, e.g. about bells. She knows. all of it."
    assert texts(SentenceChunkerSpec(size=16, overlap=0), text) == ["Ask Dr. Ada B. Stone, e.g. about bells.", "She knows. all of it."]


def test_list_items_are_sentences_and_wrapped_lines_are_not() -> None:
    text = "- one two three four\n- five six seven\n  eight nine"
    assert texts(SentenceChunkerSpec(size=8, overlap=0), text) == ["- one two three four", "- five six seven\n  eight nine"]


def test_a_heading_goes_with_what_follows_it_and_is_not_reached_over() -> None:
    text = "One two three four five.\n\n# Head\n\nSix seven eight nine ten eleven."
    assert texts(SentenceChunkerSpec(size=10, overlap=5), text) == [
        "One two three four five.",
        "# Head\n\nSix seven eight nine ten eleven.",
    ]


def test_a_sentence_over_the_limit_is_cut_into_parts_of_like_length() -> None:
    text = "Go. " + " ".join(f"W{i}" for i in range(20)) + "."
    found = texts(SentenceChunkerSpec(size=12, overlap=0), text)
    assert found[0] == "Go."
    assert [len(p.split()) for p in found[1:]] == [11, 9]


@pytest.mark.parametrize("lengths", [[3], [20], [3, 20, 3], [5, 5, 5, 5], [1] * 30, [9, 1, 9, 1]])
def test_packing_covers_all_sentences_and_always_gets_on(lengths: list[int]) -> None:
    ends = np.cumsum(lengths)
    sentences = [Sentence(int(end) - n, int(end), False) for n, end in zip(lengths, ends, strict=True)]
    found = list(packed(sentences, 10, 5))
    assert found[0][0] == 0 and found[-1][1] == len(lengths)
    for (first, after), (next_first, next_after) in pairwise(found):
        assert first < next_first <= after < next_after


def test_markdown_keeps_sections_and_code_blocks_whole() -> None:
    code = "```\n# no heading\nx = 1\n```"
    text = f"# One\n\nfirst words here.\n\n## Two\n\n{code}\n\n# Three\n\nlast words stand here alone."
    found = texts(MarkdownChunkerSpec(size=16, overlap=0), text)
    assert any(code in passage for passage in found)
    assert found[0].startswith("# One") and any(p.startswith("# Three\n\nlast words") for p in found)


def test_markdown_cuts_lists_between_items() -> None:
    text = "\n".join(f"- item number {i} has words" for i in range(8))
    assert all(p.startswith("- item") and p.endswith("words") for p in texts(MarkdownChunkerSpec(size=16, overlap=0), text))


class ByTopic(HashEmbedder):
    """Looks only at which topic a text names."""

    def embed(self, texts: list[str], kind: str = "passage") -> np.ndarray:  # type: ignore[override]
        counts = np.array([[text.count("sea") + 1e-3, text.count("bell") + 1e-3] for text in texts], dtype=np.float32)
        return np.pad(counts / np.linalg.norm(counts, axis=1, keepdims=True), ((0, 0), (0, 62)))


def test_meaning_cuts_where_the_topic_turns() -> None:
    sea = [f"The sea is wide and cold at mile {i}. " for i in range(9)]
    bell = [f"The bell rings loud at hour {i} again. " for i in range(9)]
    found = texts(MeaningChunkerSpec(size=512), "".join(sea + bell), ByTopic())
    mixed = [p for p in found if "sea" in p and "bell" in p]
    assert len(found) > 1 and sum(min(p.count("sea"), p.count("bell")) for p in mixed) <= 1


def test_a_very_long_text_is_compared_in_stretches() -> None:
    text = "One line.\n\nAnother one here.\nA third.\n\n" * 50
    found = list(stretches(text, 100))
    assert "".join(text[a:b] for a, b in found) == text
    assert all(0 < b - a <= 100 for a, b in found)
    assert all(text[b:].startswith("\n\n") for _, b in found[:-1])
    assert list(stretches("x" * 25, 10)) == [(0, 10), (10, 20), (20, 25)]


def test_a_meaning_chunker_has_no_overlap_to_set() -> None:
    with pytest.raises(PlanError, match="overlap is not a setting"):
        read_spec(MeaningChunkerSpec, {"kind": "meaning", "overlap": 4})


def test_the_libraries_are_imported_only_when_a_document_is_cut() -> None:
    code = "import sys, retrieval; print([m for m in ('chonkie', 'semantic_text_splitter') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
