"""The nearest training answer: which one it is, ties, and what it says of how near it was."""

from __future__ import annotations

from pathlib import Path

import pytest
import rooms

from core.errors import StoreError
from core.records import Example


def test_the_answer_is_that_of_the_question_that_shares_most_words(tmp_path: Path) -> None:
    train = [Example("a", "", "where is the ferry", "at the pier"), Example("b", "", "where is the bakery", "in Mill Lane")]
    made = rooms.setting(train=train, labels=(), instruction="")
    found = rooms.said("nearest", tmp_path, [Example("q", "", "where is the bakery please", "")], made)[0]
    assert found.text == "in Mill Lane"
    assert (found.grounds.nearest, found.grounds.question) == ("b", "where is the bakery")
    assert found.grounds.similarity == pytest.approx(4 / 20**0.5, abs=1e-4), "four of five words: the cosine of both bags"
    assert dict(found.grounds.probabilities) == {}, "how near a question is says nothing of how likely a label is"


def test_of_equally_near_questions_the_lowest_id_wins_whatever_the_order_of_the_file(tmp_path: Path) -> None:
    train = [Example(name, "", "the same words", f"answer {name}") for name in ("c", "a", "b")]
    for order in (train, train[::-1]):
        found = rooms.said("nearest", tmp_path, [Example("q", "", "the same words", "")], rooms.setting(train=order))[0]
        assert (found.text, found.grounds.similarity) == ("answer a", 1.0)


def test_it_works_for_free_text_and_with_one_row(tmp_path: Path) -> None:
    train = [Example("only", "", "what floats", "a long answer in free words")]
    found = rooms.said("nearest", tmp_path, [Example("q", "", "something else entirely", "")], rooms.setting(train=train, labels=()))
    assert found[0].text == "a long answer in free words"


def test_damaged_vectors_are_named_with_the_remedy(tmp_path: Path) -> None:
    ready = rooms.bound("nearest", rooms.setting(), tmp_path)
    next(tmp_path.rglob("vectors.npy")).write_bytes(b"not numpy")
    with pytest.raises(StoreError, match=r"cannot be read\. Delete that folder"):
        ready.answer(rooms.TEST)
