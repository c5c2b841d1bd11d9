import math
from typing import Any

import pytest

from core.records import Unscored
from evaluation.accuracy import first_label, label_form
from evaluation.base import Resources, metrics


def cases(golden: Any) -> list[tuple[list[str], dict[str, Any]]]:
    table = golden("labels")
    return [(table["labels"], case) for case in table["cases"]] + [(case["labels"], case) for case in table["other_sets"]]


def test_strict_and_lenient_reading_of_model_like_answers(golden: Any, item: Any, value: Any) -> None:
    """E8, E9"""
    for labels, case in cases(golden):
        place = first_label(case["answer"], labels)
        assert (None if place is None else labels[place]) == case["lenient"], case
        resources = Resources(labels=tuple(labels))
        reference = case["lenient"] or labels[0]
        assert value(metrics.get("accuracy").score([item(case["answer"], reference)], resources)[0]) == float(case["strict"]), case
        assert value(metrics.get("accuracy_lenient").score([item(case["answer"], reference)], resources)[0]) == float(bool(case["lenient"]))


def test_lenient_reading_is_never_below_strict(golden: Any, item: Any, value: Any) -> None:
    for labels, case in cases(golden):
        for reference in labels:
            rows, resources = [item(case["answer"], reference)], Resources(labels=tuple(labels))
            strict, lenient = (value(metrics.get(name).score(rows, resources)[0]) for name in ("accuracy", "accuracy_lenient"))
            assert strict <= lenient, (reference, case)


def test_labels_of_one_set_that_look_alike_stay_apart() -> None:
    assert len({label_form(label) for label in ("C", "C++", "C#", "-1", "1", "$1")}) == 6


@pytest.mark.parametrize(
    ("logprobs", "lengths", "right"),
    [
        ((-1.0, -2.0), (1, 1), 1.0),
        ((-2.0, -1.0), (1, 1), 0.0),
        ((-4.0, -3.0), (4, 1), 1.0),  # -1 per token against -3 per token
        ((-2.0, -2.0), (1, 1), 0.0),  # a tie is not right
        ((-1.0, -math.inf), (1, 1), 1.0),
    ],
)
def test_loglikelihood_is_compared_per_token(logprobs: Any, lengths: Any, right: float, item: Any, value: Any) -> None:
    row = item("whatever", "yes", label_logprobs=logprobs)
    resources = Resources(labels=("yes", "no"), label_lengths=lengths)
    assert value(metrics.get("accuracy_loglikelihood").score([row], resources)[0]) == right


def test_label_probability_is_a_softmax_of_the_sums(item: Any, value: Any) -> None:
    row = item("whatever", "no", label_logprobs=(math.log(0.06), math.log(0.03), math.log(0.01)))
    resources = Resources(labels=("yes", "no", "maybe"), label_lengths=(1, 2, 3))
    assert value(metrics.get("label_probability").score([row], resources)[0]) == pytest.approx(0.3)


@pytest.mark.parametrize("name", ["accuracy", "accuracy_lenient", "accuracy_loglikelihood", "label_probability"])
@pytest.mark.parametrize(
    ("labels", "reference", "reason"),
    [((), "yes", "no label set"), (("yes", "no"), "perhaps", "not in the label set")],
)
def test_without_a_usable_label_there_is_a_reason_and_no_number(name: str, labels: Any, reference: str, reason: str, item: Any) -> None:
    row = item("yes", reference, label_logprobs=(-1.0, -2.0))
    scored = metrics.get(name).score([row], Resources(labels=labels, label_lengths=(1, 1)))[0]
    assert isinstance(scored, Unscored) and reason in scored.reason


@pytest.mark.parametrize("logprobs", [(), (-1.0,), (math.nan, -1.0), (-math.inf, -math.inf)])
@pytest.mark.parametrize("name", ["accuracy_loglikelihood", "label_probability"])
def test_missing_or_broken_logprobs_are_unscored(name: str, logprobs: Any, item: Any, value: Any) -> None:
    row = item("yes", "yes", label_logprobs=logprobs)
    assert value(metrics.get(name).score([row], Resources(labels=("yes", "no"), label_lengths=(1, 1)))[0]) is None
