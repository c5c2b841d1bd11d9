"""Every fine-tune as a method: its settings are the kind's, its weights are nobody else's, and virtual tokens take up room."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from yaml import safe_dump, safe_load

import adapters  # noqa: F401  (registers the methods)
from adapters.base import Bound, Setting, methods
from adapters.specs import read_method_specs
from adapters.tuned import Tuned, TunedSpec
from comparison.naming import KIND_WORDS, method_label
from core.errors import MethodError
from core.records import Example
from models.fake import FakeCodec
from training.peft_configs import kinds

TUNED = [name for name in methods.names() if issubclass(methods.get(name), Tuned) and name in kinds]
EVERY = pytest.mark.parametrize("kind", TUNED)
VIRTUAL = pytest.mark.parametrize("kind", ["prompt_tuning", "prefix_tuning"])


def spec_of(kind: str, **settings: Any) -> Any:
    return read_method_specs([{"kind": kind, **settings}])[0]


def weights_key(kind: str, setting: Setting, **settings: Any) -> str:
    return str(methods.get(kind)(spec_of(kind, **settings)).recipes(setting)[-1].fingerprint)


def test_every_trainable_kind_is_a_method_and_has_a_name_for_people() -> None:
    assert {"lora", "rslora", "dora", "ia3", "prompt_tuning", "prefix_tuning"} <= set(TUNED)
    assert [kind for kind in TUNED if kind not in KIND_WORDS] == []
    assert method_label({"name": "prompt_tuning", "kind": "prompt_tuning"}) == "Prompt tuning"
    assert method_label({"name": "dora-2", "kind": "dora"}) == "DoRA 2"


@EVERY
def test_a_methods_defaults_are_those_of_its_kind(kind: str) -> None:
    """A spec inherits from two sides; the kind's own defaults, such as a larger learning rate, must come through."""
    Settings, spec = kinds.get(kind).Settings, spec_of(kind)
    defaults = {name: field.get_default(call_default_factory=True) for name, field in Settings.model_fields.items()}
    assert {name: getattr(spec, name) for name in defaults} == defaults
    assert spec.training() == Settings()


@EVERY
@pytest.mark.parametrize("retrieval", [{}, {"with_retrieval": True, "top_k": 2}])
def test_a_plans_entry_survives_json_and_yaml(kind: str, retrieval: dict[str, Any]) -> None:
    spec = spec_of(kind, epochs=2, learning_rate=0.004, name="mine", **retrieval)
    entry = json.loads(spec.model_dump_json())
    assert read_method_specs([entry]) == read_method_specs([safe_load(safe_dump(entry))]) == [spec]


def test_no_two_kinds_share_weights(setting: Setting) -> None:
    """E22 for artefacts: equal settings, equal rows, another kind: another key."""
    same = {"epochs": 2, "learning_rate": 0.01}
    for retrieval in ({}, {"with_retrieval": True}):
        keys = [weights_key(kind, setting, **same, **retrieval) for kind in TUNED]
        assert len(set(keys)) == len(TUNED)
        trained_with = [json.dumps(spec_of(kind, **same, **retrieval).trained_with(), sort_keys=True) for kind in TUNED]
        assert len(set(trained_with)) == len(TUNED)


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("rslora", {"rank": 8}),
        ("dora", {"alpha": 8}),
        ("ia3", {"learning_rate": 0.5}),
        ("prompt_tuning", {"virtual_tokens": 7}),
        ("prompt_tuning", {"start_from": "vocabulary"}),
        ("prefix_tuning", {"virtual_tokens": 7}),
    ],
)
def test_each_setting_of_a_kind_is_part_of_its_key(kind: str, changes: dict[str, Any], setting: Setting) -> None:
    assert weights_key(kind, setting, **changes) != weights_key(kind, setting)


@VIRTUAL
def test_virtual_tokens_are_taken_off_the_room_for_prompts(
    kind: str, make_setting: Callable[..., Setting], bound: Callable[..., Bound], questions: list[Example]
) -> None:
    """E7: with passages, so many fewer fit; the question is always there, and prompt, answer and virtual tokens are within the context."""
    whole = make_setting(context=380)
    codec, room = FakeCodec(), 380 - whole.generation.max_new_tokens
    few, many = (bound(kind, whole, with_retrieval=True, virtual_tokens=count).prompts(questions) for count in (1, 150))
    assert max(len(codec.prompt_ids(prompt.messages)) for prompt in many) <= room - 150
    assert sum(len(prompt.passages) for prompt in many) < sum(len(prompt.passages) for prompt in few)
    with pytest.raises(MethodError, match="must have at most 26 tokens"):
        bound(kind, whole, virtual_tokens=290).prompts([dataclasses.replace(questions[0], input="word " * 50)])


@VIRTUAL
def test_virtual_tokens_that_leave_no_room_are_refused_before_anything_runs(kind: str, make_setting: Callable[..., Setting]) -> None:
    tight = make_setting(context=100)
    method = methods.get(kind)(spec_of(kind, virtual_tokens=36))
    with pytest.raises(
        MethodError, match=r"room in the model's context of 100 tokens, of which 65 are needed otherwise; got 36\. Lower .* to 35"
    ):
        method.check(tight)
    methods.get(kind)(spec_of(kind, virtual_tokens=35)).check(tight)


@EVERY
def test_weights_are_answered_with_from_the_folder_that_was_built(kind: str, setting: Setting, bound: Callable[..., Bound]) -> None:
    assert isinstance(spec_of(kind), TunedSpec)
    adapter = bound(kind, setting).adapter
    assert isinstance(adapter, Path) and adapter.name == weights_key(kind, setting)
