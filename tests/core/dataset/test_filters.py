"""Each rule on rows that were scored by hand, and that no rule ever marks a row for another rule's reason."""

import numpy as np
import pytest

from core.dataset.filters import already_right, empty_rows, long_answers, near_duplicates, noisy
from core.records import Example


def row(name, question, reference, **more):
    return Example(name, more.pop("instruction", "Answer."), question, reference, **more)


def test_a_row_that_asks_or_answers_nothing_is_empty():
    rows = [row("a", "Which lamp?", "the red one"), row("b", " -- ", "red"), row("c", "Which lamp?", "…"), row("d", "Choose.", "+")]
    assert {(found.id, found.reason) for found in empty_rows(rows, labels=("+", "-"))} == {
        ("b", "it asks nothing"),
        ("c", "its answer has neither a letter nor a digit"),
    }
    assert not empty_rows(
        [row("e", "", "x", instruction="Name a lamp."), row("f", "¿?", "x", choices=("a", "b")), row("g", "灯は？", "赤")]
    )


def test_an_answer_that_could_not_be_written_out_is_too_long():
    (found,) = long_answers({"a": 5, "b": 6}, most=5)
    assert found.id == "b" and found.reason == "its answer has 6 tokens; generation.max_new_tokens is 5"


def vectors(*angles):
    return np.array([[np.cos(angle), np.sin(angle)] for angle in angles], dtype=np.float32)


def test_a_near_row_with_the_same_answer_repeats_the_first_one_that_is_kept():
    """The chain a-b-c: c is near b alone, which is gone, so it stays."""
    rows = [row("a", "1", "Red."), row("b", "2", "red"), row("c", "3", "red"), row("d", "4", "blue")]
    found = near_duplicates(rows, vectors(0, 0.3, 0.6, 0), at_least=0.95)
    assert [(dropped.id, dropped.other) for dropped in found] == [("b", "a")]
    assert "cosine similarity 0.96" in found[0].reason


def test_near_questions_with_different_answers_are_no_duplicates():
    """Questions that differ in one fact reach 0.94, and both have to be learnt."""
    rows = [row("a", "17 times 4", "68"), row("b", "18 times 4", "72")]
    assert near_duplicates(rows, vectors(0, 0), at_least=0.9) == []


def test_which_of_two_duplicates_stays_is_the_order_of_the_rows():
    rows = [row("b", "1", "red"), row("a", "2", "red")]
    assert [found.id for found in near_duplicates(rows, vectors(0, 0), 0.9)] == ["a"]


def test_a_row_is_already_right_but_for_case_and_punctuation():
    rows = [row("a", "?", "The red lamp"), row("b", "?", "The red lamp"), row("c", "?", "red"), row("d", "?", "+")]
    answers = {"a": "the red lamp.", "b": "The red lamp, I think", "d": "-"}
    assert [found.id for found in already_right(rows, answers)] == ["a"]


def test_only_the_far_upper_tail_of_the_losses_is_noise():
    """Median 1, MAD 0.1: a robust deviation is 0.148, so 3.5 of them end at 1.52. A row that is far too easy is no noise."""
    usual = [0.9, 0.9, 0.9, 1.0, 1.0, 1.0, 1.0, 1.1, 1.1, 1.1]
    losses = {f"r{n}": loss for n, loss in enumerate([*usual, 1.5, 1.53, 0.01])}
    (found,) = noisy(losses)
    assert found.id == "r11" and found.reason.startswith("its loss is 1.53 nats a token, 3.6 robust deviations above the median of 1.00")


def test_no_row_is_noise_where_all_are_alike_or_too_few():
    assert noisy({str(n): 2.0 for n in range(50)}) == []
    assert noisy({**{str(n): 1.0 for n in range(10)}, "odd": 99.0}) == []


def test_one_odd_loss_among_equal_ones_is_noise():
    """MAD is 0 where most rows have one loss; the mean distance takes its place."""
    assert [found.id for found in noisy({**{str(n): 1.0 for n in range(40)}, "odd": 9.0})] == ["odd"]


@pytest.mark.parametrize("rule", [lambda: empty_rows([]), lambda: already_right([], {}), lambda: noisy({}), lambda: long_answers({}, 5)])
def test_no_rows_give_nothing(rule):
    assert rule() == []
    assert near_duplicates([], np.zeros((0, 2), dtype=np.float32), 0.9) == []
