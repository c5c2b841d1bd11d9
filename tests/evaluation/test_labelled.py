"""The rules that read answers, against labels given by hand; `python -m benchmarks.labelled` prints the same figures."""

from __future__ import annotations

from functools import cache

import pytest

from benchmarks.labelled import Row, judged, rows

FLOORS = {
    ("causes", "all causes"): (0.93, 0.90),
    ("causes", "retrieval_miss"): (0.9, 0.9),
    ("causes", "context_ignored"): (0.8, 0.9),
    ("causes", "knowledge"): (0.85, 0.9),
    ("causes", "format"): (0.9, 0.9),
    ("causes", "too_long"): (0.9, 0.75),
    ("causes", "too_short"): (0.8, 0.75),
    ("causes", "repetitive"): (0.9, 0.9),
    ("causes", "misspelling"): (0.75, 0.75),
    ("causes", "empty_or_refusal"): (0.9, 0.8),
    ("causes", "cut_off"): (1.0, 1.0),
    ("causes", "other_language"): (0.9, 0.9),
    ("groundedness", "statement not supported"): (0.85, 0.75),
    ("groundedness", "number not supported"): (0.9, 0.8),
    ("groundedness", "name not supported"): (0.9, 0.9),
    ("extraction", "number"): (0.95, 0.95),
    ("extraction", "name"): (0.9, 0.9),
    ("gold passage", "retrieved: yes"): (0.95, 0.95),
    ("gold passage", "retrieved: no"): (0.95, 0.95),
    ("gold passage", "retrieved: unknown"): (0.9, 0.9),
    ("gold passage", "used"): (0.9, 0.85),
    ("abstention", "abstains"): (0.95, 0.9),
}
"""The least precision and recall of each."""


@cache
def measured() -> dict[tuple[str, str], Row]:
    return {(row.table, row.what): row for row in rows(judged())}


@pytest.mark.parametrize(("table", "what"), FLOORS)
def test_the_rule_agrees_with_the_labels(table: str, what: str) -> None:
    row = measured()[(table, what)]
    precision, recall = FLOORS[(table, what)]
    assert row.precision is not None and row.precision >= precision
    assert row.recall is not None and row.recall >= recall


def test_every_rule_has_a_floor() -> None:
    assert set(measured()) == set(FLOORS)


def test_causes_groundedness_extraction_and_abstention_have_thirty_cases_each() -> None:
    found = measured()
    for what in (
        ("causes", "knowledge"),
        ("groundedness", "statement not supported"),
        ("groundedness", "number not supported"),
        ("extraction", "number"),
        ("gold passage", "used"),
        ("abstention", "abstains"),
    ):
        assert found[what].cases >= 30
