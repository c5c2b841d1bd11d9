"""Sentence BLEU and chrF by sacrebleu, with its signature, so that the number can be had again (Post 2018).

BLEU depends so much on tokenising that the same output differs by points between papers; sacrebleu tokenises itself and says how. What we
give is the *mean of sentence scores*: every item gets a score and so an interval and a paired test. Corpus BLEU, which papers print, pools
the counts first and is another number. `effective_order` leaves out the orders that a short sentence does not have; without it an
identical three-word answer scores 0. Chinese, Thai and other unspaced scripts are refused: the 13a tokenizer sees a whole sentence as one
word, so one wrong character would make it 0. sacrebleu has tokenizers for some of them, but a mean over several is the mean of nothing;
chrF needs no words and takes them all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from typing import Any, Literal

from core.records import Score, Scored, Unscored
from evaluation.base import Item, MetricInfo, Resources, metrics
from evaluation.text import mostly_unspaced

NOT_CORPUS = "A mean of sentence scores, not the corpus score that papers print."


@lru_cache(maxsize=2)
def _scorer(kind: Literal["bleu", "chrf"]) -> Any:
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF

    return BLEU(effective_order=True) if kind == "bleu" else CHRF()


@dataclass(frozen=True)
class SacreBleu:
    """One of sacrebleu's sentence scores, 0 to 100."""

    info: MetricInfo
    kind: Literal["bleu", "chrf"]

    def score(self, items: Sequence[Item], resources: Resources) -> list[Scored]:
        return [self._one(item) for item in items]

    def _one(self, item: Item) -> Scored:
        if not item.reference.strip():
            return Unscored("the reference is empty")
        if self.kind == "bleu" and mostly_unspaced(item.reference):
            return Unscored("the 13a tokenizer cannot cut a script without spaces into words; read chrf instead")
        value = float(_scorer(self.kind).sentence_score(item.prediction, [item.reference]).score)
        return Score(min(max(value, 0.0), 100.0))


def _register(kind: Literal["bleu", "chrf"], label: str, how: str, settings: str, counted: str) -> None:
    # The signature is worded here and compared with sacrebleu's own in a test, so that listing the metrics need not import sacrebleu.
    signature = f"{settings}|version:{version('sacrebleu')}"
    info = MetricInfo(kind, label, high=100.0, unit="points", how=f"{how} {NOT_CORPUS}", signature=signature, version=counted)
    metrics.add(kind, SacreBleu(info, kind))


_register(
    "bleu",
    "sentence BLEU, 13a tokenizer",
    "Precision of runs of one to four words with a penalty for short answers, by sacrebleu with effective_order (Papineni 2002, "
    "Post 2018). References in scripts without spaces are left out: read chrF for them.",
    "nrefs:1|case:mixed|eff:yes|tok:13a|smooth:exp",
    "2",
)
_register(
    "chrf",
    "sentence chrF2, character 6-grams",
    "F score of shared runs of one to six characters, recall counted double, by sacrebleu (Popović 2015). It needs no words, so it "
    "suits every script.",
    "nrefs:1|case:mixed|eff:yes|nc:6|nw:0|space:no",
    "1",
)
