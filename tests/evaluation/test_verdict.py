from typing import Any

import numpy as np
import pytest

from core.records import Score, Unscored
from evaluation.base import MetricInfo
from evaluation.compare import Scoreboard, scoreboard
from evaluation.conditions import Limits
from evaluation.growth import Step, growth
from evaluation.verdict import Verdict, verdict

F1 = MetricInfo("f1", "token F1, SQuAD")
JUDGE = MetricInfo("judge", "judge's mark, 1 to 5", low=1, high=5, in_verdict=False, note="not certified")
NAMES = {"zero": "zero-shot", "few": "few-shot", "rag": "RAG", "lora": "LoRA"}
BASE = np.random.default_rng(0).random(48)


def around(mean: float, seed: int, n: int = 48) -> list[float]:
    """Scores whose mean is exactly `mean` and that vary by item and by method."""
    noise = np.random.default_rng(seed).normal(0, 0.08, n) + BASE[:n] * 0.2
    return [float(value) for value in noise - noise.mean() + mean]


def board(table: dict[str, Any], *infos: MetricInfo) -> Scoreboard:
    infos = infos or (F1,)
    rows = {m: v if isinstance(v, dict) else {str(i): Score(x) for i, x in enumerate(v)} for m, v in table.items()}
    return scoreboard({info.name: rows for info in infos}, {info.name: info for info in infos}, list(table))


def told(table: dict[str, Any], *infos: MetricInfo, primary: str = "f1", costs: Any = None) -> Verdict:
    found = verdict(board(table, *infos), primary, NAMES, costs)
    assert (found["best"] is None) or not found["tied"]
    assert 1 <= found["text"].count(". ") + 1 <= 3 and found["text"].endswith(".")
    return found


FOUR = {"zero": around(0.19, 1), "few": around(0.25, 2), "rag": around(0.41, 3), "lora": around(0.26, 4)}


def test_a_clear_winner_with_what_it_costs() -> None:
    costs = {
        "zero": {"prompt_tokens": 1000, "prepare_s": 0.0},
        "rag": {"prompt_tokens": 4100, "prepare_s": 5.0},
        "lora": {"prompt_tokens": 1000, "prepare_s": 181.0},
        "few": {"prompt_tokens": None},
    }
    found = told(FOUR, costs=costs)
    pair = board(FOUR).pair("rag", "lora", "f1")
    assert found["text"] == (
        f"RAG answers best on this task: token F1 0.41, 0.15 more than LoRA [{pair['ci_low']:.2f}, {pair['ci_high']:.2f}]. "
        "LoRA and few-shot can't be told apart on 48 items. "
        "RAG reads 4.1x the tokens per answer of zero-shot; LoRA took 3 min to prepare."
    )
    assert (found["best"], found["tied"], found["primary"]) == ("rag", [], "f1")


def test_two_that_lead_together_and_are_both_better_than_the_rest() -> None:
    table = {"zero": around(0.19, 1), "rag": around(0.40, 3), "lora": around(0.41, 4)}
    found = told(table)
    assert found["text"] == (
        "Cannot tell: LoRA and RAG can't be told apart on 48 items (token F1 0.41 and 0.40). "
        f"Both are better than zero-shot. {needed(table)}"
    )
    assert (found["best"], found["tied"]) == (None, ["lora", "rag"])


def needed(table: dict[str, Any]) -> str:
    """The sentence on power, its number rounded up to two digits."""
    items = board(table).power["f1"]["items_needed"] or 0
    step = 10 ** (len(str(items)) - 2)
    return f"To tell the two best apart at this difference takes about {-(-items // step) * step:,} items."


def test_nothing_can_be_told_apart() -> None:
    table = {"zero": around(0.294, 1), "few": around(0.311, 2), "rag": around(0.302, 3)}
    found = told(table)
    first = "Cannot tell: few-shot, RAG and zero-shot can't be told apart on 48 items (token F1 0.31, 0.30 and 0.29)."
    assert found["text"] == f"{first} {needed(table)}"
    assert found["tied"] == ["few", "rag", "zero"]


def test_all_have_the_same_score() -> None:
    found = told({"zero": [0.5] * 48, "rag": [0.5] * 48})
    assert found["text"] == "Cannot tell: zero-shot and RAG have the same token F1, 0.50, on 48 items."


def test_the_best_is_tied_with_one_that_is_not_better_than_the_rest() -> None:
    wild = [value + (0.45 if place % 2 else -0.45) for place, value in enumerate(around(0.34, 5))]
    found = told({"rag": around(0.41, 3), "few": wild, "zero": around(0.27, 1)})
    assert found["text"].startswith(
        "Cannot tell: RAG and few-shot can't be told apart on 48 items (token F1 0.41 and 0.34). RAG is better than zero-shot."
    )


def test_one_method_has_nothing_to_be_compared_with() -> None:
    found = told({"rag": around(0.41, 3)})
    assert found["text"] == "Cannot tell: only RAG has scores, token F1 0.41 on 48 items."
    assert (found["best"], found["tied"]) == (None, ["rag"])


def test_all_failed() -> None:
    found = told({"zero": {"1": Unscored("out of memory")}, "rag": {}})
    assert found["text"] == "Cannot tell: no answer could be compared by token F1, since out of memory."
    assert (found["best"], found["tied"]) == (None, [])
    assert told({})["text"] == "Cannot tell: no answer could be compared by token F1, since there are no methods."


def test_a_failed_method_and_missing_items_are_said() -> None:
    """E29"""
    part = {str(place): Score(value) for place, value in enumerate(around(0.41, 3)) if place >= 10}
    found = told({"zero": around(0.19, 1), "rag": part, "lora": {}, "few": {}})
    sentence = "LoRA and few-shot have no scores and are left out; compared are the 38 of 48 items that all methods have scores for."
    assert found["best"] == "rag" and found["text"].endswith(sentence)


def test_less_is_better_where_the_metric_says_so() -> None:
    info = MetricInfo("f1", "error rate", higher_is_better=False)
    found = told({"zero": around(0.41, 1), "rag": around(0.19, 3)}, info)
    pair = board({"zero": around(0.41, 1), "rag": around(0.19, 3)}, info).pair("zero", "rag", "f1")
    assert found["best"] == "rag"
    assert found["text"] == (
        f"RAG answers best on this task: error rate 0.19, 0.22 less than zero-shot [{pair['ci_low']:.2f}, {pair['ci_high']:.2f}]."
    )


def test_a_metric_that_may_not_decide_never_does() -> None:
    found = told({"zero": around(0.19, 1), "rag": around(0.41, 3)}, JUDGE, F1, primary="judge")
    assert (found["primary"], found["best"]) == ("f1", "rag")
    assert found["text"].endswith("Judge's mark is not certified, so token F1 decides.")
    alone = told({"zero": around(0.19, 1), "rag": around(0.41, 3)}, JUDGE, primary="judge")
    assert (alone["best"], alone["tied"]) == (None, []) and alone["text"] == "Cannot tell: no metric that may decide was asked for."


def test_a_tiny_real_difference_is_not_printed_as_zero() -> None:
    low = around(0.300, 1)
    found = told({"zero": low, "rag": [value + 0.002 + 0.0005 * (place % 3) for place, value in enumerate(low)]})
    assert "0.003 more than zero-shot" in found["text"]


def test_points_of_a_hundred_have_one_decimal() -> None:
    info = MetricInfo("f1", "sentence BLEU, 13a", high=100.0)
    table = {method: [100 * value for value in values] for method, values in FOUR.items()}
    assert told(table, info)["text"].startswith("RAG answers best on this task: sentence BLEU 41.0, 15.0 more than LoRA [")


@pytest.mark.parametrize("seconds", [0.0, 9.0, None])
def test_costs_that_do_not_matter_are_not_mentioned(seconds: float | None) -> None:
    costs = {method: {"prompt_tokens": 1000 + place, "prepare_s": seconds} for place, method in enumerate(FOUR)}
    text = told(FOUR, costs=costs)["text"]
    assert "tokens" not in text and "prepare" not in text


def test_where_nothing_can_be_told_the_cost_of_the_tied_ones_is() -> None:
    table = {"zero": around(0.30, 1), "rag": around(0.305, 3)}
    text = told(table, costs={"zero": {"prompt_tokens": 10}, "rag": {"prompt_tokens": 55}})["text"]
    assert "RAG reads 5.5x the tokens per answer of zero-shot." in text


def test_tokens_per_answer_are_of_the_answers_that_each_gave() -> None:
    """A method that could not ask half of the items does not look cheaper for it."""
    table = {"zero": around(0.30, 1), "rag": around(0.305, 3)}
    costs = {"zero": {"prompt_tokens": 480, "answers": 48}, "rag": {"prompt_tokens": 480, "answers": 24}}
    assert "RAG reads 2.0x the tokens per answer of zero-shot." in told(table, costs=costs)["text"]


QUICK = {"zero": 0.2, "few": 0.6, "rag": 3.0, "lora": 0.3}
TIMES = {method: {"seconds_per_answer": seconds} for method, seconds in QUICK.items()}


def test_the_best_within_a_limit_is_named_beside_the_best_of_all() -> None:
    found = verdict(board(FOUR), "f1", NAMES, TIMES, Limits(seconds_per_answer=1.0))
    assert found["best"] == "rag"
    sentences = found["text"].split(". ")
    assert sentences[0].startswith("RAG answers best on this task")
    assert sentences[1] == "With at most 1 s an answer, LoRA and few-shot lead and can't be told apart"
    assert len(sentences) <= 3
    kept = verdict(board(FOUR), "f1", NAMES, TIMES, Limits(seconds_per_answer=5.0))["text"]
    assert "With at most 5 s an answer, RAG is still best." in kept
    nobody = verdict(board(FOUR), "f1", NAMES, TIMES, Limits(seconds_per_answer=0.01))["text"]
    assert "no method is left; zero-shot takes least, 0.2 s an answer." in nobody


def test_what_would_change_a_tie_comes_before_what_the_tied_ones_cost() -> None:
    """More items by the power, more training rows by a learning curve."""
    table = {"zero": around(0.19, 1), "rag": around(0.40, 3), "lora": around(0.41, 4)}
    costs = {"lora": {"prepare_s": 900.0}}
    clause = growth(Step(60, 120, 0.04, True), "training rows", "LoRA", "token F1")
    text = verdict(board(table), "f1", NAMES, costs, curves=[clause])["text"]
    end = f"{needed(table)[:-1]}; from 60 to 120 training rows LoRA gains 0.04 token F1, so more training rows may help."
    assert text.endswith(end)
    assert "prepare" not in text


def test_a_winner_is_followed_by_its_cost_and_then_by_what_a_curve_says() -> None:
    clause = growth(Step(4, 8, -0.001, False), "shots", "few-shot", "token F1")
    text = verdict(board({"zero": around(0.19, 1), "rag": around(0.41, 3)}), "f1", NAMES, curves=[clause])["text"]
    assert text.endswith("From 4 to 8 shots few-shot does not change token F1 by more than noise, so more shots may not help.")
