"""A linear head: probabilities by hand, two labels as any other number, and penalties."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from training import heads
from training.heads import Head, Rows, cross_entropy, fit, fit_best

CORNERS = np.array([[1, 0], [0.9, 0.1], [0, 1], [0.1, 0.9]], dtype=np.float32)


def test_probabilities_are_the_softmax_of_the_linear_scores() -> None:
    head = Head(np.array([[math.log(3), 0], [0, 0]], dtype=np.float32), np.zeros(2, dtype=np.float32))
    assert head.probabilities(np.array([[1, 0]], dtype=np.float32))[0].tolist() == pytest.approx([0.75, 0.25])
    assert cross_entropy(np.array([[0.75, 0.25], [0.5, 0.5]]), [0, 1]) == pytest.approx((-math.log(0.75) - math.log(0.5)) / 2)
    assert head.parameters == 6


def test_two_labels_are_told_apart_as_three_are() -> None:
    two = fit(Rows(CORNERS, [0, 0, 1, 1]), 2, 0.01, balance=False)
    assert two.weights.shape == (2, 2)
    assert two.probabilities(CORNERS).argmax(axis=1).tolist() == [0, 0, 1, 1]
    assert np.allclose(two.probabilities(CORNERS).sum(axis=1), 1)
    three = fit(Rows(CORNERS, [0, 1, 2, 2]), 3, 0.01, balance=False)
    assert three.weights.shape == (3, 2)


def test_a_larger_penalty_makes_it_less_sure() -> None:
    sure, unsure = (fit(Rows(CORNERS, [0, 0, 1, 1]), 2, penalty, balance=False).probabilities(CORNERS).max() for penalty in (0.01, 10.0))
    assert sure > 0.95 > unsure


def test_without_validation_rows_nothing_is_tried() -> None:
    found = fit_best(Rows(CORNERS, [0, 0, 1, 1]), Rows(CORNERS[:0], []), 2, None, balance=False)
    assert found.penalty == heads.USUAL_PENALTY and found.tried[0].validation_loss is None


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    head = fit(Rows(CORNERS, [0, 0, 1, 1]), 2, 0.1, balance=False)
    heads.save(head, tmp_path)
    assert np.array_equal(heads.load(tmp_path).weights, head.weights) and np.array_equal(heads.load(tmp_path).bias, head.bias)
