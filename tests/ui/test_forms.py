"""Specs as forms."""

from __future__ import annotations

from typing import Any

import pytest

from core.specs import read_spec
from models.base import GenerationConfig
from ui import forms
from ui.handlers.methods import Offer, offers


@pytest.mark.parametrize("offer", offers(), ids=lambda offer: offer.name)
def test_every_setting_has_a_label_and_its_help_from_the_spec(offer: Offer) -> None:
    for field in forms.fields(offer.spec):
        assert field.label[0].isupper() and "_" not in field.label
        assert len(field.help) > 15, f"{offer.kind}.{field.name} has no description"


@pytest.mark.parametrize("offer", offers(), ids=lambda offer: offer.name)
def test_an_untouched_form_says_nothing_and_its_spec_is_the_default(offer: Offer) -> None:
    untouched = {field.name: field.default for field in forms.fields(offer.spec)}
    assert forms.settings(offer.spec, untouched) == {}
    assert read_spec(offer.spec, {"kind": offer.kind, **offer.preset}).kind == offer.kind


def test_a_changed_field_is_written_down_with_its_type() -> None:
    assert forms.settings(GenerationConfig, {"max_new_tokens": 32.0, "temperature": 0.7, "seed": ""}) == {
        "max_new_tokens": 32,
        "temperature": 0.7,
    }


def test_number_fields_keep_small_values_and_step_in_their_magnitude() -> None:
    lora = {f.name: f for f in forms.fields(next(o.spec for o in offers() if o.kind == "lora"))}
    rate: Any = forms.component(lora["learning_rate"], "rate")
    assert rate.preprocess(0.00012345) == 0.00012345 and rate.postprocess(2e-5) == 2e-5
    assert forms.step(lora["learning_rate"]) == pytest.approx(0.0001) and forms.step(lora["rank"]) == 1
    assert forms.step(lora["dropout"]) == 0.1


def test_a_fraction_where_a_whole_number_belongs_is_left_for_the_spec_to_refuse() -> None:
    assert forms.settings(GenerationConfig, {"max_new_tokens": 2.5}) == {"max_new_tokens": 2.5}


def test_choices_ranges_and_optional_fields_are_read_from_the_schema() -> None:
    few = {f.name: f for f in forms.fields(next(o.spec for o in offers() if o.kind == "few_shot"))}
    assert few["selection"].choices == ("random", "similar")
    assert (few["shots"].minimum, few["shots"].maximum) == (1, 32)
    lora = {f.name: f for f in forms.fields(next(o.spec for o in offers() if o.kind == "lora"))}
    assert lora["micro_batch_size"].nullable and lora["micro_batch_size"].type == "integer"
