"""Documents to passages, each an exact cut of its document. Importing this folder registers the chunkers.

boundaries  where a reader would pause, graded
passages    spans to passages: trimmed, within the limit, with page and heading
tokens      a number of tokens, cut at the best place near the limit
sentences   whole sentences
markdown    headings, blocks, list items and table rows, as Markdown nests them
meaning     where the text turns to something else
"""

from retrieval.base import Chunker, ChunkerSpec, chunkers
from retrieval.chunking.boundaries import Grade, windows
from retrieval.chunking.markdown import MarkdownChunkerSpec
from retrieval.chunking.meaning import MeaningChunkerSpec
from retrieval.chunking.sentences import SentenceChunkerSpec
from retrieval.chunking.tokens import TokenChunkerSpec


def make_chunker(spec: ChunkerSpec) -> Chunker:
    """The chunker that a spec names."""
    return chunkers.get(spec.kind)(spec)


__all__ = [
    "Grade",
    "MarkdownChunkerSpec",
    "MeaningChunkerSpec",
    "SentenceChunkerSpec",
    "TokenChunkerSpec",
    "make_chunker",
    "windows",
]
