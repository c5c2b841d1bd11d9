"""ROUGE-1, -2, -L and -Lsum by Google's rouge_score, the variant stated with each number.

ROUGE (Lin 2004) counts shared words, word pairs, or the longest common subsequence; F1 here, one reference. Numbers of different papers
often cannot be compared, since stemming and line breaks change them by up to a third. Ours: Porter stemmer on; ROUGE-L reads the text as
one sequence; ROUGE-Lsum takes each line as a sentence (newlines only; no sentence splitter is guessed at). On a text without line breaks
the two are equal.

rouge_score's own tokenizer keeps only a-z and 0-9: identical Chinese texts score 0 and "für" becomes "f", "r". We hand it the words of
`evaluation/text.py` instead, which are exactly its tokens on ASCII text and work in every script. A reference with fewer than two words has
no word pair, so ROUGE-2 leaves it unscored rather than giving a right one-word answer 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from core.records import Score, Scored, Unscored
from evaluation.base import Item, MetricInfo, Resources, metrics
from evaluation.text import words

TOKENS = "Porter stemmer for English, Unicode words"


@lru_cache(maxsize=1)
def _stemmer() -> Any:
    from nltk.stem import porter

    return porter.PorterStemmer()


@lru_cache(maxsize=50_000)
def _stem(word: str) -> str:
    """rouge_score's rule: words of more than three characters; the stemmer knows only English."""
    return str(_stemmer().stem(word)) if len(word) > 3 and word.isascii() else word


class UnicodeTokenizer:
    """rouge_score's tokenizer for every script; equal to its default with `use_stemmer=True` on ASCII text."""

    def tokenize(self, text: str) -> list[str]:
        return [_stem(word) for word in words(text)]


@dataclass(frozen=True)
class Rouge:
    """One variant. `least` is the number of words that a reference must have for it to mean anything."""

    info: MetricInfo
    variant: str
    least: int

    def score(self, items: Sequence[Item], resources: Resources) -> list[Scored]:
        from rouge_score import rouge_scorer

        scorer = rouge_scorer.RougeScorer([self.variant], use_stemmer=True, tokenizer=UnicodeTokenizer())
        return [self._one(scorer, item) for item in items]

    def _one(self, scorer: Any, item: Item) -> Scored:
        if len(words(item.reference)) < self.least:
            return Unscored(f"the reference has fewer than {self.least} words" if self.least > 1 else "the reference has no words")
        return Score(float(scorer.score(item.reference, item.prediction)[self.variant].fmeasure))


def _register(variant: str, label: str, counts: str, least: int = 1) -> None:
    how = f"F1 of {counts}, by rouge_score with use_stemmer=True (Lin 2004); words in every script, unspaced scripts by character."
    metrics.add(variant, Rouge(MetricInfo(variant, f"{label} F1, {TOKENS}", how=how), variant, least))


_register("rouge1", "ROUGE-1", "shared words")
_register("rouge2", "ROUGE-2", "shared pairs of neighbouring words; unscored where the reference has only one word", 2)
_register("rougeL", "ROUGE-L", "the longest common subsequence of words, the text read as one sequence")
_register("rougeLsum", "ROUGE-Lsum", "the union of longest common subsequences line by line, each line a sentence (newlines only)")
