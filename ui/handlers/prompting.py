"""The Prompting tab: the exact prompt for one item or a text of one's own, and the answer to it as it is written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from core.errors import PlanError
from core.records import Example
from ui.context import Context
from ui.handlers import asking
from ui.handlers.asking import Asked, Desk
from ui.markup import render
from ui.task import Task

ITEM, OWN = "A test item", "My own text"
STYLES = ("Zero-shot", "One-shot", "Few-shot")


class Choice(NamedTuple):
    """What the tab's fields hold."""

    source: str = ITEM
    place: int = 0
    own: str = ""
    style: str = STYLES[0]
    shots: int = 4
    selection: str = "random"


class Shown(NamedTuple):
    """The prompt and the answer, as HTML."""

    prompt: str
    answer: str


def method_of(choice: Choice) -> dict[str, Any]:
    """The plan's method for a choice.

    Raises:
        PlanError: there is no such style.
    """
    if choice.style == STYLES[0]:
        return {"kind": "zero_shot"}
    if choice.style not in STYLES:
        raise PlanError(f"There is no style '{choice.style[:40]}'.", f"Choose one of {', '.join(STYLES)}.")
    shots = 1 if choice.style == STYLES[1] else int(choice.shots or 0)
    return {"kind": "few_shot", "shots": shots, "selection": choice.selection}


def _worded(ctx: Context, task: Task, choice: Choice, generation: Mapping[str, Any]) -> tuple[Desk, Example, Asked]:
    at = asking.desk(ctx, task, method_of(choice), generation)
    example = asking.own_example(at.dataset, choice.own) if choice.source == OWN else asking.item_of(at.dataset, choice.place)
    return at, example, asking.word(at, at.method.bind(at.setting, []), example)


def show(ctx: Context, task: Task, choice: Choice) -> Shown:
    """The exact prompt; it needs the tokenizer, and for similar demonstrations the embedder, but not the model."""
    at, example, asked = _worded(ctx, task, choice, {})
    return Shown(_prompt(at, choice, asked), render("answer", text="", scores=[], done=False, reference=example.reference, waiting=""))


def answer(ctx: Context, task: Task, choice: Choice, generation: Mapping[str, Any]) -> Iterator[Shown]:
    """The prompt, then the answer as it grows, then its scores."""
    at, example, asked = _worded(ctx, task, choice, generation)
    prompt, text = _prompt(at, choice, asked), ""
    yield Shown(prompt, render("answer", text="", scores=[], done=False, reference=example.reference, waiting="Loading the model"))
    for text in asking.stream(at, asked):
        yield Shown(prompt, render("answer", text=text, scores=[], done=False, reference=example.reference, waiting=""))
    scores = asking.quick_scores(at, example, text)
    yield Shown(prompt, render("answer", text=text, scores=scores, done=True, reference=example.reference, waiting=""))


def _prompt(at: Desk, choice: Choice, asked: Asked) -> str:
    room = at.setting.prompt_budget
    facts = [] if choice.source == OWN else [f"item {choice.place + 1} of {len(at.dataset.test)}"]
    facts += [f"{len(asked.ids):,} tokens of {room:,}"]
    if asked.prompt.demo_ids:
        facts.append(f"{len(asked.prompt.demo_ids)} demonstration" + ("s" if len(asked.prompt.demo_ids) > 1 else ""))
    return render("prompt", turns=asking.turns(asked.prompt), facts=facts)
