"""Every trainable kind from plan to answers, alone and with retrieval: the trainer's own loop in this process, on a tiny random model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from comparison.events import Event
from comparison.naming import method_label
from comparison.plan import read_plan
from comparison.store import Store
from core.errors import PlanError
from training.job import TrainingJob

KINDS = ("rslora", "dora", "ia3", "prompt_tuning", "prefix_tuning")


def run_here(job: TrainingJob) -> Iterator[dict[str, Any]]:
    """The events of a trainer, without a process of its own."""
    from training.loop import train

    job.out.mkdir(parents=True, exist_ok=True)
    for event in train(job):
        yield {"event": type(event).__name__, **asdict(event)}


def plan_of(task: Path, tiny_model: Path, methods: list[dict[str, Any]]) -> Any:
    return read_plan(
        {
            "data": {
                "path": "questions.jsonl",
                "instruction": "Answer in a few words.",
                "split": {"train": 0.5, "validation": 0.2, "test": 0.3},
            },
            "knowledge": {"path": "handbook"},
            "model": {"id": str(tiny_model), "embedder": "fake/hash-64", "threads": 1, "dtype": "float32"},
            "methods": methods,
            "metrics": ["token_f1"],
            "generation": {"max_new_tokens": 6},
        },
        task,
    )


def test_every_kind_answers_alone_and_with_retrieval(
    task: Path, tiny_model: Path, store: Store, complete: Callable[..., tuple[str, list[Event]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.tuned.run_job", run_here)
    short = {"epochs": 1, "learning_rate": 0.01}
    methods: list[dict[str, Any]] = [{"kind": kind, **short} for kind in ("prompt_tuning", "ia3")]
    methods += [{"kind": kind, "name": f"{kind}_rag", "with_retrieval": True, "top_k": 1, **short} for kind in KINDS]
    comparison_id, _ = complete(plan_of(task, tiny_model, methods))
    result = store.result(comparison_id)
    report = result.report()
    assert {method["name"]: (method["status"], method["reason"]) for method in report["methods"]} == {
        method.get("name", method["kind"]): ("done", "") for method in methods
    }
    assert all(method["cost"]["trainable_params"] > 0 and method["training"]["epochs"] for method in report["methods"])
    answers = {method["name"]: list(result.answers(method["name"]).answers.values()) for method in report["methods"]}
    assert len({str([answer.text for answer in given]) for given in answers.values()}) > len(methods) // 2
    assert all(bool(answer.prompt.passages) == name.endswith("_rag") for name, given in answers.items() for answer in given)
    assert method_label(report["methods"][0]) == "Prompt tuning"


def test_a_rank_over_the_smallest_layer_is_the_plans_fault_and_nothing_is_stored(
    task: Path, tiny_model: Path, store: Store, complete: Callable[..., tuple[str, list[Event]]]
) -> None:
    """The layers' sizes are known without loading weights."""
    with pytest.raises(PlanError, match=r"rank must be at most the size of the smallest layer, 32 .*k_proj.*got 33\. Lower rank to 32"):
        complete(plan_of(task, tiny_model, [{"kind": "dora", "rank": 33}]))


def test_virtual_tokens_over_the_context_are_the_plans_fault_and_nothing_is_stored(
    task: Path, tiny_model: Path, store: Store, complete: Callable[..., tuple[str, list[Event]]]
) -> None:
    plan = plan_of(task, tiny_model, [{"kind": "prefix_tuning", "virtual_tokens": 1020}])
    with pytest.raises(
        PlanError, match=r"virtual_tokens must leave room in the model's context of 1024 tokens.*Lower virtual_tokens to 1017"
    ):
        complete(plan)
