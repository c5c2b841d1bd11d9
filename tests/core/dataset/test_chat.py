"""Chats become one question and its answer."""

from typing import Any

import pytest

from core.dataset.chat import fold_chat
from core.dataset.faults import RowFault


def turns(*said: str) -> list[dict[str, str]]:
    roles = {"s": "system", "u": "user", "a": "assistant"}
    return [{"role": roles[text[0]], "content": text} for text in said]


@pytest.mark.parametrize(
    ("said", "folded"),
    [
        (("u1", "a1"), ("", "u1", "a1")),
        (("s1", "u1", "a1"), ("s1", "u1", "a1")),
        (("s1", "s2", "u1", "a1"), ("s1\ns2", "u1", "a1")),
        (("u1", "a1", "u2", "a2"), ("", "User: u1\nAssistant: a1\nUser: u2", "a2")),
        (("u1", "u2", "a1"), ("", "User: u1\nUser: u2", "a1")),
        (("u1", "a1", "a2"), ("", "User: u1\nAssistant: a1", "a2")),
        (("u1", "a1", "u2"), ("", "u1", "a1")),
    ],
)
def test_the_last_answer_is_the_reference_and_earlier_turns_stand_in_the_input(said: tuple[str, ...], folded: tuple[str, str, str]) -> None:
    assert tuple(fold_chat(turns(*said))) == folded


@pytest.mark.parametrize(
    ("messages", "word"),
    [
        (turns("u1"), "no assistant turn"),
        (turns("s1", "a1"), "no user turn before"),
        (turns("a1", "u1"), "no user turn before"),
        ([], "no assistant turn"),
        (None, "got a NoneType"),
        ("hello", "got a str"),
        ([{"role": "user"}], "turn 1 must be an object with role and content"),
        (["hi"], "turn 1 must be an object"),
        ([{"role": "tool", "content": "x"}], "role of turn 1 must be one of system, user, assistant; got 'tool'"),
        ([{"role": "user", "content": [{"text": "x"}]}], "content of turn 1 must be text; got a list"),
    ],
)
def test_a_chat_that_cannot_be_folded_says_why(messages: Any, word: str) -> None:
    with pytest.raises(RowFault) as caught:
        fold_chat(messages)
    assert word in str(caught.value)
