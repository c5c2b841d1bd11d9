"""Sweeps of a real fine-tune of a tiny model: what is tried, what is chosen by, and what is never asked."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from inprocess import train_here
from tickets import ticket_plan

from adapters import tuned
from comparison import generate, jobs
from comparison.events import Event, Finished, MethodFailed, Prepared
from comparison.plan import Plan, read_plan
from comparison.ready import make_ready
from comparison.store import Store
from comparison.sweep import points, read_values, sweep_plan, words
from comparison.sweep_run import as_text, of_result, table
from core.errors import PlanError

BASE = {"kind": "lora", "rank": 2, "epochs": 2, "learning_rate": 0.01}


@pytest.fixture
def mapping(tmp_path: Path, tiny_model: Path) -> dict[str, Any]:
    return ticket_plan(tmp_path, tiny_model, {"kind": "zero_shot"}, BASE)


@pytest.fixture
def swept(
    complete: Callable[[Plan], tuple[str, list[Event]]], monkeypatch: pytest.MonkeyPatch
) -> Callable[[Plan], tuple[str, list[Event]]]:
    monkeypatch.setattr(tuned, "run_job", train_here)
    return complete


def test_the_setting_with_the_lowest_validation_loss_is_chosen_and_no_test_item_is_asked(
    mapping: dict[str, Any], store: Store, swept: Callable[[Plan], tuple[str, list[Event]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generate, "generate", lambda *a: pytest.fail("a sweep asks nothing"))
    plan = read_plan(sweep_plan(mapping, {"rank": [2], "learning_rate": [1e-5, 2e-2]}, seeds=2))
    comparison_id, told = swept(plan)
    found = of_result(store.result(comparison_id))
    assert found is not None
    losses = [row["validation_loss"] for row in found["rows"]]
    assert losses[1] < losses[0] and found["chosen"] == 1
    assert [len(row["losses"]) for row in found["rows"]] == [2, 2]
    assert {row["validation_rows"] for row in found["rows"]} == {found["validation_rows"]} and len(
        {row["measured"] for row in found["rows"]}
    ) == 1
    assert found["snippet"] == {"methods": [{"kind": "lora", "epochs": 2, "rank": 2, "learning_rate": 2e-2}]}
    assert "rank 2, learning rate 2e-2" in found["sentence"] and "validation rows" in found["sentence"]
    assert not (store.folder(comparison_id) / "answers").exists() and store.result(comparison_id).report_names() == []
    assert isinstance(told[-1], Finished) and (told[-1].status, told[-1].verdict) == ("done", found["sentence"])
    assert jobs.status(store, comparison_id).state == "done"
    assert "chosen" in as_text(found) and "learning_rate: 0.02" in as_text(found)


def test_a_comparison_of_the_chosen_setting_finds_its_weights_and_a_sweep_again_trains_nothing(
    mapping: dict[str, Any], store: Store, swept: Callable[[Plan], tuple[str, list[Event]]]
) -> None:
    first, _ = swept(read_plan(sweep_plan(mapping, {"rank": [2, 4]})))
    _, again = swept(read_plan(sweep_plan(mapping, {"rank": [4, 2]})))
    assert [event.reused for event in again if isinstance(event, Prepared)] == [True, True]
    found = of_result(store.result(first))
    assert found is not None
    _, told = swept(read_plan({**mapping, "name": "After it", **found["snippet"]}))
    assert [event.reused for event in told if isinstance(event, Prepared)] == [True]


def test_a_setting_whose_loss_is_of_fewer_rows_is_never_chosen_and_says_why(mapping: dict[str, Any]) -> None:
    rows = [
        {"name": name, "settings": {}, "status": "done", "reason": "", "validation_loss": loss, "losses": [loss], "validation_rows": count,
         "measured": key, "best_epochs": [1], "seconds": 1.0}
        for name, loss, count, key in (("top k 8", 0.1, 4, "a"), ("top k 4", 0.9, 6, "b"), ("top k 2", 0.5, 6, "c"), ("top k 1", 0.6, 6, "c"))
    ]  # fmt: skip
    failed = {"name": "top k 9", "settings": {}, "status": "failed", "reason": "x", "validation_loss": None, "losses": []}
    found = table(read_plan(sweep_plan(mapping, {"rank": [2]})), [*rows, failed], 6)
    assert found["chosen"] == 2
    assert [bool(row["apart"]) for row in found["rows"]] == [True, True, False, False, False]
    assert "Lowest validation loss: top k 2 (0.5000 nats per token on 6 validation rows)." in found["sentence"]
    assert "Top k 8: its loss is of other rows (4 of 6), so it is not compared." in found["sentence"]
    assert "not compared" in as_text(found) and "of rows" in as_text(found)


def test_a_setting_that_fails_is_a_row_with_its_reason_and_the_others_go_on(
    mapping: dict[str, Any], store: Store, swept: Callable[[Plan], tuple[str, list[Event]]]
) -> None:
    comparison_id, told = swept(read_plan(sweep_plan(mapping, {"rank": [512, 2]})))
    found = of_result(store.result(comparison_id))
    assert found is not None
    assert [row["status"] for row in found["rows"]] == ["failed", "done"] and found["chosen"] == 1
    assert any(isinstance(event, MethodFailed) and event.method == "rank 512" for event in told)
    assert found["rows"][0]["reason"] and json.dumps(found)


def test_where_every_setting_fails_nothing_is_chosen_and_the_sweep_has_failed(
    mapping: dict[str, Any], store: Store, swept: Callable[[Plan], tuple[str, list[Event]]]
) -> None:
    comparison_id, told = swept(read_plan(sweep_plan(mapping, {"rank": [511, 512]})))
    found = of_result(store.result(comparison_id))
    assert found is not None and found["chosen"] is None and found["snippet"] is None
    assert isinstance(told[-1], Finished) and told[-1].status == "failed"
    assert "failed" in as_text(found)


def test_the_points_are_all_combinations_in_order_with_names_for_people() -> None:
    found = points(BASE, {"rank": [4, 8], "learning_rate": [5e-4, 0.0015]})
    assert [point.name for point in found] == [
        "rank 4, learning rate 5e-4",
        "rank 4, learning rate 15e-4",
        "rank 8, learning rate 5e-4",
        "rank 8, learning rate 15e-4",
    ]
    assert words({"schedule": "cosine", "epochs": 3}) == "schedule cosine, epochs 3"


def test_values_are_read_as_numbers_where_they_are() -> None:
    assert read_values(["rank=4, 8", "learning_rate=5e-4,1e-3", "schedule=cosine,linear"]) == {
        "rank": [4, 8],
        "learning_rate": [5e-4, 1e-3],
        "schedule": ["cosine", "linear"],
    }


@pytest.mark.parametrize(
    "over, said",
    [
        ({"rnak": [4]}, "no setting 'rnak' that can be swept. Did you mean 'rank'"),
        ({"seed": [1]}, "no setting 'seed'"),
        ({"max_tokens": [64]}, "no setting 'max_tokens'"),
        ({"mix": [[{"path": "other.jsonl", "weight": 0.2}]]}, "no setting 'mix' that can be swept"),
        ({"rank": []}, "has no values"),
        ({"rank": [4, 4]}, "names 'rank 4' twice"),
        ({"rank": [0]}, "sweep.rank"),
        ({"rank": list(range(1, 60))}, "at most"),
        ({}, "at least one setting"),
    ],
)
def test_wrong_settings_are_one_plain_message_each(mapping: dict[str, Any], over: dict[str, list[Any]], said: str) -> None:
    with pytest.raises(PlanError) as refused:
        sweep_plan(mapping, over)
    assert said.replace("at most", "may train 48 times") in str(refused.value)


@pytest.mark.parametrize("text, said", [("rank", "name=value,value"), ("rank=", "name=value,value"), ("=4", "name=value,value")])
def test_wrong_words_are_one_plain_message(text: str, said: str) -> None:
    with pytest.raises(PlanError, match=said):
        read_values([text])


def test_a_sweep_of_what_trains_nothing_names_those_that_do(mapping: dict[str, Any]) -> None:
    with pytest.raises(PlanError, match=r"'zero_shot' is neither one of the plan nor a kind.*lora"):
        sweep_plan(mapping, {"rank": [4]}, method="zero_shot")


def test_a_sweep_without_validation_rows_is_refused_before_anything_is_stored(mapping: dict[str, Any], store: Store) -> None:
    data = {**mapping["data"], "split": {"train": 0.7, "validation": 0.0, "test": 0.3}}
    plan = read_plan(sweep_plan({**mapping, "data": data}, {"rank": [2, 4]}))
    with pytest.raises(PlanError, match=r"no validation rows.*data\.split\.validation"):
        make_ready(plan, store.models)


def test_the_command_refuses_an_unknown_setting_with_the_nearest_one(
    command: Callable[..., Any], mapping: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "plan.json").write_text(json.dumps(mapping))
    done = command("sweep", tmp_path / "plan.json", "--method", "lora", "--set", "rank=2,4", "learning_rat=1e-3", "--json")
    assert done.returncode == 2
    error = json.loads(done.stdout)["error"]
    assert "no setting 'learning_rat'" in error["message"] and "'learning_rate'" in error["remedy"]
