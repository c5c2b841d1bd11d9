"""Preferences in a comparison: votes that are guarded, a reward beside the other metrics, methods tuned on pairs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from comparison import jobs
from comparison.card import card
from comparison.pairing import refuse_files
from comparison.plan import Plan, read_plan
from comparison.ready import make_ready
from comparison.rescore import rescore
from comparison.run import run
from comparison.share import scores_only
from comparison.store import Store
from comparison.trained import trained
from core.errors import BakeoffError, DataError
from training.preference.__main__ import run as run_preference
from training.preference.job import AnyJob

TOLD = "Answer in a few words."


def write_votes(folder: Path, prompts: list[str]) -> None:
    rows = [{"prompt": f"{TOLD}\n\n{prompt}", "chosen": f"yes {n}", "rejected": f"no {n}"} for n, prompt in enumerate(prompts)]
    (folder / "votes.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def inline(job: AnyJob) -> Iterator[dict[str, Any]]:
    """As `training.launch.run_job`, in this process."""
    events: list[Any] = []
    run_preference(job, events.append)
    yield from ({"event": type(event).__name__, **asdict(event)} for event in events)


@pytest.fixture(scope="module")
def preferring(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Plan:
    folder = tmp_path_factory.mktemp("halls")
    rows = [{"input": f"Which hall keeps thing {n} of year {1800 + 3 * n}?", "output": f"hall {n % 5}"} for n in range(16)]
    (folder / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    write_votes(folder, [f"Is lamp {n} of the long quay lit?" for n in range(8)])
    return read_plan(
        {
            "data": {"path": "data.jsonl", "instruction": TOLD},
            "model": {"id": str(tiny_model), "embedder": "fake/hash-64", "threads": 1, "dtype": "float32"},
            "methods": [
                {"kind": "zero_shot"},
                {"kind": "dpo", "rank": 2, "epochs": 1, "learning_rate": 0.01},
                {"kind": "grpo", "pairs": "votes.jsonl", "rank": 2, "steps": 1, "answers": 2, "learning_rate": 0.01},
            ],
            "metrics": ["token_f1", "reward"],
            "reward": {"pairs": "votes.jsonl"},
            "generation": {"max_new_tokens": 5},
        },
        folder,
    )


@pytest.fixture(scope="module")
def found(preferring: Plan, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Store, str, dict[str, Any]]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("adapters.preferred.run_job", inline)
        patch.setattr("adapters.rewarding.run_job", inline)
        store = Store(tmp_path_factory.mktemp("store"))
        name = jobs.admit(store, preferring, handle=jobs.own_handle()).id
        for _ in run(preferring, store, name):
            pass
        yield store, name, store.result(name).report()


def test_methods_tuned_on_preferences_stand_in_one_table_with_a_reward(found: tuple[Store, str, dict[str, Any]]) -> None:
    _, _, report = found
    assert [(m["name"], m["status"], m["reason"]) for m in report["methods"]] == [
        ("zero_shot", "done", ""), ("dpo", "done", ""), ("grpo", "done", ""),
    ]  # fmt: skip
    for method in report["methods"]:
        assert method["scores"]["reward"]["n"] == method["n"] and method["scores"]["reward"]["mean"] is not None
    assert report["metrics"]["reward"]["unit"] == "logit" and report["verdict"]["primary"] == "token_f1"
    dpo, grpo = report["methods"][1:]
    assert {"loss", "reward_margin", "reward_accuracy"} <= set(dpo["training"]["curves"][0])
    assert grpo["training"]["curves"][0]["reward"] is not None and grpo["training"]["curves"][0]["kl"] is not None


def test_synthetic_pairs_are_called_synthetic_and_the_reward_models_accuracy_is_said(found: tuple[Store, str, dict[str, Any]]) -> None:
    notes = found[2]["notes"]
    assert any(
        note.startswith("dpo: Trained on") and "synthetic pairs (the reference against the base model's wrong answer" in note
        for note in notes
    )
    assert any(note.startswith("grpo: Rewarded by a reward model that was trained on 7 pairs of votes.jsonl") for note in notes)
    assert any(note.startswith("reward model: Trained on 7 pairs of votes.jsonl; of 1 held-out pairs it orders") for note in notes)
    assert found[2]["data"]["pairs"][0]["pairs"] == 8


def test_the_card_says_that_it_was_trained_on_preferences_whose_and_how_many(found: tuple[Store, str, dict[str, Any]]) -> None:
    store, name, report = found
    dpo, grpo = (card(trained(store, name, method)) for method in ("dpo", "grpo"))
    pairs = report["methods"][1]["training"]["pairs"]
    assert f"It was trained on preferences: {pairs['train']} pairs, synthetic (the reference against the base model's wrong answer" in dpo
    assert f"{pairs['held_out']} more were held out, which chose epoch 1" in dpo and "beta: 0.1" in dpo
    assert "It was trained on preferences: 7 pairs, from a file of votes, by way of a reward model." in grpo
    assert "it rewarded drawn answers to" in grpo and "up to step 1" in grpo and "votes.jsonl" not in grpo


def test_what_is_shared_without_rows_names_no_file_of_pairs_and_reports_no_folder(
    found: tuple[Store, str, dict[str, Any]], preferring: Plan
) -> None:
    """F18."""
    report = found[2]
    assert "votes.jsonl" not in json.dumps(scores_only(report)) and "votes.jsonl" in json.dumps(report)
    assert str(preferring.mapping["reward"]["pairs"]) not in json.dumps(report)


def test_scoring_again_finds_the_reward_model_and_the_scores(found: tuple[Store, str, dict[str, Any]]) -> None:
    store, name, report = found
    for _ in rescore(store, name, ["rougeL"], own_job=True):
        pass
    again = store.result(name).report()
    assert [m["scores"]["reward"] for m in again["methods"]] == [m["scores"]["reward"] for m in report["methods"]]
    assert again["notes"].count(next(note for note in report["notes"] if note.startswith("reward model:"))) == 1


def test_without_weights_a_reward_is_unscored_with_the_reason(
    mapping: dict[str, Any], task: Path, complete: Callable[..., tuple[str, Any]], store: Store
) -> None:
    plan = read_plan({**mapping, "metrics": ["token_f1", "reward"]}, task)
    name, _ = complete(plan)
    report = store.result(name).report()
    assert report["methods"][0]["scores"]["reward"]["mean"] is None
    rows = [row for row in store.result(name).score_rows() if row["metric"] == "reward"]
    assert {s["unscored"] for s in rows[0]["scores"].values()} == {"there is no reward model: fake/echo has no weights to train one on"}


def test_votes_on_the_test_items_at_hand_are_refused_and_some_of_them_are_taken_out(
    mapping: dict[str, Any], task: Path, tmp_path: Path
) -> None:
    """E12: preference pairs cannot carry test items into training."""
    (tmp_path / "questions.jsonl").write_text((task / "questions.jsonl").read_text())
    changed = {**{k: v for k, v in mapping.items() if k != "knowledge"}, "reward": {"pairs": "votes.jsonl"}}
    write_votes(tmp_path, ["placeholder"])
    test = [e.input for e in make_ready(read_plan(changed, tmp_path), tmp_path / "models").dataset.test]
    write_votes(tmp_path, test)
    with pytest.raises(DataError, match=r"pairs of votes\.jsonl may be trained on: all are about test items"):
        make_ready(read_plan(changed, tmp_path), tmp_path / "models")
    write_votes(tmp_path, [*test[:2], "Another thing altogether?"])
    ready = make_ready(read_plan(changed, tmp_path), tmp_path / "models")
    (pairs,) = ready.setting.pairs.values()
    assert len(pairs.pairs) == 1 and pairs.taken_out == 2


def test_a_reward_decides_only_where_it_is_the_plans_primary(mapping: dict[str, Any], task: Path) -> None:
    plan = read_plan({**mapping, "metrics": ["reward", "token_f1"]}, task)
    assert plan.primary == "token_f1" and not plan.metrics[0].info.in_verdict
    chosen = read_plan({**mapping, "metrics": ["reward", "token_f1"], "primary": "reward"}, task)
    assert chosen.primary == "reward" and chosen.metrics[0].info.in_verdict


def test_paths_of_pairs_and_teachers_start_from_the_plans_folder(mapping: dict[str, Any], task: Path, tiny_model: Path) -> None:
    methods = [{"kind": "dpo", "pairs": "votes.jsonl"}, {"kind": "lora", "teacher": "handbook"}, {"kind": "lora", "teacher": "org/model"}]
    plan = read_plan({**mapping, "methods": methods, "reward": {"pairs": "votes.jsonl"}}, task)
    dpo, folder, hub = (dict(method) for method in plan.mapping["methods"])
    assert dpo["pairs"] == plan.mapping["reward"]["pairs"] == str(task / "votes.jsonl")
    assert folder["teacher"] == str(task / "handbook") and hub["teacher"] == "org/model"
    assert plan.shown()["methods"][0]["pairs"] == "votes.jsonl"


def test_on_a_shared_machine_nobody_names_its_files(mapping: dict[str, Any], task: Path) -> None:
    """F14, F21."""
    for method, said in [
        ({"kind": "dpo", "pairs": "votes.jsonl"}, "A file of pairs cannot be named here"),
        ({"kind": "lora", "teacher": "handbook"}, "A folder cannot be the teacher here"),
        ({"kind": "lora", "teacher": "big", "teacher_url": "http://127.0.0.1:9/v1"}, "127.0.0.1|public"),
    ]:
        plan = read_plan({**mapping, "methods": [method]}, task)
        refuse_files(plan, public=False)
        with pytest.raises(BakeoffError, match=said):
            refuse_files(plan, public=True)
