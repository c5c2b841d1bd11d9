"""The same prompt in other formats: layout changes, what is said stays."""

from __future__ import annotations

import pytest

from adapters.formats import OTHER_FORMATS, in_one, labelled
from core.records import Message, Prompt

SHARED = Prompt((Message("system", "Name the colour."), Message("user", "The sky"), Message("assistant", "Blue"), Message("user", "Grass")))
OWN = Prompt((Message("user", "Name the colour of grass."),))


def test_labels_stand_around_each_user_turn_and_nowhere_else() -> None:
    said = [m.content for m in labelled(SHARED).messages]
    assert said == ["Name the colour.", "Input: The sky\n\nOutput:", "Blue", "Input: Grass\n\nOutput:"]


def test_in_one_the_instruction_moves_into_the_first_user_turn() -> None:
    told = in_one(SHARED).messages
    assert [m.role for m in told] == ["user", "assistant", "user"]
    assert told[0].content == "Name the colour.\n\nThe sky" and told[2].content == "Grass"
    assert in_one(OWN).messages[0].content == "Name the colour of grass.\n\nAnswer:"


@pytest.mark.parametrize("number", OTHER_FORMATS)
@pytest.mark.parametrize("prompt", [SHARED, OWN])
def test_each_format_differs_from_the_first_and_keeps_every_word(number: int, prompt: Prompt) -> None:
    other = OTHER_FORMATS[number](prompt)
    assert other.messages != prompt.messages
    whole = "\n".join(m.content for m in other.messages)
    assert all(m.content in whole for m in prompt.messages) and other.messages[-1].role == "user"
