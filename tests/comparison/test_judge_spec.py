"""What a plan may say of its judge: everything but a key."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from comparison.judge_spec import keep_section, kept_section, read_section
from comparison.plan import read_plan
from core.errors import PlanError

CANARY = "sk-canary-7f3a91c04be255d1"
ENDPOINT = {"url": "https://host/v1", "model": "m"}
LEAKS: list[dict[str, Any]] = [
    {"key": CANARY},
    {"endpoint": {**ENDPOINT, "key": CANARY}},
    {"endpoint": {**ENDPOINT, "api_key": CANARY}},
    {"endpoint": {**ENDPOINT, "headers": {"Authorization": CANARY}}},
    {"endpoint": {**ENDPOINT, "url": f"https://user:{CANARY}@host/v1"}},
    {"endpoint": {**ENDPOINT, "url": f"https://host/v1?api-key={CANARY}"}},
    {"endpoint": f"https://user:{CANARY}@host/v1"},
    {"model": f"https://{CANARY}@host/v1"},
]


@pytest.mark.parametrize("section", LEAKS, ids=json.dumps)
def test_a_key_in_a_plan_is_refused_and_not_repeated(mapping: dict[str, Any], tmp_path: Path, section: dict[str, Any]) -> None:
    """F16: in its own field, a header, the address's user or its query."""
    with pytest.raises(PlanError) as error:
        read_plan({**mapping, "judge": section}, tmp_path)
    assert CANARY not in str(error.value) and "judge" in error.value.message and error.value.remedy


def test_a_rubric_may_name_its_scale_or_leave_that_to_us() -> None:
    assert read_section({"rubric": "1 = rude, 5 = kind"}).rubric
    assert read_section({"rubric": "How kind is it? See https://host/rubric"}).rubric
    for rubric, scale in (("Score 0-5", 5), ("A mark from 1 to 7", 5), ("A mark from 1 to 10", 9)):
        with pytest.raises(PlanError, match=r"judge\.rubric speaks of marks") as error:
            read_section({"rubric": rubric, "scale": scale})
        assert error.value.remedy


def test_the_remedy_of_a_rubric_for_another_scale_works() -> None:
    with pytest.raises(PlanError, match=r"judge\.scale to 7"):
        read_section({"rubric": "A mark from 1 to 7"})
    assert read_section({"rubric": "A mark from 1 to 7", "scale": 7}).scale == 7


@pytest.mark.parametrize("rubric", ["   ", "x" * 4001])
def test_an_empty_or_endless_rubric_is_refused(rubric: str) -> None:
    with pytest.raises(PlanError, match=r"judge\.rubric"):
        read_section({"rubric": rubric})


def test_the_judge_is_part_of_what_makes_two_plans_alike(mapping: dict[str, Any], tmp_path: Path) -> None:
    sections: list[dict[str, Any]] = [
        {}, {"scale": 7}, {"rubric": "1 bad, 5 good"}, {"model": "org/judge"}, {"endpoint": ENDPOINT}, {"pairwise": True}
    ]  # fmt: skip
    assert len({read_plan({**mapping, "judge": section}, tmp_path).hash for section in sections}) == len(sections)


def test_a_judges_folder_becomes_a_path_and_travels_as_a_name(mapping: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "judge-weights").mkdir()
    (tmp_path / "same").mkdir()
    plan = read_plan({**mapping, "judge": {"model": "judge-weights"}}, tmp_path)
    assert plan.spec.judge is not None and plan.spec.judge.model == str(tmp_path / "judge-weights")
    assert plan.shown()["judge"]["model"] == "judge-weights"
    same = read_plan({**mapping, "judge": {"model": "same"}}, tmp_path)
    assert same.spec.judge is not None and same.spec.judge.model == "same"


def test_the_judge_may_be_named_as_the_metric_that_decides_beside_one_that_can(mapping: dict[str, Any], tmp_path: Path) -> None:
    assert read_plan({**mapping, "judge": {}, "primary": "judge"}, tmp_path).primary == "judge"
    with pytest.raises(PlanError):
        read_plan({**mapping, "primary": "judge"}, tmp_path)


def test_the_last_judge_is_kept_beside_the_plan(tmp_path: Path) -> None:
    assert kept_section(tmp_path, {}) is None
    assert kept_section(tmp_path, {"judge": {"scale": 5}}) == {"scale": 5}
    keep_section(tmp_path, {"scale": 7})
    assert kept_section(tmp_path, {"judge": {"scale": 5}}) == {"scale": 7}
