"""Right or wrong on a label set, read four ways, so that one sees how much of a gap is format.

- `accuracy`: the whole answer must be the label. What a program that consumes the answer would get.
- `accuracy_lenient`: the label may stand in a sentence. What a patient reader would get.
- `accuracy_loglikelihood`: no text at all; the label that the model finds likeliest per token (Brown et al. 2020; Gao et al., lm-eval's
  `acc_norm`, there per byte). What the model knows when the format is taken off it.
- `label_probability`: the same without the winner taking all; smoother, so it needs fewer items to show a difference.

Where strict is far below lenient, the method has a format problem and not a knowledge problem. Lenient reading takes the first label that
occurs: it is fooled by "not billing but refund", which the log-likelihood is not. Labels of one letter (A, B, C) are looked for in their
own case only, since "a" is a word. An item whose reference is no label stays unscored: that is a fault of the data, not of the method, and
it is the same for all methods.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from core.records import Score, Scored, Unscored
from evaluation.base import Item, MetricInfo, Resources, metrics
from evaluation.text import canonical, is_unspaced, is_word_character, without_format

WRAPPING = " \t\r\n\"'`*_.,:;!?()[]{}<>«»“”‘’「」『』。，、！？：；"
"""What may stand around a label without being part of it. Signs such as $ + # % - are part of it."""

_GAP = re.compile(r"(?<=[^\W_])[\s_-]+(?=[^\W_])")


def label_form(text: str) -> str:
    """A label as it is compared: case folded, without wrapping, one space for each run of spaces, hyphens or underscores between words."""
    folded = canonical(text)
    return _GAP.sub(" ", folded.strip(WRAPPING)) or folded.strip()


def label_index(text: str, labels: Sequence[str]) -> int | None:
    """Which label the whole text is, or None."""
    form = label_form(text)
    return next((place for place, label in enumerate(labels) if label_form(label) == form), None)


def first_label(answer: str, labels: Sequence[str]) -> int | None:
    """The label that occurs first as whole words; the longest one where several begin at the same place; None where there is none."""
    whole = label_index(answer, labels)
    if whole is not None:
        return whole
    found = [(start, -len(label), place) for place, label in enumerate(labels) if (start := _occurrence(answer, label)) is not None]
    return min(found)[2] if found else None


@lru_cache(maxsize=1024)
def _pattern(label: str) -> tuple[re.Pattern[str], bool]:
    """What to look for, and whether in the answer's own case."""
    core = label.strip(WRAPPING)
    if len(core) == 1 and core.lower() != core.upper():
        return re.compile(re.escape(core)), True
    return re.compile(r"[\s_-]+".join(re.escape(part) for part in label_form(label).split(" "))), False


def _occurrence(answer: str, label: str) -> int | None:
    pattern, own_case = _pattern(label)
    text = unicodedata.normalize("NFKC", without_format(answer)) if own_case else canonical(answer)
    found = pattern.search(text)
    while found and found.end() > found.start():
        if _stands_alone(text, found.start(), found.end()):
            return found.start()
        found = pattern.search(text, found.start() + 1)
    return None


def _stands_alone(text: str, start: int, end: int) -> bool:
    """Whether text[start:end] is not a part of a longer word or number."""
    before, after = text[:start][-2:], text[end : end + 2]
    if after and unicodedata.category(after[0])[0] == "M":
        return False
    if (before and _joined(before[-1], text[start])) or (after and _joined(text[end - 1], after[0])):
        return False
    if text[start].isdigit() and before and re.fullmatch(r"\d[.,]|\W?[-.]", before):
        return False
    return not (text[end - 1].isdigit() and re.fullmatch(r"[.,]\d", after))


def _joined(left: str, right: str) -> bool:
    return is_word_character(left) and is_word_character(right) and not is_unspaced(left) and not is_unspaced(right)


def _strict(item: Item, reference: int, resources: Resources) -> Scored:
    return Score(float(label_form(item.prediction) == label_form(resources.labels[reference])))


def _lenient(item: Item, reference: int, resources: Resources) -> Scored:
    return Score(float(first_label(item.prediction, resources.labels) == reference))


def _loglikelihood(item: Item, reference: int, resources: Resources) -> Scored:
    fault, lengths = _logprob_fault(item, resources), item.label_lengths or resources.label_lengths
    if fault is None and len(lengths) != len(resources.labels):
        fault = Unscored("the labels' lengths in tokens are not known")
    if fault is not None:
        return fault
    per_token = [total / max(length, 1) for total, length in zip(item.label_logprobs, lengths, strict=True)]
    others = [value for place, value in enumerate(per_token) if place != reference]
    return Score(float(all(per_token[reference] > value for value in others)))


def _probability(item: Item, reference: int, resources: Resources) -> Scored:
    fault = _logprob_fault(item, resources)
    if fault is not None:
        return fault
    most = max(item.label_logprobs)
    weights = [math.exp(value - most) for value in item.label_logprobs]
    return Score(weights[reference] / sum(weights))


def _logprob_fault(item: Item, resources: Resources) -> Unscored | None:
    if item.finish_reason == "direct" and not item.label_logprobs:
        return Unscored("it answers without a prompt and gives no probabilities of the labels")
    if len(item.label_logprobs) != len(resources.labels):
        return Unscored("the labels' log-probabilities after this prompt are not known")
    if any(math.isnan(value) or value == math.inf for value in item.label_logprobs) or max(item.label_logprobs) == -math.inf:
        return Unscored("the model gave a log-probability that is not a number")
    return None


@dataclass(frozen=True)
class LabelMetric:
    """A metric of one item and the place of its reference in the label set."""

    info: MetricInfo
    check: Callable[[Item, int, Resources], Scored] = field(repr=False)

    def score(self, items: Sequence[Item], resources: Resources) -> list[Scored]:
        return [self._one(item, resources) for item in items]

    def _one(self, item: Item, resources: Resources) -> Scored:
        if not resources.labels:
            return Unscored("the task has no label set")
        reference = label_index(item.reference, resources.labels)
        if reference is None:
            return Unscored("the reference is not in the label set")
        return self.check(item, reference, resources)


Check = Callable[[Item, int, Resources], Scored]


def _register(name: str, label: str, how: str, check: Check, needs: tuple[str, ...] = ("labels",)) -> None:
    metrics.add(name, LabelMetric(MetricInfo(name, label, how=how, needs=needs), check))


_register(
    "accuracy",
    "accuracy, strict",
    "Share of answers that are the right label and nothing else; case, surrounding punctuation and spacing ignored.",
    _strict,
)
_register(
    "accuracy_lenient",
    "accuracy, lenient",
    "Share of answers in which the right label is the first that occurs as whole words; the longest label wins at the same place.",
    _lenient,
)
_register(
    "accuracy_loglikelihood",
    "accuracy, log-likelihood",
    "Share of prompts after which the right label has the highest log-likelihood per token of all labels; a tie counts as wrong. "
    "No text is read.",
    _loglikelihood,
    ("labels", "label_logprobs"),
)
_register(
    "label_probability",
    "probability of the label",
    "Softmax over the label set of each label's summed log-probability after the prompt; the share that the right label gets.",
    _probability,
    ("labels", "label_logprobs"),
)
