from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.prompts import plain, user_turn, with_fitting_demonstrations, with_fitting_passages, word
from core.errors import MethodError
from core.records import Example, Message, Passage, Retrieved
from models.fake import ASSISTANT, FakeCodec

CODEC = FakeCodec()
ASK = Example("q", "Name the bird.", "It is on the long crate.", "heron")
DEMO = Example("d", "Name the bird.", "It hoots.", "owl")


def found(*texts: str) -> list[Retrieved]:
    return [Retrieved(Passage(f"d#{i}", "d", text, 0, len(text)), 1 - i / 10, i) for i, text in enumerate(texts)]


def tokens(messages: tuple[Message, ...]) -> int:
    return len(CODEC.prompt_ids(messages))


def test_a_shared_instruction_is_the_system_turn() -> None:
    assert word(ASK, "Name the bird.") == (Message("system", "Name the bird."), Message("user", "It is on the long crate."))


def test_an_instruction_of_its_own_begins_the_users_turn() -> None:
    assert word(ASK, "") == (Message("user", "Name the bird.\n\nIt is on the long crate."),)


def test_an_example_without_input_asks_its_instruction() -> None:
    bare = Example("q", "Say hello.", "", "hello")
    assert word(bare, "") == (Message("user", "Say hello."),)
    assert word(bare, "Say hello.")[-1] == Message("user", "Say hello.")


def test_options_stand_after_the_input() -> None:
    assert user_turn(Example("q", "", "Which?", "b", choices=("a", "b")), "") == "Which?\n\nOptions:\n- a\n- b"


def test_demonstrations_are_earlier_turns() -> None:
    assert word(ASK, "Name the bird.", [DEMO])[1:3] == (Message("user", "It hoots."), Message("assistant", "owl"))


def test_passages_stand_before_the_question_in_their_order() -> None:
    last = word(ASK, "Name the bird.", passages=found("Herons fish.", "Owls hoot."))[-1]
    assert last == Message(
        "user", "Use the text to answer the question.\n\nText:\nHerons fish.\n\nOwls hoot.\n\nQuestion: It is on the long crate.\nAnswer:"
    )


@given(lengths=st.lists(st.integers(1, 80), min_size=1, max_size=6), budget=st.integers(60, 400))
def test_passages_are_dropped_from_the_least_relevant_and_the_question_and_answer_slot_stay(lengths: list[int], budget: int) -> None:
    """E7: lowest rank first, question and generation prefix always present, the number dropped kept."""
    ranked = found(*["w" * n for n in lengths])
    prompt = with_fitting_passages(ASK, "Name the bird.", ranked, CODEC, budget)
    assert list(prompt.passages) == ranked[: len(prompt.passages)]
    assert prompt.dropped_passages == len(ranked) - len(prompt.passages)
    assert prompt.messages == word(ASK, "Name the bird.", passages=prompt.passages)
    assert prompt.messages[-1].content.removesuffix("\nAnswer:").endswith(ASK.input)
    assert CODEC.prompt_ids(prompt.messages)[-1] == ASSISTANT
    assert tokens(prompt.messages) <= budget
    if prompt.dropped_passages:
        assert tokens(word(ASK, "Name the bird.", passages=ranked[: len(prompt.passages) + 1])) > budget


def test_where_no_passage_was_found_the_prompt_says_so_if_that_fits() -> None:
    prompt = with_fitting_passages(ASK, "Name the bird.", [], CODEC, 400)
    said = "Use the text to answer the question.\n\nText:\nNo passage was found.\n\nQuestion: It is on the long crate.\nAnswer:"
    assert prompt.messages[-1] == Message("user", said)
    assert (prompt.passages, prompt.dropped_passages, prompt.shortened) == ((), 0, False)
    assert with_fitting_passages(ASK, "Name the bird.", [], CODEC, 60) == plain(ASK, "Name the bird.", CODEC, 60)


def test_demonstrations_are_dropped_from_the_front() -> None:
    """E7"""
    demos = [Example(f"d{i}", "", f"demonstration {i}", "yes") for i in range(3)]
    two = tokens(word(ASK, "Name the bird.", demos[1:]))
    assert with_fitting_demonstrations(ASK, "Name the bird.", demos, CODEC, two).demo_ids == ("d1", "d2")
    budgets = {1: two, 2: two - 1, 3: tokens(word(ASK, "Name the bird."))}
    for dropped, budget in budgets.items():
        assert with_fitting_demonstrations(ASK, "Name the bird.", demos, CODEC, budget).dropped_demonstrations == dropped
    assert with_fitting_demonstrations(ASK, "Name the bird.", demos, CODEC, two - 1).demo_ids == ("d2",)


@pytest.mark.parametrize("how", ["plain", "demonstrations", "passages"])
def test_a_question_that_does_not_fit_is_an_error_that_names_it_and_not_a_cut(how: str) -> None:
    """E7; what the error says is enough to mend it."""
    need = tokens(word(ASK, "Name the bird."))

    def ask(budget: int) -> tuple[Message, ...]:
        match how:
            case "plain":
                return plain(ASK, "Name the bird.", CODEC, budget).messages
            case "demonstrations":
                return with_fitting_demonstrations(ASK, "Name the bird.", [DEMO], CODEC, budget).messages
            case _:
                return with_fitting_passages(ASK, "Name the bird.", found("Owls hoot."), CODEC, budget).messages

    wanted = rf"example q \(“It is on the long crate\.”\) must have at most {need - 1} tokens; got {need}\. Shorten"
    with pytest.raises(MethodError, match=wanted):
        ask(need - 1)
    assert ask(need) == word(ASK, "Name the bird.")


def test_a_cap_drops_passages_and_leaves_a_longer_bare_question_alone() -> None:
    need = tokens(word(ASK, "Name the bird."))
    ranked = found("Owls hoot.")
    assert with_fitting_passages(ASK, "Name the bird.", ranked, CODEC, 1000, cap=need + 100).passages == tuple(ranked)
    capped = with_fitting_passages(ASK, "Name the bird.", ranked, CODEC, 1000, cap=need - 5)
    assert (capped.passages, capped.dropped_passages) == ((), 1)
    assert capped.messages == word(ASK, "Name the bird.")
