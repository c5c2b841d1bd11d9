"""Votes on disk: whole or absent, the last one counts, and nobody fills the disk."""

from __future__ import annotations

import json
import multiprocessing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from comparison import votes
from comparison.votes import Vote, cast, clean_name, decisions, marks, rater_key, read_votes
from core.errors import StoreError

VOTE = Vote("r1", "rater", "Ann", "item-1", "zero_shot", "rag", "a", True, False, 100.0)


def test_a_vote_survives_a_torn_line_behind_it(tmp_path: Path) -> None:
    """F5 in spirit: a kill in the middle of a write tears the tail alone, and the next vote is whole again."""
    cast(tmp_path, VOTE)
    with (tmp_path / votes.VOTES).open("ab") as file:
        file.write(b'{"review": "r1", "rater": "oth')
    assert read_votes(tmp_path) == (VOTE,)
    later = replace(VOTE, example="item-2", at=200.0)
    cast(tmp_path, later)
    assert read_votes(tmp_path) == (VOTE, later)


def test_a_second_vote_on_the_same_answers_replaces_the_first_whichever_side_they_stood_on(tmp_path: Path) -> None:
    cast(tmp_path, VOTE)
    cast(tmp_path, replace(VOTE, better="tie", at=101.0))
    turned = replace(VOTE, a="rag", b="zero_shot", better="a", at=102.0)
    cast(tmp_path, turned)
    assert read_votes(tmp_path) == (turned,)
    assert len((tmp_path / votes.VOTES).read_text().splitlines()) == 3, "append-only: what was said before stays on disk"


def test_the_same_vote_again_writes_nothing(tmp_path: Path) -> None:
    for at in (1.0, 2.0, 3.0):
        cast(tmp_path, replace(VOTE, at=at))
    assert len((tmp_path / votes.VOTES).read_text().splitlines()) == 1


def _votes_of(folder: Path, rater: str) -> None:
    for n in range(25):
        cast(folder, replace(VOTE, rater=rater, example=f"item-{n}"))


def test_raters_who_vote_at_the_same_time_lose_nothing(tmp_path: Path) -> None:
    """F7 for votes: four processes at once, every line whole."""
    context = multiprocessing.get_context("fork")
    running = [context.Process(target=_votes_of, args=(tmp_path, f"rater-{n}")) for n in range(4)]
    for process in running:
        process.start()
    for process in running:
        process.join(60)
        assert process.exitcode == 0
    assert len(read_votes(tmp_path)) == 100


def test_one_rater_cannot_vote_faster_than_a_person(tmp_path: Path) -> None:
    """F32 in spirit: more than 60 votes a minute of one rater are refused, and later ones are not."""
    for n in range(votes.PER_MINUTE_EACH):
        cast(tmp_path, replace(VOTE, example=f"item-{n}"))
    with pytest.raises(StoreError, match="60 votes a minute"):
        cast(tmp_path, replace(VOTE, example="one-more"))
    cast(tmp_path, replace(VOTE, example="one-more", at=VOTE.at + 61))
    cast(tmp_path, replace(VOTE, example="another's", rater="other"))


def test_one_link_cannot_fill_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines, raters and speed of one link are limited; another link of the same comparison still works."""
    monkeypatch.setattr(votes, "MOST_RATERS", 3)
    monkeypatch.setattr(votes, "MOST_ROWS", 5)
    for n in range(3):
        cast(tmp_path, replace(VOTE, rater=f"rater-{n}"))
    with pytest.raises(StoreError, match="At most 3 people"):
        cast(tmp_path, replace(VOTE, rater="one too many"))
    for choice in ("b", "tie"):
        cast(tmp_path, replace(VOTE, rater="rater-0", better=choice))
    with pytest.raises(StoreError, match="at most 5 votes"):
        cast(tmp_path, replace(VOTE, rater="rater-0", example="item-9"))
    cast(tmp_path, replace(VOTE, review="r2", rater="one too many"))
    monkeypatch.setattr(votes, "PER_MINUTE", 1)
    with pytest.raises(StoreError, match="a minute"):
        cast(tmp_path, replace(VOTE, review="r2", rater="rater-1"))


def test_a_browsers_id_is_not_kept_and_a_name_is_one_short_line() -> None:
    assert rater_key("secret") == rater_key("secret") != rater_key("other")
    assert "secret" not in rater_key("secret") and len(rater_key("x")) == 16
    assert clean_name("  Ann\n\tB.\x00 ") == "Ann B."
    assert len(clean_name("x" * 1000)) == votes.MOST_NAME


def test_unknown_fields_of_newer_code_are_left_out(tmp_path: Path) -> None:
    (tmp_path / votes.VOTES).write_text(json.dumps({**vars(VOTE), "mood": "fine"}) + "\n")
    assert read_votes(tmp_path) == (VOTE,)


def made(rater: str, better: Any, good_a: bool | None = None, good_b: bool | None = None, **changes: Any) -> Vote:
    return replace(VOTE, rater=rater, better=better, good_a=good_a, good_b=good_b, **changes)


def test_marks_are_shares_of_the_raters_who_said_something() -> None:
    """By hand: zero-shot is found good by 1 of 2 and wins 1 + 0.5 of 2; RAG by 0 of 1 and 0.5 of 2. A skipped step says nothing."""
    found = marks([made("x", "a", True, False), made("y", "tie", False, None), made("z", None)])
    assert [tuple(mark) for mark in found] == [("rag", "item-1", 0.0, 0.25, 2), ("zero_shot", "item-1", 0.5, 0.75, 2)]


def test_most_raters_decide_and_a_draw_is_a_tie() -> None:
    two_to_one = [made("x", "a"), made("y", "a"), made("z", "b")]
    assert decisions(two_to_one) == ([("item-1", "zero_shot", "rag")], 0)
    assert decisions([made("x", "a"), made("y", "b")]) == ([], 1)
    assert decisions([made("x", "a"), made("y", "tie"), made("z", "tie")]) == ([], 1)
    turned = made("x", "b", a="rag", b="zero_shot")
    assert decisions([turned]) == ([("item-1", "zero_shot", "rag")], 0), "sides do not matter"
    assert decisions([made("x", None, True, True)]) == ([], 0)
