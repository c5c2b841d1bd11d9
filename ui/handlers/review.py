"""The blind review behind a link: what a rater sees, and what they say. Whoever has the link may vote; nothing here names a method."""

from __future__ import annotations

import secrets
from typing import NamedTuple

from comparison import review
from comparison.review import Review, Step
from comparison.votes import BETTER, Better, Vote, cast, clean_name, now, rater_key, read_votes
from core.errors import PlanError, StoreError
from ui.context import Context
from ui.markup import render

MOST_ID = 64
GOOD = {"yes": True, "no": False}


class Rater(NamedTuple):
    """Who votes, as the browser keeps it: a random id that nobody else knows, and what they call themselves."""

    id: str
    name: str


class Screen(NamedTuple):
    """What a rater sees.

    Attributes:
        part: "start", "work" or "end".
        place: number of the step from 0; `total` of them.
        head: HTML of the progress, or of the words at the start and at the end.
        question, a, b: HTML of the item and the two answers.
        better, good_a, good_b: what this rater has said of them before; None where nothing.
        skipped: how many steps this rater has skipped.
    """

    part: str
    place: int
    total: int
    head: str
    question: str = ""
    a: str = ""
    b: str = ""
    better: Better | None = None
    good_a: str | None = None
    good_b: str | None = None
    skipped: int = 0


def rater(kept: object) -> Rater:
    """The rater that the browser remembers, or a new one."""
    known = kept if isinstance(kept, dict) else {}
    known_id, name = known.get("id"), known.get("name")
    right = isinstance(known_id, str) and 16 <= len(known_id) <= MOST_ID
    return Rater(str(known_id) if right else secrets.token_urlsafe(16), clean_name(name) if isinstance(name, str) else "")


def opened(ctx: Context) -> Review:
    """The review that the address names.

    Raises:
        StoreError: it opens nothing.
    """
    found = review.resolve(ctx.store, ctx.review)
    if found is None:
        raise StoreError("This review link opens nothing: it is mistyped, or was closed.", "Ask for a new one.")
    return found


def arrive(ctx: Context, who: Rater) -> Screen:
    """Where a rater begins, or goes on: a newcomer at the start, others at the first step on which they have said nothing yet.

    Raises:
        StoreError: the link opens nothing.
    """
    found = opened(ctx)
    mine, every = _mine(ctx, found, who), review.steps(found)
    if not mine:
        return Screen("start", 0, len(every), render("review_start", items=len(found.items), steps=len(every)))
    return screen(ctx, who, next((place for place, step in enumerate(every) if _key(step) not in mine), len(every)))


def screen(ctx: Context, who: Rater, place: int) -> Screen:
    """The step at a place; behind the last one the end. A place out of range is taken for the nearest."""
    found = opened(ctx)
    every, mine = review.steps(found), _mine(ctx, found, who)
    skipped = sum(vote.skipped for vote in mine.values())
    place = min(max(place, 0), len(every))
    if place == len(every):
        return Screen("end", place, len(every), _thanks(list(mine.values()), len(every)), skipped=skipped)
    step = every[place]
    seen, said = review.shown(ctx.store.result(found.comparison), step), mine.get(_key(step))
    a, b = (render("review_answer", label=f"Answer {label}", said=text) for label, text in (("A", seen.a), ("B", seen.b)))
    head = render("review_head", place=place + 1, total=len(every))
    question = render("review_question", q=seen.example, same=seen.a.text.strip() == seen.b.text.strip())
    answers = (said.better, _word(said.good_a), _word(said.good_b)) if said else (None, None, None)
    return Screen("work", place, len(every), head, question, a, b, *answers, skipped)


def say(ctx: Context, who: Rater, place: int, better: str | None, good_a: str | None, good_b: str | None) -> int:
    """Keep what a rater says of a step; the place to go on at.

    Raises:
        PlanError: nothing was chosen.
        StoreError: the link was closed, or its room is used up.
    """
    chosen = next((choice for choice in BETTER if choice == better), None)
    if chosen is None and good_a not in GOOD and good_b not in GOOD:
        raise PlanError("Nothing is chosen yet.", "Choose which answer is better or whether it is good enough, or press Skip.")
    return _keep(ctx, who, place, chosen, GOOD.get(good_a or ""), GOOD.get(good_b or ""))


def skip(ctx: Context, who: Rater, place: int) -> int:
    """Leave a step out; what was said of it before stays. The place to go on at."""
    found = opened(ctx)
    step = _step(found, place)
    said = _mine(ctx, found, who).get(_key(step))
    if said is not None and not said.skipped:
        return place + 1
    return _keep(ctx, who, place, None, None, None)


def first_skipped(ctx: Context, who: Rater, behind: int = -1) -> int:
    """The first skipped step behind a place; the end where there is none."""
    found = opened(ctx)
    every, mine = review.steps(found), _mine(ctx, found, who)
    skipped = (n for n, step in enumerate(every) if n > behind and (vote := mine.get(_key(step))) is not None and vote.skipped)
    return next(skipped, len(every))


def _keep(ctx: Context, who: Rater, place: int, better: Better | None, good_a: bool | None, good_b: bool | None) -> int:
    found = opened(ctx)
    step = _step(found, place)
    before = _mine(ctx, found, who).get(_key(step))
    vote = Vote(found.id, rater_key(who.id), who.name, *step, better, good_a, good_b, now())
    cast(ctx.store.folder(found.comparison), vote)
    return first_skipped(ctx, who, place) if before is not None and before.skipped else place + 1


def _step(found: Review, place: int) -> Step:
    every = review.steps(found)
    if not 0 <= place < len(every):
        raise PlanError(f"This review has steps 1 to {len(every)}; got {place + 1}.", "Reload the page.")
    return every[place]


def _key(step: Step) -> tuple[str, ...]:
    return (step.example, *sorted((step.a, step.b)))


def _mine(ctx: Context, found: Review, who: Rater) -> dict[tuple[str, ...], Vote]:
    key = rater_key(who.id)
    votes = read_votes(ctx.store.folder(found.comparison))
    return {vote.place[2:]: vote for vote in votes if vote.review == found.id and vote.rater == key}


def _word(good: bool | None) -> str | None:
    return None if good is None else "yes" if good else "no"


def _thanks(mine: list[Vote], total: int) -> str:
    """The end, with this rater's own counts."""
    good = [mark for vote in mine for mark in (vote.good_a, vote.good_b) if mark is not None]
    better = [vote.better for vote in mine if vote.better is not None]
    return render(
        "review_end",
        total=total,
        compared=len(better),
        ties=better.count("tie"),
        judged=len(good),
        good=sum(good),
        skipped=sum(vote.skipped for vote in mine),
    )
