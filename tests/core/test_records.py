"""Records go to JSON and back without loss."""

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.records import (
    Answer,
    Example,
    Message,
    Passage,
    Prompt,
    Retrieved,
    answer_from_json,
    example_from_json,
    prompt_from_json,
    to_json,
)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
names = st.lists(texts, max_size=3).map(tuple)
examples = st.builds(Example, texts, texts, texts, texts, names, texts, st.dictionaries(texts, texts, max_size=3))
places = st.integers(0, 99)
passages = st.builds(Retrieved, st.builds(Passage, texts, texts, texts, places, places), st.floats(-1, 1), places)
messages = st.lists(st.builds(Message, st.sampled_from(["system", "user", "assistant"]), texts), max_size=3).map(tuple)
prompts = st.builds(Prompt, messages, names, st.lists(passages, max_size=2).map(tuple), st.integers(0, 5))
answers = st.builds(
    Answer, texts, texts, st.lists(st.integers(0, 10**6), max_size=5).map(tuple), st.sampled_from(["stop", "length", "direct"]), prompts,
    st.integers(0, 9999),
)  # fmt: skip


@given(examples)
def test_an_example_survives_json(example: Example) -> None:
    assert example_from_json(json.loads(json.dumps(to_json(example)))) == example


@given(prompts)
def test_a_prompt_survives_json(prompt: Prompt) -> None:
    assert prompt_from_json(json.loads(json.dumps(to_json(prompt)))) == prompt


@given(answers)
def test_an_answer_survives_json(answer: Answer) -> None:
    back = answer_from_json(json.loads(json.dumps(to_json(answer))))
    assert back == answer
    assert back.completion_tokens == len(answer.token_ids)


def test_the_question_is_the_instruction_only_where_there_is_no_input() -> None:
    assert Example("1", "Say hi.", "", "hi").question == "Say hi."
    assert Example("1", "Translate.", "Haus", "house").question == "Haus"


def test_records_cannot_be_changed() -> None:
    example = Example("1", "", "a", "b")
    with pytest.raises(dataclasses.FrozenInstanceError):
        example.input = "c"  # type: ignore[misc]
    assert example.input == "a"
