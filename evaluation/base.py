"""What a metric is: a pure check of one answer against one reference, wrapped in one shared loop.

Each metric states range, unit and direction. A metric never answers 0 for "could not score": it answers `Unscored` with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

from core.records import FinishReason, Scored
from core.registry import Registry
from models.base import Embedder
from models.choosing import Chooser

LOGPROBS = frozenset({"label_logprobs", "choice_logprobs", "reference_logprob"})
"""Needs that ask the answering model, with its trained weights, once more for each answer; nothing is generated."""
ASK_A_MODEL = LOGPROBS | {"embedder", "judge", "reward"}


@dataclass(frozen=True)
class Item:
    """One answer as a metric sees it.

    Attributes:
        question: instruction and input, for judges.
        label_logprobs: summed log-probability of each label of `Resources.labels` after this prompt; only filled for metrics that ask.
        label_lengths: by how much each of them is divided where they are compared per token; `Resources.label_lengths` where empty.
        passages: texts of the passages that stood in the prompt.
        input: what the question is about, without the instruction; "" where there is no such part.
        choices: the options of a multiple-choice item.
        choice_logprobs: summed log-probability of each option's text after this prompt; only filled for metrics that ask.
        reference_logprob: that of the reference with its end of turn, `reference_tokens` long; None where it was not asked for.
        answerable: whether the data hold an answer; None where they mark no item as unanswerable.
        reward: what the reward model gives the answer, or why it gives nothing; None where it was not asked.
    """

    example_id: str
    question: str
    prediction: str
    reference: str
    finish_reason: FinishReason = "stop"
    label_logprobs: tuple[float, ...] = ()
    label_lengths: tuple[int, ...] = ()
    passages: tuple[str, ...] = ()
    answerable: bool | None = None
    input: str = ""
    choices: tuple[str, ...] = ()
    choice_logprobs: tuple[float, ...] = ()
    reference_logprob: float | None = None
    reference_tokens: int = 0
    reward: Scored | None = None


@dataclass(frozen=True)
class Resources:
    """What a metric may use. Models are loaded at the first call.

    Attributes:
        labels: the task's label set; empty for free text.
        label_lengths: number of tokens of each label, for length normalisation.
        judge_rubric: what the judge goes by; "" for our own.
    """

    labels: tuple[str, ...] = ()
    label_lengths: tuple[int, ...] = ()
    embedder: Callable[[], Embedder] | None = None
    judge: Callable[[], Chooser] | None = None
    judge_scale: int = 5
    judge_rubric: str = ""


@dataclass(frozen=True)
class MetricInfo:
    """What is printed with a metric's number.

    Attributes:
        name: the key in plans and reports.
        label: the variant in words, with tokeniser and stemmer ("ROUGE-L F1, Porter stemmer").
        low, high: the range; `unit` says what of.
        higher_is_better: direction.
        version: bumped by hand when its numbers change, so that saved scores are not mixed.
        how: how it is computed, in one or two sentences with the source.
        needs: "labels", "label_logprobs", "embedder", "judge": what `Resources` must hold; "passages", "answerable", "choices",
            "choice_logprobs", "reference_logprob", "reward": what an `Item` must.
        signature: the scorer's own signature (sacrebleu), or "".
        in_verdict: False for metrics that may be shown but not decide.
        neutral: neither more nor less is better (a length); shown without a direction and without a best.
    """

    name: str
    label: str
    low: float = 0.0
    high: float = 1.0
    unit: str = "share"
    higher_is_better: bool = True
    version: str = "1"
    how: str = ""
    needs: tuple[str, ...] = ()
    signature: str = ""
    in_verdict: bool = True
    note: str = ""
    neutral: bool = False


class Metric(Protocol):
    """A way of scoring."""

    @property
    def info(self) -> MetricInfo: ...

    def score(self, items: Sequence[Item], resources: Resources) -> list[Scored]:
        """A score or a reason for each item, in order."""
        ...


@dataclass(frozen=True)
class TextMetric:
    """A metric that is a pure function of (prediction, reference)."""

    info: MetricInfo
    check: Callable[[str, str], float] = field(repr=False)
    kind: ClassVar[str] = "text"

    def score(self, items: Sequence[Item], resources: Resources) -> list[Scored]:
        from core.records import Score

        return [Score(float(self.check(item.prediction, item.reference))) for item in items]


metrics: Registry[Metric] = Registry("metric")
