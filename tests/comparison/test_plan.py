"""Plans are read strictly, wherever they come from, and mean the same from any folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from comparison.plan import read_plan
from core.errors import PlanError


def test_yaml_json_and_a_mapping_are_the_same_plan(mapping: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "plan.yaml").write_text(yaml.safe_dump(mapping))
    (tmp_path / "plan.json").write_text(json.dumps(mapping))
    plans = [read_plan(tmp_path / "plan.yaml"), read_plan(tmp_path / "plan.json"), read_plan(mapping, tmp_path)]
    assert plans[0] == plans[1] == plans[2]
    assert len({plan.hash for plan in plans}) == 1


def test_a_saved_plan_is_the_same_from_any_folder(mapping: dict[str, Any], tmp_path: Path) -> None:
    script = {"evaluate": "score.py", "name": "mine"}
    (tmp_path / "score.py").write_text("")
    plan = read_plan({**mapping, "metrics": ["token_f1", script]}, tmp_path)
    (tmp_path / "elsewhere").mkdir()
    saved = tmp_path / "elsewhere" / "plan.yaml"
    saved.write_text(plan.to_yaml())
    assert read_plan(saved).mapping == plan.mapping
    assert plan.spec.data.path == str(tmp_path / "questions.jsonl")
    assert plan.spec.knowledge is not None and plan.spec.knowledge.path == str(tmp_path / "handbook")


def test_reports_show_names_of_files_and_no_folders(mapping: dict[str, Any], tmp_path: Path) -> None:
    shown = read_plan({**mapping, "data": {"files": {"train": "a/x.csv", "test": "b/y.csv"}}}, tmp_path).shown()
    assert shown["data"]["files"] == {"train": "x.csv", "test": "y.csv"}
    assert str(tmp_path) not in json.dumps(shown)


def test_a_local_model_is_a_path_and_a_hub_id_is_not(mapping: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "weights").mkdir()
    local = read_plan({**mapping, "model": {"id": "weights", "embedder": "org/name"}}, tmp_path).spec.model
    assert (local.id, local.embedder) == (str(tmp_path / "weights"), "org/name")


@pytest.mark.parametrize(
    ("override", "place", "value"),
    [
        ("methods.1.shots=5", ("methods", 1, "shots"), 5),
        ("name=Another name", ("name",), "Another name"),
        ("data.split.seed=11", ("data", "split", "seed"), 11),
        ("metrics=[rouge1]", ("metrics",), ["rouge1"]),
        ("methods.2={kind: rag, top_k: 1}", ("methods", 2), {"kind": "rag", "top_k": 1}),
        ("generation.max_new_tokens=7", ("generation", "max_new_tokens"), 7),
    ],
)
def test_overrides_reach_every_place(mapping: dict[str, Any], tmp_path: Path, override: str, place: tuple[Any, ...], value: Any) -> None:
    found: Any = read_plan(mapping, tmp_path, [override]).mapping
    for part in place:
        found = found[part]
    assert found == value


def test_overrides_leave_the_caller_s_mapping_alone(mapping: dict[str, Any], tmp_path: Path) -> None:
    before = json.dumps(mapping)
    read_plan(mapping, tmp_path, ["methods.1.shots=5", "data.split.seed=3"])
    assert json.dumps(mapping) == before


@pytest.mark.parametrize("override", ["shots", "=3", "methods.9.shots=1", "methods.x=1", "name.first=1", "name=[", "methods.0.shots=1"])
def test_an_override_that_leads_nowhere_is_refused(mapping: dict[str, Any], tmp_path: Path, override: str) -> None:
    with pytest.raises(PlanError):
        read_plan(mapping, tmp_path, [override])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"metrcs": []}, "metrics"),
        ({"data": {"path": "x", "pth": 1}}, "path"),
        ({"methods": []}, "methods"),
        ({"methods": [{"kind": "zero_shot", "name": "A b"}]}, "name"),
        ({"methods": [{"kind": "zero_shot", "name": "a"}, {"kind": "rag", "name": "a"}]}, "unique"),
        ({"metrics": ["rogue1"]}, "rouge1"),
        ({"metrics": ["rouge1", "rouge1"]}, "once"),
        ({"metrics": ["judge"]}, "decide"),
        ({"primary": "judge", "metrics": ["judge"]}, "decide"),
        ({"judge": {"rubric": "Grade from 1 to 10."}}, "1 to 10"),
        ({"judge": {"endpoint": {"url": "http://h/v1", "model": "m", "cap": 1}}}, "prices"),
        ({"judge": {"model": "org/judge", "endpoint": {"url": "http://h/v1", "model": "m"}}}, "one model"),
        ({"judge": {"endpoint": {"url": "h/v1", "model": "m"}}}, "http or https"),
        ({"judge": {"endpoint": {"url": "http://h/v1"}}}, "judge.endpoint.model is missing"),
        ({"judge": {"scale": 12}}, "scale"),
        ({"name": ""}, "name"),
        ({"generation": {"max_new_tokens": "many"}}, "max_new_tokens"),
    ],
)
def test_what_is_wrong_is_named(mapping: dict[str, Any], tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(PlanError) as caught:
        read_plan({**mapping, **changes}, tmp_path)
    assert said in str(caught.value)


@pytest.mark.parametrize("text", ["", "- a\n- b", "a: [", "\x00", "name: 2020-01-01"])
def test_a_file_that_is_no_plan_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(text)
    with pytest.raises(PlanError):
        read_plan(path)


def test_the_first_metric_that_may_decide_is_primary(mapping: dict[str, Any], tmp_path: Path) -> None:
    assert read_plan({**mapping, "metrics": ["judge", "rouge1", "chrf"]}, tmp_path).primary == "rouge1"
    assert read_plan({**mapping, "primary": "chrf", "metrics": ["rouge1", "chrf"]}, tmp_path).primary == "chrf"


def test_a_plan_without_metrics_gets_some_and_a_judge_adds_its_own(mapping: dict[str, Any], tmp_path: Path) -> None:
    plain = {key: value for key, value in mapping.items() if key != "metrics"}
    assert [m.info.name for m in read_plan(plain, tmp_path).metrics] == ["token_f1", "exact_match", "rougeL"]
    judged = read_plan({**plain, "judge": {"model": "same"}}, tmp_path)
    assert [m.info.name for m in judged.metrics][-1] == "judge"


def test_another_setting_is_another_hash(mapping: dict[str, Any], tmp_path: Path) -> None:
    plans = [read_plan(mapping, tmp_path, [o]) for o in ("methods.1.shots=1", "methods.1.shots=3", "model.threads=3", "data.split.seed=8")]
    assert len({plan.hash for plan in plans}) == 4


@pytest.mark.parametrize(
    ("text", "place"), [("name: [x\n", "line 2, column 1: expected ','"), ("name: T\n\tdata: x\n", "line 2, column 1: found character")]
)
def test_a_plan_that_cannot_be_read_is_refused_with_the_place(tmp_path: Path, text: str, place: str) -> None:
    (tmp_path / "plan.yaml").write_text(text)
    with pytest.raises(PlanError) as refused:
        read_plan(tmp_path / "plan.yaml")
    assert place in refused.value.message and "<unicode string>" not in refused.value.message
