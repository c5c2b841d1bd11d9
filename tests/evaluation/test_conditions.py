"""Who is best within a limit: among those that keep it, and only as far as they can be told apart."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from evaluation.conditions import Limits, Within, in_words, within

NAMES = {"zero": "zero-shot", "few": "few-shot", "rag": "RAG", "lora": "LoRA"}
COSTS = {
    "rag": {"seconds_per_answer": 2.0, "cost_per_1000": 0.4},
    "lora": {"seconds_per_answer": 0.5, "cost_per_1000": 0.1},
    "few": {"seconds_per_answer": 0.9, "cost_per_1000": 0.2},
    "zero": {"seconds_per_answer": 0.4, "cost_per_1000": None},
}


@dataclass
class Board:
    """Best first; pairs that cannot be told apart."""

    order: tuple[str, ...] = ("rag", "few", "lora", "zero")
    alike: frozenset[frozenset[str]] = frozenset()

    def ranked(self, metric: str) -> list[str]:
        return list(self.order)

    def differs(self, a: str, b: str, metric: str) -> bool:
        return frozenset((a, b)) not in self.alike


def said(limits: Limits, board: Board | None = None) -> str:
    board = board or Board()
    return in_words(within(board, "f1", COSTS, limits), board, "f1", COSTS, limits, NAMES)


@pytest.mark.parametrize(
    ("seconds", "clause"),
    [
        (5.0, "With at most 5 s an answer, RAG is still best"),
        (2.0, "With at most 2 s an answer, RAG is still best"),
        (1.0, "With at most 1 s an answer, few-shot is best"),
        (0.6, "With at most 0.6 s an answer, LoRA is best"),
        (0.1, "With at most 0.1 s an answer, no method is left; zero-shot takes least, 0.4 s an answer"),
    ],
)
def test_the_best_of_those_that_keep_the_limit(seconds: float, clause: str) -> None:
    assert said(Limits(seconds_per_answer=seconds)) == clause


def test_those_that_cannot_be_told_apart_lead_together() -> None:
    board = Board(alike=frozenset({frozenset(("few", "lora"))}))
    assert said(Limits(1.0), board) == "With at most 1 s an answer, few-shot and LoRA lead and can't be told apart"


def test_a_cost_that_is_not_known_keeps_no_limit_and_is_said() -> None:
    limits = Limits(cost_per_1000=0.15, currency="EUR")
    assert within(Board(), "f1", COSTS, limits) == Within(["lora"], ["zero"])
    assert said(limits) == "With at most 0.15 EUR for 1,000 answers, LoRA is best (not known for zero-shot)"


def test_two_limits_hold_together() -> None:
    assert (
        said(Limits(1.0, 0.15, "EUR"))
        == "With at most 1 s an answer and 0.15 EUR for 1,000 answers, LoRA is best (not known for zero-shot)"
    )
    assert said(Limits(0.1, 0.01, "EUR")).endswith("no method is left (not known for zero-shot)")


def test_without_a_limit_or_a_method_there_is_nothing_to_say() -> None:
    assert said(Limits()) == ""
    assert said(Limits(1.0), Board(())) == ""
