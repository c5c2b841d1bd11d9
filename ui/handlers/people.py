"""The fold about people: the owner makes and closes review links, sees who voted and what it comes to, and takes the votes along.

Behind a shared link stands only what its frozen report says. Who voted, and the links, are the owner's to see.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from comparison import review
from comparison.left_out import left_out
from comparison.people import people
from comparison.preferences import preferences
from comparison.recount import recount
from comparison.result import Result
from comparison.review import ITEMS, Review
from comparison.votes import Vote, counted_votes, read_votes
from core.errors import PlanError, StoreError
from ui.context import Context
from ui.handlers.compare import Shown, locate, own
from ui.markup import render
from ui.present import infos, method_label, metric_label, metric_names

FOREIGN = "Only comparisons of your own can be reviewed: run one, or open one from the Library tab."


class Fold(NamedTuple):
    """What stands in the fold.

    Attributes:
        html: results, agreement, raters.
        mine: whether links can be made.
        methods: (label, name) of those that are done.
        links: (label, id) of the open ones.
        voted: whether there is anything to count or to take along.
    """

    html: str
    mine: bool
    methods: list[tuple[str, str]]
    links: list[tuple[str, str]]
    voted: bool


class Row(NamedTuple):
    """One method: what people said, and its automatic scores."""

    label: str
    cells: list[tuple[str, ...]]


def fold(ctx: Context, shown: Shown) -> Fold:
    """Everything in the fold.

    Raises:
        StoreError: what is shown is not there, or not this visitor's.
    """
    found = locate(ctx, shown)
    report = found.report
    if shown.kind != "comparison":
        section = report.get("people")
        said = "" if section else "Nobody was asked yet." if shown.kind == "example" else "This result holds no votes."
        words = " ".join(part for part in (said, FOREIGN if shown.kind == "example" else "") if part)
        return Fold(_html(report, section, (), (), words), False, [], [], False)
    done = [(method_label(m), str(m["name"])) for m in report["methods"] if m["status"] == "done"]
    votes, reviews = read_votes(found.result.folder), review.listing(found.result.folder)
    section = _counted(found.result, report, votes)
    links = [(_link_words(r, votes), r.id) for r in reviews if not r.revoked]
    words = "" if section else "Nobody has voted yet. Make a link below and pass it on." if len(done) > 1 else "A review needs two methods."
    return Fold(_html(report, section, votes, reviews, words), len(done) > 1, done, links, section is not None)


def make(ctx: Context, shown: Shown, methods: Sequence[str], items: float | None) -> str:
    """A new review link's token.

    Raises:
        BakeoffError: it is not this owner's, or cannot be reviewed so.
    """
    _mine(ctx, shown)
    wanted = ITEMS if items is None else items
    if wanted != int(wanted):
        raise PlanError(f"The number of items must be whole; got {wanted:g}.", f"{ITEMS} is usual.")
    return review.create(ctx.store, shown.key, ctx.owner, [str(m) for m in methods], int(wanted))


def close(ctx: Context, shown: Shown, link: str | None) -> None:
    """Close one of the owner's links.

    Raises:
        PlanError: none was chosen.
    """
    _mine(ctx, shown)
    if not link:
        raise PlanError("No link is chosen.", "Choose the one to close.")
    review.revoke(ctx.store, shown.key, ctx.owner, str(link))


def count(ctx: Context, shown: Shown) -> str:
    """Put the votes into a new report; what to tell about it.

    Raises:
        BakeoffError: nobody has voted, or it is running.
    """
    result = _mine(ctx, shown)
    before = result.report_names()
    name = recount(ctx.store, shown.key)
    judge = " The judge's check holds them, too." if result.report().get("judge") else ""
    if name in before:
        return f"{name} holds all votes already."
    return f"The votes stand in {name} now: links and exports made from here on hold them.{judge}"


def pairs(ctx: Context, shown: Shown) -> tuple[str, str]:
    """The votes as preference pairs in JSON lines, and how many they are in words.

    Raises:
        StoreError: it is not this owner's, or nobody has voted.
    """
    found = preferences(_mine(ctx, shown))
    return found.to_jsonl(), f"{found.in_words()}."


def _mine(ctx: Context, shown: Shown) -> Result:
    if shown.kind != "comparison":
        raise StoreError("This is not a comparison of your own.", FOREIGN)
    return own(ctx, shown.key)


def _counted(result: Result, report: Mapping[str, Any], votes: Sequence[Vote]) -> dict[str, Any] | None:
    names = [str(method["name"]) for method in report["methods"]]
    higher = {name: bool(info.get("higher_is_better", True)) for name, info in infos(report).items()}
    return people(counted_votes(votes, left_out(report["data"])), names, result.scores(), higher)


def _html(
    report: Mapping[str, Any], section: Mapping[str, Any] | None, votes: Sequence[Vote], reviews: Sequence[Review], words: str
) -> str:
    if section is None:
        return render("people", words=words, section=None)
    labels = {str(m["name"]): method_label(m) for m in report["methods"]}
    alphas = {name: _value(section["alpha"][name]) for name in ("better", "good_enough")}
    return render(
        "people",
        words=words,
        section=section,
        heads=["Win rate", "Good enough", *(metric_label(name) for name in _metrics(report))],
        rows=[_row(report, name, labels, section) for name in section["win_rates"]],
        pairs=[{**pair, "a": labels.get(pair["a"], pair["a"]), "b": labels.get(pair["b"], pair["b"])} for pair in section["pairs"]],
        alphas=alphas,
        metrics=[
            (metric_label(name), _rate(beside["same_choice"]), _value(beside["spearman"])) for name, beside in section["metrics"].items()
        ],
        raters=_raters(votes, reviews),
        closed=sum(r.revoked for r in reviews),
    )


def _metrics(report: Mapping[str, Any]) -> list[str]:
    """The primary metric, and the judge where there is one."""
    names = metric_names(report)
    return [*names[:1], *(name for name in names[1:] if name == "judge")]


def _row(report: Mapping[str, Any], name: str, labels: Mapping[str, str], section: Mapping[str, Any]) -> Row:
    method: Mapping[str, Any] = next((m for m in report["methods"] if m["name"] == name), {})
    scores = [(method.get("scores") or {}).get(metric) or {} for metric in _metrics(report)]
    automatic = [_rate({**score, "share": score.get("mean")}) for score in scores]
    return Row(labels.get(name, name), [_rate(section["win_rates"][name]), _rate(section["good_enough"][name]), *automatic])


def _rate(rate: Mapping[str, Any]) -> tuple[str, ...]:
    """A share, its interval and what it rests on: ("0.62", "0.44 to 0.77", "n 20")."""
    if rate.get("share") is None:
        return ("–",)
    interval = f"{rate['ci_low']:.2f} to {rate['ci_high']:.2f}" if rate.get("ci_low") is not None else ""
    return f"{rate['share']:.2f}", interval, f"n {rate['n']}"


def _value(agreement: Mapping[str, Any]) -> tuple[str, str]:
    """A coefficient with what it rests on, ("0.71", "n 20"), or why there is none."""
    if agreement["value"] is None:
        return "–", str(agreement["reason"])
    return f"{agreement['value']:.2f}", f"n {agreement['n']}"


class Taking(NamedTuple):
    """One rater in one review."""

    name: str
    link: str
    voted: int
    ties: int
    skipped: int
    total: int


def _raters(votes: Sequence[Vote], reviews: Sequence[Review]) -> list[Taking]:
    found: dict[tuple[str, str], list[Vote]] = {}
    for vote in votes:
        found.setdefault((vote.review, vote.rater), []).append(vote)
    known = {r.id: r for r in reviews}
    rows = []
    for number, ((link, _), mine) in enumerate(found.items(), 1):
        made = known.get(link)
        skipped = sum(vote.skipped for vote in mine)
        ties = sum(vote.better == "tie" for vote in mine)
        total = len(review.steps(made)) if made else len(mine)
        rows.append(Taking(mine[-1].name or f"Rater {number}", _made(made), len(mine) - skipped, ties, skipped, total))
    return rows


def _made(made: Review | None) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(made.created)) if made else "a link that is gone"


def _link_words(made: Review, votes: Sequence[Vote]) -> str:
    """ "2026-11-02 14:10 · 20 items, 3 methods · 2 raters"."""
    raters = len({vote.rater for vote in votes if vote.review == made.id})
    people_ = f"{raters} rater{'s' if raters != 1 else ''}"
    return f"{_made(made)} · {len(made.items)} item{'s' if len(made.items) != 1 else ''}, {len(made.methods)} methods · {people_}"
