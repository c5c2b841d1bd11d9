"""Links: unguessable, pinned to one report, closed on request, and without texts unless the owner says so."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from comparison import share
from comparison.plan import Plan
from comparison.reindex import reindex
from comparison.rescore import rescore
from comparison.store import LOCAL_OWNER, Store
from core.errors import StoreError

Complete = Callable[..., tuple[str, list[Any]]]


@pytest.fixture
def done(complete: Complete, plan: Plan) -> str:
    return complete(plan)[0]


def test_tokens_are_long_random_and_never_the_same(monkeypatch: pytest.MonkeyPatch, store: Store, done: str) -> None:
    """F17: 10,000 made; at least 128 bits from `secrets`, no two alike, no common beginning."""
    made: list[int] = []
    real = share.secrets.token_urlsafe
    monkeypatch.setattr(share.secrets, "token_urlsafe", lambda count: made.append(count) or real(count))
    tokens = {share.create(store, done, LOCAL_OWNER)} | {real(share.TOKEN_BYTES) for _ in range(9_999)}
    assert made == [share.TOKEN_BYTES]
    assert share.TOKEN_BYTES * 8 >= 128
    assert len(tokens) == 10_000
    assert len({token[:6] for token in tokens}) > 9_990


def test_a_token_pins_the_report_of_its_day(store: Store, done: str) -> None:
    token = share.create(store, done, LOCAL_OWNER)
    before = store.result(done).report()
    list(rescore(store, done, ["rouge1"]))
    found = share.resolve(store, token)
    assert found is not None
    assert (found.comparison, found.report, found.with_rows) == (done, "report.json", False)
    assert list(share.shared_report(store, found)["metrics"]) == list(before["metrics"])


@pytest.mark.parametrize("wrong", ["", "x", "../../report.json", "é" * 40, "a" * 32])
def test_a_wrong_token_opens_nothing(store: Store, done: str, wrong: str) -> None:
    """F17."""
    share.create(store, done, LOCAL_OWNER)
    assert share.resolve(store, wrong) is None


def test_the_token_itself_is_nowhere_in_the_store(store: Store, done: str) -> None:
    """F17: a stolen store opens no link."""
    token = share.create(store, done, LOCAL_OWNER).encode()
    assert all(token not in path.read_bytes() for path in store.root.rglob("*") if path.is_file())


def test_revoked_and_expired_links_are_closed(store: Store, done: str) -> None:
    """F17: the owner can revoke and set an expiry."""
    token, late = share.create(store, done, LOCAL_OWNER), share.create(store, done, LOCAL_OWNER, expires=time.time() - 1)
    assert share.resolve(store, token) is not None
    assert share.resolve(store, late) is None
    assert share.revoke(store, done, LOCAL_OWNER) == 2
    assert share.resolve(store, token) is None


def test_a_revoked_link_stays_closed_whatever_was_lost(store: Store, done: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """F17: killed between folder and database, or the database lost and rebuilt; a new link opens no old one."""
    token = share.create(store, done, LOCAL_OWNER)
    with monkeypatch.context() as patched:
        patched.setattr(store.database, "write", killed)
        with pytest.raises(KeyboardInterrupt):
            share.revoke(store, done, LOCAL_OWNER)
    fresh = share.create(store, done, LOCAL_OWNER)
    reindex(store)
    assert share.resolve(store, token) is None
    for path in store.root.glob("bakeoff.db*"):
        path.unlink()
    rebuilt = Store(store.root, store.models)
    reindex(rebuilt)
    assert share.resolve(rebuilt, token) is None
    assert share.resolve(rebuilt, fresh) is not None


def test_one_link_can_be_closed_while_others_stay_open(store: Store, done: str) -> None:
    """F17: the owner sees when each was made and until when it opens, and closes the one that is meant."""
    hour = time.time() + 3600
    first, second = share.create(store, done, LOCAL_OWNER), share.create(store, done, LOCAL_OWNER, with_rows=True, expires=hour)
    share.create(store, done, LOCAL_OWNER, expires=time.time() - 1)
    listed = share.links(store, done, LOCAL_OWNER)
    assert [(link.state, link.with_rows, link.report) for link in listed] == [
        ("expired", False, "report.json"), ("open", True, "report.json"), ("open", False, "report.json"),
    ]  # fmt: skip
    assert listed[1].expires == hour and listed[2].expires is None
    assert share.revoke(store, done, LOCAL_OWNER, listed[1].id) == 1
    assert share.resolve(store, second) is None and share.resolve(store, first) is not None
    reindex(store)
    assert [link.state for link in share.links(store, done, LOCAL_OWNER)] == ["expired", "closed", "open"]
    with pytest.raises(StoreError, match="no such link"):
        share.revoke(store, done, LOCAL_OWNER, "0" * 16)
    with pytest.raises(StoreError, match="There is no comparison"):
        share.links(store, done, "somebody else")


def killed() -> Any:
    raise KeyboardInterrupt


def test_only_the_owner_shares_and_revokes_and_others_learn_nothing(store: Store, done: str) -> None:
    """F19, below the page: another owner's comparison is answered like one that does not exist."""
    with pytest.raises(StoreError) as other:
        share.create(store, done, "somebody else")
    with pytest.raises(StoreError) as absent:
        share.revoke(store, "20200101-000000-0000-00000000", "somebody else")
    assert other.value.message.replace(done, "ID") == absent.value.message.replace("20200101-000000-0000-00000000", "ID")


def test_scores_only_holds_no_text_of_the_task(store: Store, done: str) -> None:
    """F18: no prompt, output, document text or file name."""
    path = store.folder(done) / "report.json"
    report = json.loads(path.read_text())
    report["methods"][0] |= {"reason": "handbook is gone", "failures": {"some-example": "Answer in a few words"}}
    path.write_text(json.dumps(report))
    token = share.create(store, done, LOCAL_OWNER)
    found = share.resolve(store, token)
    assert found is not None
    text = json.dumps(share.shared_report(store, found))
    assert "some-example" not in text
    result = store.result(done)
    for example in result.splits().test:
        for private in (example.id, example.input, example.reference, result.answers("few_shot").answers[example.id].text):
            assert private not in text
    for private in ("questions.jsonl", "handbook", "Answer in a few words"):
        assert private not in text
    assert "token_f1" in text


def test_with_rows_gives_the_whole_report(store: Store, done: str) -> None:
    """F18: the owner chooses."""
    found = share.resolve(store, share.create(store, done, LOCAL_OWNER, with_rows=True))
    assert found is not None
    assert share.shared_report(store, found) == store.result(done).report()
