"""Log-probabilities of labels, options and references: asked of the model that answered, with its weights, after its own prompts."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from comparison.likelihood import Weighed, weigh
from comparison.plan import read_plan
from comparison.rescore import rescore
from comparison.store import Store
from core.records import Answer, Example, Message, Prompt
from models.base import Ids
from models.fake import END, FakeModel

Complete = Callable[..., tuple[str, list[Any]]]
QUESTION = Example("q", "", "Where?", "Rome", choices=("Paris", "Rome"))
ASKED = Answer("q", "Rome", (1,), "stop", Prompt((Message("user", "Where?"),)), 3)


class Spy(FakeModel):
    """Remembers what it was asked to weigh."""

    def __init__(self, context_length: int = 8192) -> None:
        super().__init__("fake/echo")
        self.identity = self.identity.__class__(**{**self.identity.__dict__, "context_length": context_length})
        self.asked: list[tuple[Ids, list[Ids], Path | None]] = []

    def logprobs(self, prompt_ids: Ids, continuations: Sequence[Ids], adapter: Path | None = None) -> list[float]:
        self.asked.append((prompt_ids, list(continuations), adapter))
        return [-float(len(ids)) for ids in continuations]


def weighed(model: FakeModel, need: str, answer: Answer = ASKED, example: Example = QUESTION) -> Weighed:
    steps = weigh(model, Path("weights"), need, "lora", [(example, answer)], ("yes", "no"))
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value[0]  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("need", "texts", "ends", "lengths"),
    [("label_logprobs", ["yes", "no"], True, (4, 3)), ("choice_logprobs", ["Paris", "Rome"], False, (5, 4)), ("reference_logprob", ["Rome"], True, (5,))],
)  # fmt: skip
def test_each_need_weighs_its_texts_with_the_methods_weights(need: str, texts: list[str], ends: bool, lengths: tuple[int, ...]) -> None:
    """E19: the tuned method's adapter is asked, not the base model. Options are weighed without an end of turn, as lm-eval does."""
    spy = Spy()
    assert weighed(spy, need) == Weighed(tuple(-float(n) for n in lengths), lengths)
    [(prompt, continuations, adapter)] = spy.asked
    assert adapter == Path("weights") and prompt == spy.codec.prompt_ids(ASKED.prompt.messages)
    assert continuations == [(*text.encode(), *([END] if ends else [])) for text in texts]


def test_what_has_no_prompt_no_options_or_no_room_is_not_weighed() -> None:
    spy = Spy(context_length=10)
    direct = Answer("q", "Rome", (), "direct", Prompt(()), 0)
    assert weighed(Spy(), "choice_logprobs", direct) == Weighed()
    assert weighed(Spy(), "choice_logprobs", example=Example("q", "", "Where?", "Rome")) == Weighed()
    assert weighed(spy, "reference_logprob") == Weighed() and spy.asked == []


@pytest.fixture
def quiz(tmp_path: Path) -> Path:
    """24 questions with options; the right one is given as text, letter or place in turn."""
    rows = []
    for n in range(24):
        options = [f"hall {n}", f"gate number {n + 50}"]
        rows.append({"question": f"Which part of house {n} is round, painted {n * 3} times?", "choices": options, "answer": options[n % 2]})
    (tmp_path / "quiz.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path


def test_multiple_choice_and_perplexity_are_scored_in_a_run_and_again_later(
    complete: Complete, mapping: dict[str, Any], quiz: Path, store: Store
) -> None:
    names = ["choice_accuracy", "choice_accuracy_norm", "reference_nll"]
    plan = {**mapping, "data": {"path": "quiz.jsonl"}, "knowledge": None, "metrics": ["exact_match", *names[:1]]}
    comparison_id, events = complete(read_plan(plan, quiz))
    list(rescore(store, comparison_id, names[1:]))
    report = store.result(comparison_id).report()
    total = report["data"]["counts"]["test"]
    for method in report["methods"]:
        assert [method["scores"][name]["n"] for name in names] == [total] * 3
        assert method["perplexity"] > 1
    stages = [e.stage for e in events if getattr(e, "method", "") == "few_shot" and getattr(e, "stage", "").startswith("weighing")]
    assert stages == ["weighing options"] * total


def test_items_without_options_say_so(complete: Complete, mapping: dict[str, Any], task: Path, store: Store) -> None:
    plan = read_plan({**mapping, "metrics": ["exact_match", "choice_accuracy"]}, task)
    summary = store.result(complete(plan)[0]).report()["methods"][0]["scores"]["choice_accuracy"]
    assert summary["mean"] is None and "no options" in summary["reason"]
