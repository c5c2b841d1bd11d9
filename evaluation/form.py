"""What can be said of an answer without knowing what is right: its length, whether it was cut, whether it goes round in circles.

None of them decides anything. They explain: a method whose answers are cut or repeat themselves may know more than its scores say. A cut
answer is scored like any other ("12.25" cut behind it is right); how many were cut is said here, and never taken off the scores.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from core.records import Score, Scored
from evaluation.base import Item, MetricInfo, Resources, metrics
from evaluation.text import words

RUN = 4
MOST_WORDS = 100_000


def repetition(text: str) -> float:
    """Share of the runs of four words that stood there before: 1 - distinct runs / runs. 0 where the text has fewer than four words."""
    found = words(text)
    runs = [tuple(found[start : start + RUN]) for start in range(len(found) - RUN + 1)]
    return 1 - len(set(runs)) / len(runs) if runs else 0.0


def answer_words(text: str) -> float:
    return float(min(len(words(text)), MOST_WORDS))


@dataclass(frozen=True)
class FormMetric:
    """A metric of the answer alone."""

    info: MetricInfo
    check: Callable[[Item], float] = field(repr=False)

    def score(self, items: Sequence[Item], resources: Resources) -> list[Scored]:
        return [Score(self.check(item)) for item in items]


SHOWN = "shown, decides nothing"

metrics.add(
    "repetition",
    FormMetric(
        MetricInfo(
            "repetition",
            "repetition, share of repeated 4-word runs",
            higher_is_better=False,
            how="1 minus distinct runs of four words divided by all runs of four words in the answer (rep-4 of Welleck et al. 2020, the "
            "complement of distinct-n, Li et al. 2016); 0 for answers of fewer than four words. Words in every script.",
            in_verdict=False,
            note=SHOWN,
        ),
        lambda item: repetition(item.prediction),
    ),
)
metrics.add(
    "answer_words",
    FormMetric(
        MetricInfo(
            "answer_words",
            "length of the answer",
            high=float(MOST_WORDS),
            unit="words",
            how="Number of words of the answer; in scripts without spaces each character counts as a word. Neither short nor long is better; "
            "read it beside scores that reward length or brevity.",
            in_verdict=False,
            note=SHOWN,
            neutral=True,
        ),
        lambda item: answer_words(item.prediction),
    ),
)
metrics.add(
    "cut",
    FormMetric(
        MetricInfo(
            "cut",
            "share of answers cut at max_new_tokens",
            higher_is_better=False,
            how="Share of answers that did not end by themselves but reached generation.max_new_tokens. They are scored like all others: "
            "cut is not wrong.",
            in_verdict=False,
            note=SHOWN,
        ),
        lambda item: float(item.finish_reason == "length"),
    ),
)
