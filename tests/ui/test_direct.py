"""Direct methods on the page: no prompt where there is none, what an answer rests on instead, and a chat beside the base model."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from comparison import share
from core.errors import PlanError
from core.records import Answer, Grounds, Message, Prompt
from ui import itemview, present
from ui.context import Context
from ui.grounds import basis
from ui.handlers import finetuning, items, methods
from ui.handlers.compare import Shown
from ui.itemview import Question
from ui.markup import render
from ui.task import Task, from_plan

EVIL = "<img src=x onerror=pwn()>"
ASKED = Answer("q", "red", (1,), "stop", Prompt((Message("user", "?"),)), 3)
KINDS = ("nearest", "classifier", "tuned_encoder")


def direct(grounds: Grounds) -> Answer:
    return Answer("q", "red", (), "direct", Prompt(()), 0, grounds)


def shown(*answers: Answer) -> str:
    report = {"methods": [{"name": f"m{n}", "kind": "x", "status": "done"} for n in range(len(answers))]}
    found = {f"m{n}": {"q": answer} for n, answer in enumerate(answers)}
    cards = itemview.cards(report, Question("q", "", "?", "red"), found, {}, {"m0": {"q": 0.01}})
    return render("items", q=Question("q", "", "?", "red"), cards=cards)


def test_an_item_shows_no_prompt_and_no_tokens_of_a_direct_answer_but_what_it_rests_on() -> None:
    html = shown(direct(Grounds(nearest="e1", question=f"Which? {EVIL}", similarity=0.914)))
    assert "No prompt: answered directly." in html and "Exact prompt" not in html and "tokens" not in html
    assert "Nearest training question, similarity 0.91" in html and "&lt;img src=x" in html and EVIL not in html


def test_the_likeliest_labels_are_shown_with_their_probability() -> None:
    shares = {f"label {n}": share for n, share in enumerate((0.01, 0.6, 0.02, 0.3, 0.03, 0.04))}
    html = shown(direct(Grounds(probabilities=shares)))
    assert "Probability of label 1 <b>0.60</b> · label 3 <b>0.30</b>" in html and "1 more" in html and "Nearest" not in html
    assert basis(None) is None


def test_an_answer_of_a_prompt_is_shown_as_ever() -> None:
    html = shown(ASKED)
    assert "3 + 1 tokens, " in html and "Exact prompt" in html and "answered directly" not in html


def test_direct_methods_stand_in_the_form_under_names_and_those_that_train_on_the_fine_tuning_tab() -> None:
    labels = {offer.name: offer.label for offer in methods.offers()}
    assert [labels[kind] for kind in KINDS] == ["Nearest answer", "Encoder classifier", "Tuned encoder"]
    assert set(KINDS) & {offer.kind for offer in finetuning.kinds()} == {"classifier", "tuned_encoder"}
    assert present.in_words("The nearest row; no classifier knows it.") == "The nearest row; no classifier knows it."


@pytest.fixture
def classified(complete: Callable[[dict[str, Any], Path], str], tmp_path: Path) -> str:
    """A finished comparison of the two direct methods that need no weights."""
    said = {"heat": "The radiator is cold", "light": "The lamp flickers"}
    with (tmp_path / "rows.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["input", "output"])
        writer.writerows([f"{said[label]} in room {n}", label] for n in range(24) for label in [("heat", "light")[n % 2]])
    plan = {
        "name": "Rooms",
        "data": {"path": "rows.csv", "instruction": "Name one of {labels}."},
        "model": {"id": "fake/echo", "embedder": "fake/hash-64"},
        "methods": [{"kind": "nearest"}, {"kind": "classifier"}],
        "metrics": ["accuracy"],
    }
    return complete(plan, tmp_path)


def test_items_of_a_finished_run_show_both_kinds_of_grounds(ctx: Context, classified: str) -> None:
    html = items.page(ctx, Shown("comparison", classified), "All", 0).html
    assert html.count("No prompt: answered directly.") == 2 and "Nearest training question" in html and "Probability of" in html


def test_a_link_without_rows_shows_neither_labels_nor_questions(ctx: Context, classified: str) -> None:
    result = ctx.store.result(classified)
    token = share.create(ctx.store, classified, ctx.owner, with_rows=False)
    html = items.page(ctx, Shown("share", str(token)), "All", 0).html
    assert "radiator" not in html and "heat" not in html
    assert "heat" not in str(share.scores_only(result.report())["methods"])


def test_a_classifier_chats_beside_the_base_model(ctx: Context, classified: str) -> None:
    [(label, key)] = finetuning.trained(ctx)
    assert "Encoder classifier" in label and key == f"{classified}/classifier"
    assert finetuning.curves_of(ctx, key) == {}
    *_, last = finetuning.chat(ctx, key, "The lamp flickers in the bath")
    assert "light" in last.tuned and "No prompt: answered directly." in last.tuned
    assert "asked of the base model alone" in last.prompt and "Not asked yet" not in last.base


def test_a_classifier_for_free_text_is_refused_at_launch_in_plain_words(ctx: Context, task: Task) -> None:
    with pytest.raises(PlanError, match=r"classifier needs a label set; the answers of these data are free text\."):
        finetuning.launch(ctx, task, "classifier", {})
    assert from_plan(task.plan([{"kind": "nearest"}], ["token_f1"]), Path(task.base)).ready
