from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.base import Setting
from adapters.few_shot import FewShot, FewShotSpec, same_text_key
from core.errors import MethodError
from core.records import Example, Prompt

MakeSetting = Callable[..., Setting]
SAME_TO_A_READER = [str, str.upper, lambda s: f"  {s} ", lambda s: s.rstrip("?"), lambda s: s.replace(" ", "\n")]
SELECTIONS = pytest.mark.parametrize("selection", ["random", "similar"])


def ask(setting: Setting, examples: Sequence[Example], **settings: object) -> list[Prompt]:
    return FewShot(FewShotSpec(kind="few_shot", **settings)).bind(setting, []).prompts(examples)


def test_random_shows_the_same_demonstrations_to_all(setting: Setting, questions: list[Example]) -> None:
    shown = {prompt.demo_ids for prompt in ask(setting, questions, shots=3)}
    assert len(shown) == 1
    assert len(set(*shown)) == 3


def test_random_follows_the_seed_and_not_the_order_of_the_file(
    setting: Setting, make_setting: MakeSetting, train: list[Example], questions: list[Example]
) -> None:
    first = ask(setting, questions, shots=3)
    assert ask(make_setting(train=train[::-1]), questions, shots=3) == first
    assert len({ask(setting, questions[:1], shots=3, seed=seed)[0].demo_ids for seed in range(8)}) > 1


def test_similar_shows_the_nearest_last(setting: Setting, questions: list[Example]) -> None:
    shown = [prompt.demo_ids for prompt in ask(setting, questions, shots=3, selection="similar")]
    assert [demos[-1] for demos in shown] == [f"id{place}" for place in range(len(questions))]
    assert {len(demos) for demos in shown} == {3}


def test_similar_breaks_ties_by_id_whatever_the_order_of_the_file(make_setting: MakeSetting, questions: list[Example]) -> None:
    same = [Example(f"t{i}", "", f"Which bird {mark}", "x") for i, mark in enumerate("?!.;,")]
    one = ask(make_setting(train=same), questions[:1], shots=2, selection="similar")
    assert one == ask(make_setting(train=same[::-1]), questions[:1], shots=2, selection="similar")
    assert one[0].demo_ids == ("t1", "t0")


@SELECTIONS
@given(place=st.integers(0, 7), shots=st.integers(1, 8), change=st.sampled_from(SAME_TO_A_READER))
def test_a_demonstration_is_never_the_question_itself_nor_reads_like_it(
    setting: Setting, train: list[Example], selection: str, place: int, shots: int, change: Callable[[str], str]
) -> None:
    """E10: neither by id nor by normalised text, for training examples that are asked and for their variants."""
    itself = train[place]
    variant = dataclasses.replace(itself, id="other", input=change(itself.input))
    for example in (itself, variant):
        (prompt,) = ask(setting, [example], shots=shots, selection=selection)
        assert itself.id not in prompt.demo_ids
        assert len(prompt.demo_ids) == min(shots, 7)
        assert len(set(prompt.demo_ids)) == len(prompt.demo_ids)


def test_the_same_words_under_another_instruction_are_another_question() -> None:
    """E10 where instructions differ: translating a sentence and shortening it are two tasks."""
    assert same_text_key(Example("a", "Translate.", "Hello", "")) != same_text_key(Example("b", "Shorten.", "Hello", ""))
    assert same_text_key(Example("a", "Go.", "ＨＥＬＬＯ,  you", "")) == same_text_key(Example("b", "go", "hello you?", ""))
    assert same_text_key(Example("a", "", "🙂", "")) != same_text_key(Example("b", "", "🙁", ""))


@SELECTIONS
def test_demonstrations_that_do_not_fit_are_dropped_and_the_question_stays(
    make_setting: MakeSetting, questions: list[Example], selection: str
) -> None:
    """E7"""
    tight = make_setting(context=64 + 180)
    for example, prompt in zip(questions, ask(tight, questions, shots=8, selection=selection), strict=True):
        assert 0 < len(prompt.demo_ids) < 8
        assert prompt.messages[-1].content == example.input


def test_more_shots_than_examples_is_refused_and_the_advice_helps(make_setting: MakeSetting, train: list[Example]) -> None:
    setting = make_setting(train=train[:5])
    with pytest.raises(MethodError) as refused:
        FewShot(FewShotSpec(kind="few_shot", shots=6)).check(setting)
    assert str(refused.value) == "few_shot.shots must be at most the 5 training examples; got 6. Lower shots or add examples."
    FewShot(FewShotSpec(kind="few_shot", shots=5)).check(setting)


def test_no_training_examples_at_all_says_what_to_do(make_setting: MakeSetting) -> None:
    with pytest.raises(MethodError, match=r"the 0 training examples; got 4\. Add training examples, or leave few_shot out\."):
        FewShot(FewShotSpec(kind="few_shot")).check(make_setting(train=[]))
