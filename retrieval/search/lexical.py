"""BM25: the passages that share the question's words, rare words counting most (Robertson and Zaragoza 2009; the library bm25s, Lù 2024,
arXiv:2407.03618, in Lucene's variant with k1 = 1.5 and b = 0.75).

It finds names, numbers and error codes to the letter, and nothing that is said in other words. It is built from the passages when it is first
asked and kept in memory; no copy of it lies beside the index, so nothing can be out of step with it.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Sequence
from functools import cache, cached_property
from typing import Any, ClassVar

import numpy as np

from retrieval.base import Hit, PassageIndex, Probe, retrievers

DIGITS = 5
"""Scores are rounded to so many digits, so that ties are real ties."""
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003fffd"
"""Scripts that are written without spaces: Thai, Lao, Burmese, Khmer, kana, Han."""


def tokens(text: str) -> list[str]:
    """The words of a text, the same for equal text on every machine.

    Letters, marks and digits in a row, in Unicode's compatible form and without case; `snake_case` is one word. Of scripts without spaces
    each two neighbouring characters are one, as is a character that stands alone.
    """
    found: list[str] = []
    for word in _words().findall(unicodedata.normalize("NFKC", text).casefold()):
        found += _pairs(word) if _unspaced().match(word) else [word]
    return found


def _pairs(word: str) -> list[str]:
    return [word[place : place + 2] for place in range(len(word) - 1)] or [word]


@cache
def _words() -> re.Pattern[str]:
    """A run of a script without spaces, or of other letters, marks and digits. Python's `\\w` knows no marks, which would tear Hindi words apart."""
    marks = _ranges(code for code in range(0x300, sys.maxunicode + 1) if unicodedata.category(chr(code)).startswith("M"))
    return re.compile(f"[{_UNSPACED}]+|(?:(?![{_UNSPACED}])[\\w{marks}])+")


@cache
def _unspaced() -> re.Pattern[str]:
    return re.compile(f"[{_UNSPACED}]")


def _ranges(codes: Any) -> str:
    """Code points in order as the inside of a character class."""
    spans: list[list[int]] = []
    for code in codes:
        if spans and spans[-1][1] == code - 1:
            spans[-1][1] = code
        else:
            spans.append([code, code])
    return "".join(f"{chr(first)}-{chr(last)}" for first, last in spans)


class Bm25:
    """See the module's docstring. Scores are BM25's; a passage that shares no word with the question is not found."""

    by_vector: ClassVar[bool] = False

    def __init__(self, index: PassageIndex) -> None:
        self.index = index
        self._vocabulary: dict[str, int] = {}

    @cached_property
    def _scores(self) -> Any:
        """The library's index; None where no passage holds a word."""
        import bm25s

        number = self._vocabulary
        rows = [[number.setdefault(word, len(number)) for word in tokens(passage.text)] for passage in self.index.passages]
        if not number:
            return None
        made = bm25s.BM25(method="lucene", k1=1.5, b=0.75, backend="numpy")
        made.index((rows, dict(number)), create_empty_token=False, show_progress=False)
        return made

    def rank(self, probes: Sequence[Probe], k: int, allowed: np.ndarray | None = None) -> list[list[Hit]]:
        return [self._best(probe.words, k, allowed) for probe in probes]

    def _best(self, words: str, k: int, allowed: np.ndarray | None) -> list[Hit]:
        scores = self._scores
        known = [self._vocabulary[word] for word in tokens(words) if word in self._vocabulary]
        if scores is None or not known or k < 1:
            return []
        found = np.round(scores.get_scores_from_ids(known).astype(np.float64), DIGITS)
        rows = np.flatnonzero(found > 0 if allowed is None else (found > 0) & allowed)
        if len(rows) > k:
            least = np.partition(found[rows], len(rows) - k)[len(rows) - k]
            rows = rows[found[rows] >= least]
        return [Hit(int(row), float(found[row])) for row in rows[np.lexsort((rows, -found[rows]))[:k]]]


retrievers.add("bm25", Bm25)
