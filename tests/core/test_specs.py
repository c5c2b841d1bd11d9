"""Specs are strict, frozen, and worded for people."""

from typing import Any

import pytest
from pydantic import Field, ValidationError, model_validator

from core.errors import PlanError
from core.specs import Spec, read_spec


class Inner(Spec):
    depth: int = Field(default=1, ge=1, le=9, description="How deep, in levels; usual 1 to 3.")


class Outer(Spec):
    title: str = Field(description="What it is called.")
    inner: Inner | None = Field(default=None, description="The inner settings.")
    both: bool = Field(default=False, description="Two things at once.")

    @model_validator(mode="after")
    def _not_both(self) -> "Outer":
        if self.both and self.inner:
            raise ValueError("must not have inner and both")
        return self


@pytest.mark.parametrize(
    ("data", "message", "remedy"),
    [
        ({"titel": "x"}, "plan.titel is not a setting that exists.", "Did you mean 'title'?"),
        ({"title": "x", "inner": {"dept": 2}}, "plan.inner.dept is not a setting that exists.", "Did you mean 'depth'?"),
        ({"title": 5}, "plan.title must be a valid string; got 5.", "What it is called."),
        ({"title": "x", "inner": {"depth": "two"}}, "plan.inner.depth must be a valid integer", "How deep, in levels"),
        ({"title": "x", "inner": {"depth": 10}}, "plan.inner.depth must be less than or equal to 9; got 10.", "How deep, in levels"),
        ({}, "plan.title is missing.", "What it is called."),
        ({"title": "x", "both": True, "inner": {}}, "plan must not have inner and both", ""),
        (["title"], "plan must be a mapping of settings; got ['title'].", "key: value"),
    ],
)
def test_what_is_wrong_is_said_with_place_value_and_remedy(data: Any, message: str, remedy: str) -> None:
    with pytest.raises(PlanError) as caught:
        read_spec(Outer, data, "plan")
    assert caught.value.message.startswith(message)
    assert remedy in caught.value.remedy


def test_following_the_advice_succeeds() -> None:
    with pytest.raises(PlanError, match="Did you mean 'title'"):
        read_spec(Outer, {"titel": "x"})
    assert read_spec(Outer, {"title": "x"}).title == "x"


def test_an_error_about_the_whole_names_the_spec_where_no_place_is_known() -> None:
    with pytest.raises(PlanError, match=r"^Outer must not have"):
        read_spec(Outer, {"title": "x", "both": True, "inner": {}})


def test_long_values_are_cut_in_messages() -> None:
    with pytest.raises(PlanError) as caught:
        read_spec(Inner, {"depth": "x" * 5000})
    assert len(str(caught.value)) < 300


def test_keys_that_are_no_texts_are_refused_plainly() -> None:
    with pytest.raises(PlanError):
        read_spec(Inner, {1: 2})


def test_a_spec_cannot_be_changed() -> None:
    spec = Inner()
    with pytest.raises(ValidationError):
        setattr(spec, "depth", 3)  # noqa: B010 - mypy would refuse the plain form
    assert spec.depth == 1
