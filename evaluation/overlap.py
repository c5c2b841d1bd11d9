"""Exact match and token F1, as SQuAD's scorer defines them (Rajpurkar et al. 2016), on the normal form of `evaluation/text.py`.

Exact match is the strict reading of a short answer: all or nothing, so an answer in a full sentence gets 0 however right it is. Token F1
gives part marks for shared words and is the better first choice for answers of up to a sentence. Neither knows synonyms.
An empty answer is an answer: it scores 0, unless the reference is empty too.
"""

from __future__ import annotations

from collections import Counter

from evaluation.base import MetricInfo, TextMetric, metrics
from evaluation.text import answer_tokens, normalise

NORMAL_FORM = "case, punctuation and English articles ignored, numbers keep sign and decimal point, unspaced scripts by character"


def exact_match(prediction: str, reference: str) -> float:
    """1 where both have the same normal form, else 0."""
    return float(normalise(prediction) == normalise(reference))


def token_f1(prediction: str, reference: str) -> float:
    """Harmonic mean of the precision and recall of tokens, counted with repetition."""
    predicted, expected = answer_tokens(prediction), answer_tokens(reference)
    if not predicted or not expected:
        return float(predicted == expected)
    shared = sum((Counter(predicted) & Counter(expected)).values())
    return 2 * shared / (len(predicted) + len(expected))


metrics.add(
    "exact_match",
    TextMetric(
        MetricInfo(
            "exact_match",
            "exact match, SQuAD's normal form",
            how=f"1 if answer and reference are the same text, else 0; {NORMAL_FORM}. After SQuAD's scorer (Rajpurkar et al. 2016).",
        ),
        exact_match,
    ),
)
metrics.add(
    "token_f1",
    TextMetric(
        MetricInfo(
            "token_f1",
            "token F1, SQuAD's normal form",
            how="Harmonic mean of the share of the answer's words that are in the reference and of the reference's that are in the "
            f"answer; {NORMAL_FORM}. After SQuAD's scorer (Rajpurkar et al. 2016).",
        ),
        token_f1,
    ),
)
