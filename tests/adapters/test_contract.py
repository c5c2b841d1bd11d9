"""What every registered method must do, whatever it is."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import get_type_hints

import pytest

import adapters  # noqa: F401  (registers the methods)
from adapters.base import Bound, Direct, Setting, methods
from core.errors import PlanError
from core.records import Example, prompt_from_json, to_json
from core.specs import read_spec

EVERY = pytest.mark.parametrize("kind", methods.names())
PROMPTED = pytest.mark.parametrize(
    "kind", [kind for kind in methods.names() if get_type_hints(methods.get(kind).bind)["return"] is not Direct]
)
"""Those that answer directly have a contract of their own: test_direct.py."""
Make = Callable[..., Bound]


def test_the_methods_of_the_first_version_are_there() -> None:
    assert {"zero_shot", "few_shot", "rag"} <= set(methods.names())


@EVERY
def test_every_setting_is_described_with_what_it_is(kind: str) -> None:
    properties = methods.get(kind).Spec.model_json_schema()["properties"]
    assert {"kind", "name"} <= set(properties)
    assert [name for name, schema in properties.items() if len(schema.get("description", "")) < 15] == []


@EVERY
def test_a_spec_survives_json(kind: str) -> None:
    spec = read_spec(methods.get(kind).Spec, {"kind": kind, "name": "mine"})
    assert read_spec(methods.get(kind).Spec, json.loads(spec.model_dump_json())) == spec


@EVERY
def test_an_unknown_key_is_refused_with_the_nearest_one_named(kind: str) -> None:
    with pytest.raises(PlanError, match=r"methods\.0\.nam is not a setting that exists\. Did you mean 'name'\?"):
        read_spec(methods.get(kind).Spec, {"kind": kind, "nam": "x"}, "methods.0")


@EVERY
def test_another_methods_kind_is_refused(kind: str) -> None:
    with pytest.raises(PlanError, match="kind must be"):
        read_spec(methods.get(kind).Spec, {"kind": "something_else"})


@EVERY
def test_recipes_load_no_model_and_have_stable_fingerprints(kind: str, setting: Setting) -> None:
    def never() -> None:
        raise AssertionError("a model was loaded")

    unloaded = dataclasses.replace(setting, codec=never, embedder=never)
    method = methods.get(kind)(read_spec(methods.get(kind).Spec, {"kind": kind}))
    assert [r.fingerprint for r in method.recipes(unloaded)] == [r.fingerprint for r in method.recipes(setting)]
    for recipe in method.recipes(unloaded):
        json.dumps(recipe.inputs, allow_nan=False)


@PROMPTED
def test_prompts_end_with_the_users_turn_that_holds_the_input(kind: str, setting: Setting, bound: Make, questions: list[Example]) -> None:
    for example, prompt in zip(questions, bound(kind, setting).prompts(questions), strict=True):
        assert prompt.messages[-1].role == "user"
        assert prompt.messages[-1].content.removesuffix("\nAnswer:").endswith(example.input)


@PROMPTED
def test_prompts_hold_each_examples_own_instruction_where_none_is_shared(
    kind: str, make_setting: Callable[..., Setting], bound: Make, questions: list[Example]
) -> None:
    own = [dataclasses.replace(example, instruction=f"Do thing {i}.") for i, example in enumerate(questions)]
    for example, prompt in zip(own, bound(kind, make_setting(instruction="")).prompts(own), strict=True):
        assert prompt.messages[0].role != "system"
        assert prompt.messages[-1].content.removesuffix("\nAnswer:").endswith(f"{example.instruction}\n\n{example.input}")


@PROMPTED
def test_prompts_are_the_same_whatever_is_asked_beside_them_and_in_any_order(
    kind: str, setting: Setting, bound: Make, questions: list[Example]
) -> None:
    method = bound(kind, setting)
    together = method.prompts(questions)
    assert method.prompts(questions[::-1]) == together[::-1]
    assert [method.prompts([example])[0] for example in questions] == together
    assert bound(kind, setting).prompts(questions) == together
    assert method.prompts([]) == []


@PROMPTED
def test_prompts_do_not_look_at_the_reference_of_what_they_ask(kind: str, setting: Setting, bound: Make, questions: list[Example]) -> None:
    method = bound(kind, setting)
    blind = [dataclasses.replace(example, reference="") for example in questions]
    assert method.prompts(blind) == method.prompts(questions)


@PROMPTED
def test_prompts_survive_json(kind: str, setting: Setting, bound: Make, questions: list[Example]) -> None:
    prompts = bound(kind, setting).prompts(questions)
    assert [prompt_from_json(json.loads(json.dumps(to_json(prompt)))) for prompt in prompts] == prompts and len(prompts) == len(questions)


@PROMPTED
def test_the_base_model_answers_unless_there_are_weights(kind: str, setting: Setting, bound: Make) -> None:
    trained = [
        r.fingerprint for r in methods.get(kind)(read_spec(methods.get(kind).Spec, {"kind": kind})).recipes(setting) if r.kind == "weights"
    ]
    adapter: Path | None = bound(kind, setting).adapter
    assert ([adapter.name] if adapter else []) == trained


@pytest.mark.parametrize("kind", [name for name in methods.names() if "with_retrieval" in methods.get(name).Spec.model_fields])
def test_a_method_with_retrieval_asks_with_passages(kind: str, setting: Setting, bound: Make, questions: list[Example]) -> None:
    prompts = bound(kind, setting, with_retrieval=True).prompts(questions)
    assert all(prompt.passages and prompt.messages[-1].content.startswith("Use the text to answer") for prompt in prompts)
    assert prompts == bound("rag", setting).prompts(questions)
