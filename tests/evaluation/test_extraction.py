"""Strict and lenient reading of what models write, row by row of a table that can be read without knowing Python."""

import time
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.base import Resources, metrics
from evaluation.extraction import exact_match_lenient, final_answer, kind_of
from evaluation.overlap import exact_match


def test_every_answer_of_the_golden_set_is_read_as_the_table_says(golden: Any) -> None:
    """E8, E9: at least 60 model-style answers; 12.25, several lines and "Answer: **$18**" among them."""
    cases = golden("extraction")["cases"]
    assert len(cases) >= 60
    for case in cases:
        answer, reference = case["answer"], case["reference"]
        assert final_answer(answer, kind_of(reference)) == case["extracted"], case
        assert (exact_match(answer, reference), exact_match_lenient(answer, reference)) == (case["strict"], case["lenient"]), case


@pytest.mark.parametrize(
    ("reference", "kind"),
    [("18", "number"), ("$1,250.50", "number"), ("-5", "number"), ("12 %", "number"), (".5", "number"), ("Yes.", "yes or no"),
     ("false", "yes or no"), ("B", "letter"), ("(B)", "letter"), ("b", "text"), ("18 eggs", "text"), ("1.2.3", "text"), ("", "text"),
     ("1800-1900", "text")],
)  # fmt: skip
def test_the_kind_of_answer_is_told_from_the_reference(reference: str, kind: str) -> None:
    assert kind_of(reference) == kind


@given(st.text(max_size=60), st.text(max_size=20) | st.sampled_from(["18", "yes", "B", "Paris"]))
def test_lenient_reading_is_never_below_strict(answer: str, reference: str) -> None:
    """E9"""
    assert exact_match(answer, reference) <= exact_match_lenient(answer, reference) <= 1.0


@given(st.text(alphabet="answer is:=#{}\\boxed<>/think18.,-$ \n", max_size=80))
def test_whatever_was_said_a_number_is_a_number_and_a_letter_a_letter(answer: str) -> None:
    number, letter = final_answer(answer, "number"), final_answer(answer, "letter")
    assert number == "" or Decimal(number).is_finite()
    assert letter == "" or (len(letter) == 1 and letter.isupper())
    assert len(final_answer(answer, "text")) <= len(answer)


@pytest.mark.parametrize("name", ["exact_match", "exact_match_lenient", "token_f1", "rougeL", "accuracy", "accuracy_lenient"])
@pytest.mark.parametrize("answer", ["Answer: 12.25", "12.25", "refund"])
def test_a_cut_answer_is_scored_like_any_other_and_counted(name: str, answer: str, item: Any, value: Any) -> None:
    """E8: truncated is not wrong; the share of cut answers is a number of its own."""
    rows = [item(answer, "12.25", finish_reason=reason) for reason in ("stop", "length")]
    resources = Resources(labels=("12.25", "refund"))
    ended, cut = (value(scored) for scored in metrics.get(name).score(rows, resources))
    assert ended == cut is not None
    assert [value(scored) for scored in metrics.get("cut").score(rows, resources)] == [0.0, 1.0]


@pytest.mark.parametrize(
    "answer",
    ["x" + "\n" * 20_000 + "y", "x" + " " * 20_000 + "y", "the answer is " * 3_000, "\\boxed{" + "{" * 20_000, "<answer>" * 5_000, "1." * 10_000,
     "```json" + "\n" * 20_000 + "```", "dr. " * 5_000],
    ids=["newlines", "spaces", "marks", "braces", "tags", "numbers", "fence", "abbreviations"],
)  # fmt: skip
def test_an_answer_that_goes_on_and_on_is_read_in_no_time(answer: str) -> None:
    begun = time.process_time()
    for kind in ("number", "yes or no", "letter", "text"):
        final_answer(answer, kind)
    assert time.process_time() - begun < 1.0
