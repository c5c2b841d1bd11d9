"""A/A runs: the same method twice under another seed, and the noise floor that comes of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from comparison.aa import choices, twins
from comparison.noise import item_sampling, noise_floor
from comparison.plan import read_plan
from core.errors import PlanError

Command = Callable[..., CompletedProcess[str]]


def plan(task: Path, mapping: dict[str, Any], *methods: dict[str, Any], **sections: Any) -> Any:
    return read_plan({**mapping, "methods": list(methods), **sections}, task)


@pytest.mark.parametrize(
    ("method", "seeds"),
    [
        ({"kind": "lora"}, (0, 1)),
        ({"kind": "lora", "seed": 4, "seeds": 3}, (4, 7)),
        ({"kind": "few_shot", "shots": 2, "seed": 9}, (9, 10)),
    ],
)
def test_the_method_stands_twice_and_no_seed_is_used_twice(
    method: dict[str, Any], seeds: tuple[int, int], task: Path, mapping: Any
) -> None:
    found = twins(plan(task, mapping, {"kind": "zero_shot"}, method))
    assert found.mapping is not None
    both = read_plan(found.mapping, task)
    assert both.method_names == (method["kind"], f"{method['kind']}-2")
    assert tuple(getattr(spec, "seed", None) for spec in both.methods) == seeds
    assert both.spec.name == f"A/A of {method['kind']}: Small task"
    first, second = (spec.model_dump(exclude={"name", "seed"}) for spec in both.methods)
    assert first == second


def test_a_trained_method_is_chosen_before_a_drawn_one_unless_it_is_named(task: Path, mapping: Any) -> None:
    several = plan(task, mapping, {"kind": "zero_shot"}, {"kind": "few_shot", "shots": 2}, {"kind": "lora", "name": "tuned"})
    assert choices(several.methods) == ["tuned", "few_shot"] and twins(several).method == "tuned"
    assert twins(several, "few_shot").method == "few_shot"
    with pytest.raises(PlanError, match="no method 'tunde'"):
        twins(several, "tunde")


def test_names_and_titles_stay_within_their_length(task: Path, mapping: Any) -> None:
    found = twins(plan(task, mapping, {"kind": "lora", "name": "a" * 40}, name="n" * 100))
    assert found.mapping is not None
    assert read_plan(found.mapping, task).method_names == ("a" * 40, "a" * 38 + "-2")


@pytest.mark.parametrize("method", [{"kind": "zero_shot"}, {"kind": "rag"}, {"kind": "few_shot", "shots": 2, "selection": "similar"}])
def test_what_always_answers_the_same_is_not_run_and_says_so(method: dict[str, Any], task: Path, mapping: Any) -> None:
    found = twins(plan(task, mapping, method))
    assert found.mapping is None
    assert "deterministic" in found.why and "noise floor is 0 by construction" in found.why


def test_sampled_answers_have_one_seed_in_a_plan_and_the_remedy_is_said(task: Path, mapping: Any) -> None:
    with pytest.raises(PlanError, match=r"temperature 0\.7") as caught:
        twins(plan(task, mapping, {"kind": "zero_shot"}, generation={"temperature": 0.7}))
    assert "generation.seed" in caught.value.remedy


def report(first: dict[str, Any], second: dict[str, Any], **pair: Any) -> dict[str, Any]:
    found = {"metric": "f1", "difference": 0.02, "ci_low": -0.05, "ci_high": 0.09, "p_value": 0.6, "note": None, **pair}
    methods = [
        {"name": name, "status": "done", "spec": {"kind": "lora", "name": name, **spec}} for name, spec in (("t", first), ("t-2", second))
    ]
    return {"methods": methods, "pairwise": [found], "verdict": {"primary": "f1"}}


def test_the_noise_floor_is_the_difference_of_the_twins_with_its_interval() -> None:
    found = noise_floor(report({"seed": 0, "rank": 8}, {"seed": 1, "rank": 8}))
    assert found is not None and (found["method"], found["seeds"]) == ("t", [0, 1])
    assert found["metrics"]["f1"]["ci_high"] == 0.09
    assert "differs by 0.020" in found["text"] and "less than 0.090" in found["text"]
    without = noise_floor(report({"seed": 0}, {"seed": 1}, ci_low=None, ci_high=None, note="too few groups"))
    assert without is not None and without["text"].endswith("too few groups.")


@pytest.mark.parametrize(
    "other",
    [
        report({"seed": 0, "rank": 8}, {"seed": 1, "rank": 4}),
        report({"seed": 0}, {"seed": 0}),
        report({}, {}),
        {"methods": [], "pairwise": [], "verdict": {"primary": "f1"}},
    ],
)
def test_other_comparisons_have_no_noise_floor(other: dict[str, Any]) -> None:
    assert noise_floor(other) is None


def test_item_sampling_is_the_interval_of_the_mean_or_says_that_there_is_none() -> None:
    score = {"mean": 0.4, "ci_low": 0.3, "ci_high": 0.5, "n": 48}
    of_one = {"verdict": {"primary": "f1"}, "methods": [{"name": "zero_shot", "scores": {"f1": score}}]}
    assert item_sampling(of_one, "zero_shot") == ": f1 0.400, 95 % interval [0.300, 0.500] on 48 items."
    assert "no interval" in item_sampling(of_one, "gone")


def test_one_command_runs_the_twins_as_an_ordinary_comparison(command: Command, write_plan: Any) -> None:
    path = write_plan(methods=[{"kind": "zero_shot"}, {"kind": "few_shot", "shots": 2}])
    first = json.loads(command("run", path, "--json").stdout)
    done = command("aa", first["id"], "--json")
    assert done.returncode == 0, done.stderr
    twin = json.loads(done.stdout)
    assert [m["name"] for m in twin["methods"]] == ["few_shot", "few_shot-2"] and twin["noise_floor"]["seeds"] == [0, 1]
    assert [m["cost"]["reused"]["batches"] > 0 for m in twin["methods"]] == [True, False], "the first is found again"
    assert [row["id"] for row in json.loads(command("list", "--json").stdout)] == [twin["id"], first["id"]]
    assert "Noise floor: " in command("show", twin["id"]).stdout


def test_one_command_on_greedy_prompting_runs_nothing_and_tells_what_is_left(command: Command, finished: Any) -> None:
    said = command("aa", finished.report["id"], "--method", "rag", home=finished.home)
    assert said.returncode == 0 and "deterministic" in said.stdout and "token_f1" in said.stdout and "on 12 items" in said.stdout
    told = json.loads(command("aa", finished.report["id"], "--json", home=finished.home).stdout)
    assert told["noise_floor"]["method"] == "zero_shot"
    assert len(json.loads(command("list", "--json", home=finished.home).stdout)) == 1
    wrong = command("aa", finished.report["id"], "--method", "ragg", home=finished.home)
    assert wrong.returncode == 2 and "no method 'ragg'" in wrong.stderr and "rag" in wrong.stderr
