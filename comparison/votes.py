"""What people said in blind reviews: `votes.jsonl` in the comparison's folder, append-only, each line on disk before its rater goes on.

A rater is a random id that lives in their browser; only its hash is kept, so nobody who reads the folder can vote in another's name. A later
vote of the same rater on the same two answers replaces the earlier one when the file is read. A link may be in anybody's hands, so what one
link can make this file grow by is limited, and so is how fast.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, NamedTuple, get_args

from comparison import lines
from comparison.result import Result
from core.errors import StoreError

VOTES = "votes.jsonl"
LOCK = "votes.lock"
Better = Literal["a", "b", "tie"]
BETTER: tuple[Better, ...] = get_args(Better)

MOST_ROWS, MOST_RATERS, MOST_NAME = 10_000, 200, 40
"""Of one link: lines (repeated votes included) and raters. Of one name: characters. A line is about 300 bytes, so a link is worth 3 MB."""
PER_MINUTE, PER_MINUTE_EACH = 400, 60
"""Votes of one link, and of one rater, within a minute."""


@dataclass(frozen=True)
class Vote:
    """One rater on one step: two answers to the same example.

    Attributes:
        review: id of the link's review.
        rater: hash of the browser's random id; `name` is what the rater calls themselves, or "".
        a, b: the methods that stood behind "Answer A" and "Answer B".
        better: which answer is better; None where that was left open.
        good_a, good_b: whether each is good enough; None where that was left open.
        at: seconds since the epoch.
    """

    review: str
    rater: str
    name: str
    example: str
    a: str
    b: str
    better: Better | None = None
    good_a: bool | None = None
    good_b: bool | None = None
    at: float = 0.0

    @property
    def place(self) -> tuple[str, ...]:
        """What a later vote of the same kind replaces."""
        return (self.review, self.rater, self.example, *sorted((self.a, self.b)))

    @property
    def skipped(self) -> bool:
        return self.better is None and self.good_a is None and self.good_b is None

    @property
    def said(self) -> tuple[object, ...]:
        return (self.better, self.good_a, self.good_b, self.name)

    def points(self, method: str) -> float | None:
        """1 where the method's answer is the better one, 0.5 for a tie, 0 where it is not; None where nothing was said."""
        if self.better is None or method not in (self.a, self.b):
            return None
        return 0.5 if self.better == "tie" else float(method == (self.a if self.better == "a" else self.b))

    def good(self, method: str) -> bool | None:
        """Whether the method's answer is good enough; None where nothing was said."""
        return self.good_a if method == self.a else self.good_b if method == self.b else None


def rater_key(secret: str) -> str:
    """What is kept of a browser's random id."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()[:16]


def clean_name(name: str) -> str:
    """A name as it is kept: one line of printable characters, cut to length."""
    return " ".join("".join(c if c.isprintable() else " " for c in name).split())[:MOST_NAME].strip()


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold the folder's votes and links against every other thread and process; waits for its turn."""
    handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def cast(folder: Path, vote: Vote) -> None:
    """Keep a vote; it survives a power cut once this returns. One that says what the last one said is not written again.

    Raises:
        StoreError: the link is used too fast, its room is used up, or the disk is full.
    """
    with held(folder):
        known = [_vote(row) for row in lines.heal(folder / VOTES)]
        earlier = next((v for v in reversed(known) if v.place == vote.place), None)
        if earlier is not None and earlier.said == vote.said:
            return
        _room(known, vote)
        lines.append(folder / VOTES, [asdict(vote)])


def _room(known: Sequence[Vote], vote: Vote) -> None:
    here = [v for v in known if v.review == vote.review]
    raters = {v.rater for v in here}
    if vote.rater not in raters and len(raters) >= MOST_RATERS:
        raise StoreError(f"At most {MOST_RATERS} people can take part by one link; {len(raters)} have.", "Ask its owner for a new link.")
    if len(here) >= MOST_ROWS:
        raise StoreError(f"One link holds at most {MOST_ROWS:,} votes, and they are used up.", "Ask its owner for a new link.")
    recent = [v for v in here if v.at > vote.at - 60]
    mine = sum(v.rater == vote.rater for v in recent)
    if mine >= PER_MINUTE_EACH or len(recent) >= PER_MINUTE:
        raise StoreError(f"At most {PER_MINUTE_EACH} votes a minute can be given; this was faster.", "Wait a minute; nothing is lost.")


def read_votes(folder: Path) -> tuple[Vote, ...]:
    """The votes that count, in the order in which their places were first voted on."""
    path = folder / VOTES
    found: dict[tuple[str, ...], Vote] = {}
    for line in lines.read(path) if path.exists() else ():
        vote = _vote(line.record)
        found[vote.place] = vote
    return tuple(found.values())


def counted_votes(votes: Sequence[Vote], out: Collection[str]) -> tuple[Vote, ...]:
    """The votes on other items than those that a report leaves out."""
    return tuple(vote for vote in votes if vote.example not in out)


def _vote(row: lines.Row) -> Vote:
    return Vote(**{key: value for key, value in row.items() if key in Vote.__dataclass_fields__})


def now() -> float:
    return round(time.time(), 3)


class HumanMark(NamedTuple):
    """What people said of one answer.

    Attributes:
        good_enough: share of its raters who found it good enough; None where nobody said.
        wins: mean points against the answers that it stood beside, a tie being half; None where nobody said.
        raters: how many said anything of it.
    """

    method: str
    example_id: str
    good_enough: float | None
    wins: float | None
    raters: int


def marks(votes: Sequence[Vote]) -> list[HumanMark]:
    """All answers that people said something of, by method and example."""
    by_answer: dict[tuple[str, str], list[Vote]] = {}
    for vote in votes:
        for method in (vote.a, vote.b) if not vote.skipped else ():
            by_answer.setdefault((method, vote.example), []).append(vote)
    return [_mark(method, example, found) for (method, example), found in sorted(by_answer.items())]


def _mark(method: str, example: str, votes: Sequence[Vote]) -> HumanMark:
    good = [float(g) for v in votes if (g := v.good(method)) is not None]
    points = [p for v in votes if (p := v.points(method)) is not None]
    return HumanMark(method, example, _mean(good), _mean(points), len({v.rater for v in votes}))


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


class Decision(NamedTuple):
    """Which of two methods' answers to an example most raters found better."""

    example: str
    better: str
    worse: str


class Decisions(NamedTuple):
    """`ties` counts the pairs of answers that no side has most votes of; a vote for a tie is a vote, too."""

    decided: list[Decision]
    ties: int


def decisions(votes: Sequence[Vote]) -> Decisions:
    """Each pair of answers once, as most of its raters saw it, in the order of voting."""
    by_pair: dict[tuple[str, ...], list[float]] = {}
    for vote in votes:
        first, second = sorted((vote.a, vote.b))
        if (points := vote.points(first)) is not None:
            by_pair.setdefault((vote.example, first, second), []).append(points)
    decided = []
    for (example, first, second), found in by_pair.items():
        won, lost, tied = found.count(1.0), found.count(0.0), found.count(0.5)
        if won > max(lost, tied):
            decided.append(Decision(example, first, second))
        elif lost > max(won, tied):
            decided.append(Decision(example, second, first))
    return Decisions(decided, len(by_pair) - len(decided))


def human_marks(result: Result) -> list[HumanMark]:
    """What people said of a comparison's answers, for whoever compares a judge with them; empty where nobody voted."""
    return marks(read_votes(result.folder))
