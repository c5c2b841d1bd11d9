"""Blind reviews: the same for all raters, nobody can tell who is who, and closed on request."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from comparison import review
from comparison.plan import Plan, read_plan
from comparison.reindex import reindex
from comparison.review import Review, create, listing, pairings, resolve, revoke, shown, steps
from comparison.store import LOCAL_OWNER, Store
from comparison.votes import Vote, cast, read_votes
from core.errors import PlanError, StoreError

Complete = Callable[..., tuple[str, list[Any]]]


@pytest.fixture
def done(complete: Complete, plan: Plan) -> str:
    return complete(plan)[0]


def opened(store: Store, token: str) -> Review:
    found = resolve(store, token)
    assert found is not None
    return found


def of_five() -> Review:
    return Review("c", "d" * 64, "seed", ("one", "two", "three", "four", "five"), tuple(f"item-{n}" for n in range(20)), 0.0)


@pytest.mark.parametrize("count", [2, 3, 4, 5, 6, 7])
def test_every_two_methods_meet_once_and_none_twice_in_a_round(count: int) -> None:
    rounds = pairings([f"m{n}" for n in range(count)])
    met = Counter(frozenset(pair) for pairs in rounds for pair in pairs)
    assert len(met) == count * (count - 1) // 2 and set(met.values()) == {1}
    assert all(len({m for pair in pairs for m in pair}) == 2 * len(pairs) for pairs in rounds)


def test_over_the_items_all_pairs_meet_equally_often_and_no_answer_is_seen_twice() -> None:
    found = steps(of_five())
    assert len(found) == 40
    assert set(Counter(frozenset((s.a, s.b)) for s in found).values()) == {4}
    answers = [(s.example, method) for s in found for method in (s.a, s.b)]
    assert len(set(answers)) == len(answers)


def test_steps_are_the_same_at_every_call_and_sides_change_with_the_seed_and_the_item() -> None:
    ours = of_five()
    assert steps(ours) == steps(ours)
    left = Counter(step.a for step in steps(replace(ours, methods=("one", "two"), items=tuple(f"i{n}" for n in range(200)))))
    assert 70 < left["one"] < 130, "neither method keeps to a side"
    assert steps(ours) != steps(replace(ours, seed="other"))


def test_sides_cannot_be_worked_out_from_the_link(store: Store, done: str) -> None:
    """What decides the sides is a secret of its own, no function of the token or its hash."""
    token = create(store, done, LOCAL_OWNER)
    found = opened(store, token)
    assert found.seed not in token and found.seed not in found.digest
    assert token.encode() not in b"".join(p.read_bytes() for p in store.root.rglob("*") if p.is_file()), "a stolen store opens no link"


def test_a_review_takes_all_methods_that_are_done_and_twenty_items(
    store: Store, complete: Complete, mapping: dict[str, Any], task: Any
) -> None:
    wider = {**mapping, "methods": [*mapping["methods"], {"kind": "rag", "top_k": 2}]}
    wider["data"] = {**mapping["data"], "split": {"train": 0.3, "validation": 0.2, "test": 0.5, "seed": 7}}
    found = opened(store, create(store, complete(read_plan(wider, task))[0], LOCAL_OWNER))
    assert found.methods == ("zero_shot", "few_shot", "rag")
    assert len(found.items) == review.ITEMS == len(set(found.items))


def test_fewer_items_than_wanted_means_all_of_them(store: Store, done: str) -> None:
    found = opened(store, create(store, done, LOCAL_OWNER, items=999))
    assert sorted(found.items) == sorted(example.id for example in store.result(done).splits().test)


def test_what_cannot_be_reviewed_is_said(store: Store, done: str, complete: Complete, mapping: dict[str, Any], task: Any) -> None:
    with pytest.raises(PlanError, match=r"no finished method 'few_shoot'.*few_shot"):
        create(store, done, LOCAL_OWNER, ["zero_shot", "few_shoot"])
    with pytest.raises(PlanError, match="at least 2 methods"):
        create(store, done, LOCAL_OWNER, ["zero_shot", "zero_shot"])
    with pytest.raises(PlanError, match="at least 1 item"):
        create(store, done, LOCAL_OWNER, items=0)
    alone, _ = complete(read_plan({**mapping, "name": "One", "methods": mapping["methods"][:1]}, task))
    with pytest.raises(PlanError, match="at least 2 methods"):
        create(store, alone, LOCAL_OWNER)


def test_only_the_owner_makes_and_closes_links(store: Store, done: str) -> None:
    """F19, below the page."""
    token = create(store, done, LOCAL_OWNER)
    for act in (lambda: create(store, done, "somebody else"), lambda: revoke(store, done, "somebody else")):
        with pytest.raises(StoreError, match="There is no comparison"):
            act()
    assert resolve(store, token) is not None


def test_a_closed_link_opens_nothing_and_its_votes_stay(store: Store, done: str) -> None:
    """F17 for review links: closed one at a time or all at once, and no reindex opens one again."""
    first, second, third = (create(store, done, LOCAL_OWNER) for _ in range(3))
    step = steps(opened(store, first))[0]
    cast(store.folder(done), Vote(opened(store, first).id, "x", "", *step, better="a"))
    assert revoke(store, done, LOCAL_OWNER, opened(store, first).id) == 1
    assert resolve(store, first) is None and resolve(store, second) is not None
    assert revoke(store, done, LOCAL_OWNER) == 2
    for path in store.root.glob("bakeoff.db*"):
        path.unlink()
    rebuilt = Store(store.root, store.models)
    assert reindex(rebuilt) == 1
    assert [resolve(rebuilt, token) for token in (first, second, third)] == [None, None, None]
    assert len(read_votes(rebuilt.folder(done))) == 1


def test_links_and_votes_survive_a_lost_database(store: Store, done: str) -> None:
    token = create(store, done, LOCAL_OWNER)
    for path in store.root.glob("bakeoff.db*"):
        path.unlink()
    rebuilt = Store(store.root, store.models)
    assert resolve(store, token) == resolve(rebuilt, token), "a link needs no database"
    assert reindex(rebuilt) == 1
    assert opened(rebuilt, token).comparison == done


@pytest.mark.parametrize("wrong", ["", "x", "../../report.json", "é" * 40, "\udcff", "a" * 32])
def test_a_wrong_token_opens_nothing(store: Store, done: str, wrong: str) -> None:
    create(store, done, LOCAL_OWNER)
    assert resolve(store, wrong) is None


def test_open_links_are_limited(store: Store, done: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(review, "MOST_LINKS", 2)
    create(store, done, LOCAL_OWNER)
    create(store, done, LOCAL_OWNER)
    with pytest.raises(StoreError, match="at most 2 open review links"):
        create(store, done, LOCAL_OWNER)
    revoke(store, done, LOCAL_OWNER)
    create(store, done, LOCAL_OWNER)


def test_a_step_shows_texts_and_names_no_method(store: Store, done: str) -> None:
    found = opened(store, create(store, done, LOCAL_OWNER))
    step = steps(found)[0]
    seen = shown(store.result(done), step)
    assert seen.example.id == step.example
    assert seen.a.text == store.result(done).answers(step.a).answers[step.example].text
    assert not any(method in repr(seen) for method in found.methods)


def test_a_damaged_file_of_links_is_said_and_opens_nothing(store: Store, done: str) -> None:
    token = create(store, done, LOCAL_OWNER)
    (store.folder(done) / review.REVIEWS).write_text(json.dumps([{"comparison": done}]))
    with pytest.raises(StoreError, match="cannot be read"):
        listing(store.folder(done))
    assert resolve(store, token) is None
