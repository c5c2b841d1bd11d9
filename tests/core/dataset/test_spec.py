"""The `data` section is read strictly and worded plainly."""

from typing import Any

import pytest

from core.dataset import DataSpec
from core.errors import PlanError
from core.specs import read_spec


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({}, "data must name exactly one of path, files and hub, but names none"),
        ({"path": "a.csv", "hub": {"id": "a/b"}}, "but names path and hub"),
        ({"pth": "a.csv"}, "data.pth is not a setting that exists. Did you mean 'path'?"),
        ({"path": "a.csv", "split": {"tset": 0.5}}, "Did you mean 'test'?"),
        ({"path": "a.csv", "split": {"test": 0.5}}, "must add up to 1, but they add up to 1.25"),
        ({"path": "a.csv", "split": {"seed": "seven"}}, "data.split.seed must be a valid integer"),
        ({"path": 3}, "data.path must be a valid string; got 3."),
        ({"path": "a.csv", "labels": [True, "no"]}, "yes/no in quotes"),
        ({"path": "a.csv", "labels": ["a", "a"]}, "at least two different labels"),
        ({"path": "a.csv", "limit": {"test": 0}}, "data.limit.test must be greater than or equal to 1; got 0."),
        ({"path": "a.csv", "columns": {"inptu": "a"}}, "Did you mean 'input'?"),
        ({"files": {"train": "a.csv"}}, "data.files.test is missing."),
    ],
)
def test_a_wrong_section_is_refused_with_the_reason(data: dict[str, Any], message: str) -> None:
    with pytest.raises(PlanError) as caught:
        read_spec(DataSpec, data, "data")
    assert message in str(caught.value)


@pytest.mark.parametrize("hub_id", ["org/name", "squad", "a.b-c_d/E.9"])
def test_ids_of_the_hub_are_taken(hub_id: str) -> None:
    hub = read_spec(DataSpec, {"hub": {"id": hub_id}}).hub
    assert hub is not None and hub.id == hub_id


@pytest.mark.parametrize("hub_id", ["a/b/c", "/etc/passwd", "../..", "..", "a/..", "a b/c", "a/b\n", "a;b", "", "a/" + "x" * 97, "ä/b"])
def test_what_is_no_id_of_the_hub_is_refused(hub_id: str) -> None:
    with pytest.raises(PlanError, match=r"hub\.id"):
        read_spec(DataSpec, {"hub": {"id": hub_id}})
