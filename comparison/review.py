"""Blind reviews by link: people compare answers two at a time and are not told whose they are.

A link is a random token of 192 bits; as with shared results only its hash is kept, and the owner can close it. What a review shows is fixed when
it is made and kept in `reviews.json` of the comparison's folder: the same items for all raters, in the same order. Each item shows the methods
in pairs, so that no answer is seen twice (with an odd number of methods one sits out); over the items every pair of methods meets equally often,
as in a round-robin tournament. Which of two answers stands on the left is drawn from a secret seed and the item: a resumed review looks the same,
and nobody who has the link and this code can work out who is who.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import NamedTuple

from comparison.result import Result
from comparison.share import check_owner
from comparison.store import Store
from comparison.votes import held, now
from core.errors import PlanError, StoreError, nearest
from core.files import write_json
from core.records import Example

REVIEWS = "reviews.json"
TOKEN_BYTES = 24
ITEMS = 20
MOST_LINKS = 20


@dataclass(frozen=True)
class Review:
    """What one link shows.

    Attributes:
        digest: hash of the token; its beginning names the review to the owner.
        seed: secret; decides sides and pairs.
        methods: those that are compared.
        items: ids of the examples, in the order in which they are shown.
    """

    comparison: str
    digest: str
    seed: str
    methods: tuple[str, ...]
    items: tuple[str, ...]
    created: float
    revoked: bool = False

    @property
    def id(self) -> str:
        return self.digest[:12]


class Step(NamedTuple):
    """Two methods' answers to one example: A stands on the left."""

    example: str
    a: str
    b: str


def _rank(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


def steps(review: Review) -> tuple[Step, ...]:
    """All that a rater is shown, in order; the same at every call."""
    rounds = pairings(sorted(review.methods, key=lambda method: _rank(review.seed, method)))
    found = []
    for number, example in enumerate(review.items):
        for pair in rounds[number % len(rounds)]:
            a, b = sorted(pair, key=lambda method: _rank(review.seed, example, method))
            found.append(Step(example, a, b))
    return tuple(found)


def pairings(methods: Sequence[str]) -> list[list[tuple[str, str]]]:
    """Rounds in which every two methods meet once (the circle method): one stays, the others move on by one place each round."""
    seats: list[str | None] = [*methods, None] if len(methods) % 2 else list(methods)
    half, rounds = len(seats) // 2, []
    for _ in seats[1:]:
        pairs = zip(seats[:half], reversed(seats[half:]), strict=True)
        rounds.append([(a, b) for a, b in pairs if a is not None and b is not None])
        seats = [seats[0], seats[-1], *seats[1:-1]]
    return rounds


def create(store: Store, comparison_id: str, owner: str, methods: Sequence[str] = (), items: int = ITEMS) -> str:
    """A new review's token; it cannot be read from the store again.

    Args:
        methods: at least two of those that are done; none for all of them.
        items: how many, drawn by chance from those that all these methods answered; where there are fewer, all of them.

    Raises:
        StoreError: no such comparison of this owner, no report yet, or too many links.
        PlanError: the methods or the number of items cannot be.
    """
    check_owner(store, comparison_id, owner)
    result = store.result(comparison_id)
    chosen = _chosen(result, methods)
    if items < 1:
        raise PlanError(f"A review must have at least 1 item; got {items}.", f"{ITEMS} is usual.")
    seed, token = secrets.token_hex(16), secrets.token_urlsafe(TOKEN_BYTES)
    drawn = sorted(_answered(result, chosen), key=lambda example: _rank(seed, example))[:items]
    if not drawn:
        raise StoreError("No item was answered by all of these methods.", "Choose others.")
    review = Review(comparison_id, _digest(token), seed, chosen, tuple(drawn), now())
    with held(result.folder):
        known = listing(result.folder)
        if sum(not other.revoked for other in known) >= MOST_LINKS:
            raise StoreError(f"A comparison has at most {MOST_LINKS} open review links.", "Close some first.")
        _write(result.folder, [*known, review])
    return token


def _chosen(result: Result, methods: Sequence[str]) -> tuple[str, ...]:
    done = [method["name"] for method in result.report()["methods"] if method["status"] == "done"]
    chosen = tuple(dict.fromkeys(methods)) or tuple(done)
    for name in chosen:
        if name not in done:
            raise PlanError(f"There is no finished method '{name[:60]}' to review.", nearest(name[:60], done))
    if len(chosen) < 2:
        raise PlanError(f"A review compares at least 2 methods that are done; got {len(chosen)}.", "Choose more, or run more.")
    return chosen


def _answered(result: Result, methods: Sequence[str]) -> set[str]:
    return set.intersection(*(set(result.answers(method).answers) for method in methods)) & {e.id for e in result.splits().test}


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def resolve(store: Store, token: str) -> Review | None:
    """What a token opens; None for a wrong or closed one. Looked up by hash, so the time taken says nothing about the token."""
    digest = _digest(token)
    for path in store.comparisons.glob(f"*/{REVIEWS}"):
        with suppress(StoreError):  # one damaged file closes its own links alone
            for review in listing(path.parent):
                if review.digest == digest:
                    return None if review.revoked else review
    return None


def revoke(store: Store, comparison_id: str, owner: str, review_id: str = "") -> int:
    """Close one link, or all; how many were open. Votes that came in by it stay.

    Raises:
        StoreError: no such comparison of this owner.
    """
    check_owner(store, comparison_id, owner)
    folder = store.folder(comparison_id)
    with held(folder):
        known = listing(folder)
        closing = {review.id for review in known if not review.revoked and review_id in ("", review.id)}
        if closing:
            _write(folder, [replace(review, revoked=review.revoked or review.id in closing) for review in known])
    return len(closing)


def listing(folder: Path) -> list[Review]:
    """The reviews of a comparison in the order in which they were made, closed ones included.

    Raises:
        StoreError: the file was damaged by hand.
    """
    try:
        rows = json.loads((folder / REVIEWS).read_text(encoding="utf-8"))
        return [Review(**{**row, "methods": tuple(row["methods"]), "items": tuple(row["items"])}) for row in rows]
    except FileNotFoundError:
        return []
    except (ValueError, TypeError, KeyError) as error:
        raise StoreError(f"{REVIEWS} of {folder.name} cannot be read ({error}).", "Move it aside; its links are then closed.") from None


def _write(folder: Path, reviews: Sequence[Review]) -> None:
    write_json(folder / REVIEWS, [asdict(review) for review in reviews])


class Said(NamedTuple):
    """An answer as a rater sees it; `cut` says that it reached the longest allowed length."""

    text: str
    cut: bool


class Shown(NamedTuple):
    """One step with its texts, and nothing that names a method."""

    example: Example
    a: Said
    b: Said


def shown(result: Result, step: Step) -> Shown:
    """The texts of a step.

    Raises:
        StoreError: an answer or the example is gone from the folder.
    """
    example = next((e for e in result.splits().test if e.id == step.example), None)
    a, b = (result.answers(method).answers.get(step.example) for method in (step.a, step.b))
    if example is None or a is None or b is None:
        raise StoreError("An item of this review is no longer there.", "Ask its owner for a new link.")
    return Shown(example, *(Said(answer.text, answer.finish_reason == "length") for answer in (a, b)))
