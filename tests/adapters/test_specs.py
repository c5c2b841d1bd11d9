from __future__ import annotations

from typing import Any

import pytest

import adapters  # noqa: F401  (registers the methods)
from adapters.few_shot import FewShotSpec
from adapters.specs import read_method_specs
from core.errors import PlanError


def names(*entries: dict[str, Any]) -> list[str | None]:
    return [spec.name for spec in read_method_specs(entries)]


def test_each_entry_is_read_by_its_kind() -> None:
    assert read_method_specs([{"kind": "few_shot", "shots": 1}]) == [FewShotSpec(kind="few_shot", name="few_shot", shots=1)]


def test_names_default_to_the_kind_and_a_number() -> None:
    assert names({"kind": "rag"}, {"kind": "zero_shot"}, {"kind": "rag"}, {"kind": "rag"}) == ["rag", "zero_shot", "rag-2", "rag-3"]


def test_a_default_name_gives_way_to_one_that_was_chosen() -> None:
    assert names({"kind": "rag"}, {"kind": "few_shot", "name": "rag"}, {"kind": "rag"}) == ["rag-2", "rag", "rag-3"]


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([], r"methods must list at least one method; got none\. Known: zero_shot"),
        (["rag"], r"methods\.0 must be a mapping of settings; got 'rag'"),
        ([{"kind": "rag"}, {}], r"methods\.1\.kind is missing\. Known: zero_shot"),
        ([{"kind": ["rag"]}], r"methods\.0\.kind must be the name of a method; got \['rag'\]"),
        ([{"kind": "ragg"}], r"There is no method 'ragg'\. Did you mean 'rag'"),
        ([{"kind": "rag", "topk": 1}], r"methods\.0\.topk is not a setting that exists\. Did you mean 'top_k'"),
        ([{"kind": "rag", "top_k": 51}], r"methods\.0\.top_k must be less than or equal to 50; got 51"),
        ([{"kind": "rag", "name": "A b"}], r"methods\.0\.name"),
        ([{"kind": "rag", "name": "x"}, {"kind": "rag", "name": "x"}], r"methods\.1\.name must be unique; got 'x' a second time"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(entries: list[Any], message: str) -> None:
    with pytest.raises(PlanError, match=message):
        read_method_specs(entries)
