"""Which of two answers a judge prefers, asked in both orders.

Judges lean to one place: GPT-4 kept its choice in 65 % of pairs when the two answers changed places (Zheng et al. 2023). So each pair is asked
twice, and only a choice that stays with the answer counts; one that stays with the place is a tie. A judge that always says "A" then
gives every method a win rate of exactly 0.5.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypedDict

from core.errors import Cancelled
from core.records import Message
from evaluation.judge import MATERIAL, blocks, delimiter, failure, rubric_text, tame
from evaluation.statistics import mean_interval
from models.choosing import Chooser, Unreadable

OPTIONS = ("A", "B")
TASK = "You compare two answers to a question with a reference answer that is known to be right, and say which of the two is better."


class Verdict(NamedTuple):
    """One pair in both orders.

    Attributes:
        points: the first answer's: 1 where it is preferred in both orders, 0 where the other one is, else 0.5. None where the judge failed.
        flipped: the choice stayed with the place and not with the answer.
        reason: why there are no points.
    """

    points: float | None
    flipped: bool = False
    reason: str = ""


class WinRate(TypedDict):
    """Method a against method b; `win_rate` is a's mean points, a tie being half a point. `flip_rate` is the share of flipped pairs."""

    a: str
    b: str
    win_rate: float | None
    ci_low: float | None
    ci_high: float | None
    wins: int
    ties: int
    losses: int
    n: int
    unscored: int
    flip_rate: float | None
    reason: str | None


def preference_messages(question: str, reference: str, first: str, second: str, scale: int = 5, rubric: str = "") -> tuple[Message, ...]:
    """The chat that asks for A or B."""
    question, reference, a, b = (tame(text) for text in (question, reference, first, second))
    mark = delimiter(question, reference, a, b)
    system = (
        f"{TASK}\nReply with A or B and nothing else: the one that deserves the better grade by these lines.\n"
        f"{rubric_text(rubric, scale)}\n{MATERIAL.format(mark=mark).replace('the answer stand', 'the two answers stand')}"
    )
    body = blocks(mark, (("question", question), ("reference", reference), ("answer A", a), ("answer B", b)))
    return (Message("system", system), Message("user", f"{body}\nWhich is better, A or B?"))


def compared(chooser: Chooser, question: str, reference: str, first: str, second: str, scale: int = 5, rubric: str = "") -> Verdict:
    """Ask in both orders. Two equal texts are a tie and cost nothing.

    Raises:
        Cancelled: somebody pressed Stop.
    """
    if first.strip() == second.strip():
        return Verdict(0.5)
    places = []
    try:
        for pair in ((first, second), (second, first)):
            logprobs = chooser.choose(preference_messages(question, reference, *pair, scale, rubric), OPTIONS)
            places.append(None if logprobs[0] == logprobs[1] else int(logprobs[1] > logprobs[0]))
    except Cancelled:
        raise
    except Unreadable as error:
        return Verdict(None, reason=str(error))
    except Exception as error:
        return Verdict(None, reason=failure(error))
    if places == [0, 1]:
        return Verdict(1.0)
    if places == [1, 0]:
        return Verdict(0.0)
    return Verdict(0.5, flipped=True)


def win_rate(a: str, b: str, verdicts: Mapping[str, Verdict], *, seed: int = 0) -> WinRate:
    """What the verdicts on all items come to.

    Args:
        verdicts: by item; points are method a's.
    """
    told = [verdict for _, verdict in sorted(verdicts.items()) if verdict.points is not None]
    points = [float(verdict.points or 0.0) for verdict in told]
    interval = mean_interval(points, seed=seed, share=True)
    reasons = [verdict.reason for verdict in verdicts.values() if verdict.points is None]
    return WinRate(
        a=a,
        b=b,
        win_rate=interval.mean,
        ci_low=interval.low,
        ci_high=interval.high,
        wins=points.count(1.0),
        ties=points.count(0.5),
        losses=points.count(0.0),
        n=len(points),
        unscored=len(reasons),
        flip_rate=sum(verdict.flipped for verdict in told) / len(told) if told else None,
        reason=None if points else (reasons[0] if reasons else "no item has answers of both"),
    )


def pairs_of(methods: Sequence[str]) -> list[tuple[str, str]]:
    """Each unordered pair once, in the given order."""
    return [(a, b) for place, a in enumerate(methods) for b in methods[place + 1 :]]
