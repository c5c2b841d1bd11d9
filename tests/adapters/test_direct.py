"""What every method that answers directly must do: no prompt, no look at the reference, the same answer whatever is asked beside it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import get_type_hints

import pytest
import rooms

import adapters  # noqa: F401  (registers the methods)
from adapters.base import Bound, Direct, methods
from core.errors import MethodError, PlanError
from core.records import Answer, Prompt, answer_from_json, to_json
from core.specs import read_spec

DIRECT = [kind for kind in methods.names() if get_type_hints(methods.get(kind).bind)["return"] is Direct]
WITHOUT_AN_ENCODER = pytest.mark.parametrize("kind", [kind for kind in DIRECT if kind != "tuned_encoder"])
"""The tuned encoder needs one with weights; see tests/training/test_encoder.py."""


def test_the_direct_methods_are_registered_and_only_those_that_learn_train() -> None:
    assert DIRECT == ["nearest", "classifier", "tuned_encoder"]
    assert [kind for kind in DIRECT if methods.get(kind).Spec.trains] == ["classifier", "tuned_encoder"]


@pytest.mark.parametrize("kind", DIRECT)
def test_recipes_are_fingerprints_of_all_that_goes_in_and_load_nothing(kind: str) -> None:
    """E22 for artefacts."""

    def never() -> None:
        raise AssertionError("a model was loaded")

    def key(**changes: object) -> str:
        made = rooms.setting(codec=never, embedder=never, **changes)
        return str(methods.get(kind)(read_spec(methods.get(kind).Spec, {"kind": kind})).recipes(made)[0].fingerprint)

    assert key() == key(train=rooms.TRAIN[::-1]), "the order of the file changes nothing"
    others = [key(train=rooms.TRAIN[1:]), key(embedder_id="other")]
    others += [] if kind == "nearest" else [key(validation=()), key(labels=rooms.LABELS[::-1]), key(instruction="")]
    assert len({key(), *others}) == 1 + len(others)


@WITHOUT_AN_ENCODER
def test_an_answer_does_not_depend_on_what_is_asked_beside_it(kind: str, tmp_path: Path) -> None:
    ready = rooms.bound(kind, rooms.setting(), tmp_path)
    together = ready.answer(rooms.TEST)
    assert ready.answer(rooms.TEST[::-1]) == together[::-1]
    assert [ready.answer([example])[0] for example in rooms.TEST] == together
    assert ready.answer([]) == []


@WITHOUT_AN_ENCODER
def test_the_reference_of_what_is_asked_is_not_looked_at(kind: str, tmp_path: Path) -> None:
    blind = [replace(example, reference="") for example in rooms.TEST]
    assert rooms.said(kind, tmp_path, blind) == rooms.said(kind, tmp_path)


@WITHOUT_AN_ENCODER
def test_what_words_give_away_is_answered_right_and_its_grounds_survive_json(kind: str, tmp_path: Path) -> None:
    for example, found in zip(rooms.TEST, rooms.said(kind, tmp_path), strict=True):
        assert found.text == example.reference
        answer = Answer(example.id, found.text, (), "direct", Prompt(()), 0, found.grounds)
        assert answer_from_json(json.loads(json.dumps(to_json(answer), allow_nan=False))) == answer


@WITHOUT_AN_ENCODER
def test_an_empty_question_is_refused_with_the_reason(kind: str, tmp_path: Path) -> None:
    ready = rooms.bound(kind, rooms.setting(), tmp_path)
    assert ready.refuse(replace(rooms.TEST[0], input=" ", instruction="")) == "the question is empty"
    assert ready.refuse(rooms.TEST[0]) == ""


@pytest.mark.parametrize("kind", DIRECT)
def test_without_training_rows_there_is_one_clear_message(kind: str) -> None:
    with pytest.raises(MethodError, match=f"{kind} needs .*training"):
        methods.get(kind)(read_spec(methods.get(kind).Spec, {"kind": kind})).check(rooms.setting(train=()))


@pytest.mark.parametrize("kind", DIRECT)
def test_weights_in_few_bits_are_refused_since_no_base_is_asked(kind: str) -> None:
    with pytest.raises(PlanError, match=r"weights must be 'auto'; got 'nf4'\. Always auto: no language model is asked"):
        read_spec(methods.get(kind).Spec, {"kind": kind, "weights": "nf4"})


def test_an_answer_of_a_prompt_states_no_grounds() -> None:
    """Files of before there were direct methods stay what they were, byte for byte."""
    assert "grounds" not in to_json(Answer("a", "x", (1,), "stop", Prompt(()), 3))


def test_a_method_with_prompts_is_none_that_answers_directly() -> None:
    made: Bound | Direct = methods.get("zero_shot")(read_spec(methods.get("zero_shot").Spec, {"kind": "zero_shot"})).bind(
        rooms.setting(), []
    )
    assert not isinstance(made, Direct)
