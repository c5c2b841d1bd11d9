"""How good is a ranking? Recall, precision, reciprocal rank and nDCG at k of what was found, against what should have been found.

Something counts or it does not (binary relevance). With `r_i` = 1 where the id at rank i (from 1) is gold, and G gold ids in all:

    recall@k    = gold ids among the first k / G
    precision@k = r_1 + ... + r_k, divided by k
    MRR         = the mean over items of 1 / rank of the first gold id, 0 where none was found
    nDCG@k      = DCG@k / DCG@k of the best ranking,  DCG@k = sum over i <= k of r_i / log2(i + 1)

Recall, precision and reciprocal rank as in Manning, Raghavan and Schütze, *Introduction to Information Retrieval* (2008), chapter 8; nDCG after
Järvelin and Kekäläinen (2002, doi:10.1145/582415.582418), with the discount log2(i + 1) that TREC's evaluator uses.

Where fewer than k were found, the rest counts as not relevant: precision is still divided by k, as TREC's evaluator does. The same id may stand
in a ranking several times (passages of one document): it counts once for recall and nDCG, where it first stands, and each time for precision.
Where nothing is gold there is no number, since neither 0 nor 1 would be true.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Sequence

from core.records import Score, Scored, Unscored

NO_GOLD = "it is not known which document or passage holds the answer"

Measure = Callable[[Sequence[str], Collection[str], int], Scored]
"""(ids, the best first; gold ids; k, at least 1) to a number from 0 to 1, or to the reason why there is none."""


def _scored(gold: Collection[str], k: int, value: Callable[[], float]) -> Scored:
    if k < 1:
        raise ValueError(f"k must be at least 1; got {k}")
    return Score(value()) if gold else Unscored(NO_GOLD)


def _firsts(ranked: Sequence[str], gold: Collection[str], k: int) -> Iterator[int]:
    """Ranks, from 1, at which a gold id stands for the first time."""
    seen: set[str] = set()
    for rank, name in enumerate(ranked[:k], start=1):
        if name in gold and name not in seen:
            seen.add(name)
            yield rank


def recall(ranked: Sequence[str], gold: Collection[str], k: int) -> Scored:
    """The share of the gold ids that stand among the first k."""
    return _scored(gold, k, lambda: len(list(_firsts(ranked, gold, k))) / len(set(gold)))


def precision(ranked: Sequence[str], gold: Collection[str], k: int) -> Scored:
    """The share of k places that hold a gold id."""
    return _scored(gold, k, lambda: sum(name in gold for name in ranked[:k]) / k)


def reciprocal_rank(ranked: Sequence[str], gold: Collection[str], k: int) -> Scored:
    """One over the rank of the first gold id; 0 where none stands among the first k."""
    return _scored(gold, k, lambda: 1 / next(_firsts(ranked, gold, k), math.inf))


def ndcg(ranked: Sequence[str], gold: Collection[str], k: int) -> Scored:
    """Discounted gain over that of the best ranking: 1 where as many gold ids as can stand among the first k stand in front."""
    return _scored(gold, k, lambda: _gain(_firsts(ranked, gold, k)) / _gain(range(1, min(k, len(set(gold))) + 1)))


def _gain(ranks: Iterator[int] | range) -> float:
    return math.fsum(1 / math.log2(rank + 1) for rank in ranks)


MEASURES: dict[str, Measure] = {"recall": recall, "precision": precision, "mrr": reciprocal_rank, "ndcg": ndcg}
"""By the names that reports use; "mrr" once it is averaged over items."""
