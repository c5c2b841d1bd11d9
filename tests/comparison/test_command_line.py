"""The command line from end to end, as a process, on the fake model."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Command = Callable[..., "subprocess.CompletedProcess[str]"]
WritePlan = Callable[..., Path]


@pytest.fixture
def report(finished: Any) -> dict[str, Any]:
    found: dict[str, Any] = finished.report
    return found


def test_report_holds_every_field_of_the_contract(report: dict[str, Any]) -> None:
    assert {"id", "name", "plan", "environment", "verdict", "data", "methods", "pairwise", "power", "judge"} <= set(report)
    assert {"versions", "dtype", "device", "threads", "seeds", "template_hash", "batch_policy"} <= set(report["environment"])
    assert set(report["verdict"]) == {"text", "best", "tied", "primary"}
    assert set(report["data"]["counts"]) == {"train", "validation", "test"}
    for part in ("train", "demonstrations", "index"):
        assert {"exact", "normalised", "ngram", "embedding", "items"} <= set(report["data"]["leakage"][part])
    for method in report["methods"]:
        assert {"name", "kind", "status", "reason", "n", "scores", "letters", "cost"} <= set(method)
        assert {"mean", "ci_low", "ci_high", "n", "unscored"} <= set(method["scores"]["token_f1"])
        ledger = {"prepare_s", "generate_s", "score_s", "prompt_tokens", "completion_tokens", "trainable_params", "artefact_bytes"}
        assert {*ledger, "peak_memory_mb"} <= set(method["cost"])
    beside = {"test", "only_a", "only_b", "item_error", "seed_error", "note"}
    assert {"a", "b", "metric", "difference", "ci_low", "ci_high", "p_value", "p_adjusted", *beside} == set(report["pairwise"][0])
    assert {"minimum_detectable_difference", "items_needed"} <= set(report["power"]["token_f1"])
    assert set(report["judge"]["certificate"]) >= {"auc", "flip_rate", "length_slope", "human_kappa", "trusted"}


def test_pairs_stand_once_in_the_plans_order_and_the_judge_decides_nothing(report: dict[str, Any]) -> None:
    pairs = [(pair["a"], pair["b"]) for pair in report["pairwise"] if pair["metric"] == "token_f1"]
    assert pairs == [("zero_shot", "few_shot"), ("zero_shot", "rag"), ("few_shot", "rag")]
    assert report["judge"]["certificate"]["trusted"] is False
    assert report["metrics"]["judge"]["in_verdict"] is False
    assert report["verdict"]["primary"] == "token_f1"


def test_no_path_of_the_machine_stands_in_the_report(finished: Any) -> None:
    assert str(finished.home) not in json.dumps(finished.report)
    assert finished.report["plan"]["data"]["path"] == "questions.jsonl"


def test_show_resume_and_list_agree_with_what_run_printed(command: Command, finished: Any) -> None:
    report = finished.report
    assert json.loads(command("show", report["id"], "--json", home=finished.home).stdout) == report
    assert json.loads(command("resume", report["id"], "--json", home=finished.home).stdout) == report
    rows = json.loads(command("list", "--json", home=finished.home).stdout)
    assert [(row["id"], row["name"], row["status"]) for row in rows] == [(report["id"], "Small task", "done")]


def test_table_names_methods_metrics_costs_and_the_verdict(command: Command, write_plan: WritePlan) -> None:
    done = command("run", write_plan())
    assert done.returncode == 0, done.stderr
    for word in ("Zero-shot", "Few-shot", "token_f1", "prepare", "tokens in", "12 test items"):
        assert word in done.stdout
    assert "answered 12/12" in done.stderr
    assert "answered" not in done.stdout


def test_set_changes_a_setting(command: Command, write_plan: WritePlan) -> None:
    done = command("run", write_plan(), "--json", "--set", "methods.1.shots=3", "--set", "name=Three shots")
    report = json.loads(done.stdout)
    assert report["methods"][1]["spec"]["shots"] == 3
    assert report["name"] == "Three shots"


def test_score_adds_a_metric_in_a_second_report(command: Command, write_plan: WritePlan, tmp_path: Path) -> None:
    report = json.loads(command("run", write_plan(), "--json").stdout)
    fresh = json.loads(command("score", report["id"], "--metric", "chrf", "--json").stdout)
    assert list(fresh["metrics"]) == [*report["metrics"], "chrf"]
    assert fresh["methods"][0]["scores"]["token_f1"] == report["methods"][0]["scores"]["token_f1"]
    folder = tmp_path / "home" / "comparisons" / report["id"]
    assert json.loads((folder / "report.json").read_text()) == report
    assert json.loads((folder / "report.2.json").read_text()) == fresh


def test_a_result_is_exported_as_a_page_without_paths(command: Command, finished: Any, tmp_path: Path) -> None:
    out = tmp_path / "out.html"
    assert command("export", finished.report["id"], "--format", "html", "--output", out, home=finished.home).returncode == 0
    assert "few_shot" in out.read_text()
    assert str(finished.home) not in out.read_text()
    unknown = command("export", finished.report["id"], "--format", "pdf", "--output", out, home=finished.home)
    assert (unknown.returncode, "html" in unknown.stderr) == (2, True)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"data": {"path": "nowhere.jsonl"}}, ["nowhere.jsonl"]),
        ({"metrcs": ["token_f1"]}, ["metrcs", "metrics"]),
        ({"data": {"path": "questions.jsonl", "split": {"train": 0.9, "validation": 0.1, "test": 0.0}}}, ["test"]),
        ({"knowledge": {"path": "empty"}, "methods": [{"kind": "rag"}]}, ["empty"]),
        ({"model": {"id": "fake/nothing", "embedder": "fake/hash-64"}}, ["fake/nothing", "fake/echo"]),
        ({"model": {"id": "./no-such-folder", "embedder": "fake/hash-64"}}, ["no-such-folder"]),
        ({"methods": [{"kind": "few_shot", "shots": 30}]}, ["shots", "30", "29"]),
        ({"methods": [{"kind": "few_shoot"}]}, ["few_shoot", "few_shot"]),
        ({"primary": "rouge1"}, ["rouge1", "token_f1"]),
    ],
    ids=["missing file", "unknown key", "no test items", "no documents", "no such model", "no such folder", "shots", "kind", "primary"],
)
def test_wrong_input_ends_in_one_plain_message(
    command: Command, write_plan: WritePlan, tmp_path: Path, changes: Any, said: list[str]
) -> None:
    """Thing, what it must be, what it was, how to mend it; exit 2; nothing is stored."""
    path = write_plan(**changes)
    (path.parent / "empty").mkdir()
    done = command("run", path, "--json")
    assert done.returncode == 2
    error = json.loads(done.stdout)["error"]
    assert error["message"] and error["remedy"]
    for word in said:
        assert word in f"{error['message']} {error['remedy']}"
    assert "Traceback" not in done.stderr
    assert error["message"] in done.stderr
    comparisons = tmp_path / "home" / "comparisons"
    assert not comparisons.exists() or not list(comparisons.iterdir())


def test_following_the_advice_succeeds(command: Command, write_plan: WritePlan) -> None:
    refused = command("run", write_plan(methods=[{"kind": "few_shot", "shots": 30}]))
    assert refused.returncode == 2
    assert command("run", write_plan(methods=[{"kind": "few_shot", "shots": 29}])).returncode == 0


def test_missing_plan_and_unknown_comparison_exit_2(command: Command, tmp_path: Path) -> None:
    assert "no-plan.yaml" in command("run", tmp_path / "no-plan.yaml").stderr
    gone = command("show", "20200101-000000-0000-00000000", "--json")
    assert gone.returncode == 2
    assert json.loads(gone.stdout)["error"]["kind"] == "StoreError"
    assert command("show", "../../etc").returncode == 2


def test_store_option_replaces_the_home(command: Command, write_plan: WritePlan, tmp_path: Path) -> None:
    assert command("run", write_plan(), "--store", tmp_path / "other").returncode == 0
    assert len(list((tmp_path / "other" / "comparisons").iterdir())) == 1
    assert not (tmp_path / "home" / "comparisons").exists()


def test_methods_and_metrics_are_listed_with_schema_and_range(command: Command) -> None:
    methods = {row["name"]: row for row in json.loads(command("methods", "--json").stdout)}
    assert methods["few_shot"]["schema"]["properties"]["shots"]["description"]
    metrics = {row["name"]: row for row in json.loads(command("metrics", "--json").stdout)}
    assert (metrics["judge"]["low"], metrics["judge"]["high"], metrics["judge"]["higher_is_better"]) == (1, 5, True)


def test_help_answers_in_under_a_second(command: Command) -> None:
    command("--help")
    begun = time.monotonic()
    assert "resume" in command("--help").stdout
    assert time.monotonic() - begun < 1.0
