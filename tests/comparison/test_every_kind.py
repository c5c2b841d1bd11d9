"""Every kind from plan to report, cut short on tiny models: the examples' own plans of kinds, and what they lack with retrieval."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import yaml
from inprocess import train_here
from tiny_encoder import save_tiny_encoder

import adapters
from adapters.base import methods
from comparison.events import Event
from comparison.plan import Plan, read_plan
from comparison.store import Store
from training.encoder.job import EncoderJob
from training.encoder.loop import tune
from training.preference.__main__ import run as prefer
from training.preference.job import AnyJob

ROOT = Path(__file__).resolve().parents[2]
PLANS = sorted(path for name in ("kinds", "forgetting") for path in (ROOT / "examples").glob(f"*/{name}.yaml"))
SHORT = {"epochs": 1, "sft_epochs": 1, "steps": 1, "answers": 2}
Complete = Callable[[Plan], tuple[str, list[Event]]]


def told(events: Iterator[Any]) -> Iterator[dict[str, Any]]:
    return ({"event": type(event).__name__, **asdict(event)} for event in events)


def tune_here(job: EncoderJob) -> Iterator[dict[str, Any]]:
    job.out.mkdir(parents=True, exist_ok=True)
    return told(tune(job))


def prefer_here(job: AnyJob) -> Iterator[dict[str, Any]]:
    events: list[Any] = []
    prefer(job, events.append)
    return told(iter(events))


@pytest.fixture
def short(tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Plan]:
    """A plan cut short, on tiny models, that trains in this process."""
    monkeypatch.setattr("adapters.tuned.run_job", train_here)
    monkeypatch.setattr("adapters.classifier.run_job", tune_here)
    for module in ("preferred", "rewarding"):
        monkeypatch.setattr(f"adapters.{module}.run_job", prefer_here)

    def cut(mapping: dict[str, Any], folder: Path) -> Plan:
        words = " ".join(path.read_text(encoding="utf-8") for path in folder.glob("*.[cj]s*")).split()
        encoder = save_tiny_encoder(tmp_path / "encoder", words[:500])
        entries = [{key: SHORT.get(key, value) for key, value in entry.items()} for entry in mapping["methods"]]
        for entry in entries:
            known = methods.get(entry["kind"]).Spec.model_fields
            entry |= {key: value for key, value in SHORT.items() if key in known}
        changed = {
            "data": {**mapping["data"], "limit": {"train": 8, "validation": 2, "test": 3}},
            "model": {"id": str(tiny_model), "embedder": str(encoder), "threads": 1, "dtype": "float32"},
            "methods": entries,
            "generation": {"max_new_tokens": 4},
            "forgetting": False,
        }
        return read_plan({**mapping, **changed}, folder)

    return cut


def states(store: Store, comparison_id: str) -> dict[str, tuple[str, str]]:
    return {entry["name"]: (entry["status"], entry["reason"]) for entry in store.result(comparison_id).report()["methods"]}


@pytest.mark.parametrize("path", PLANS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_bundled_plan_of_kinds_runs(path: Path, short: Callable[..., Plan], store: Store, complete: Complete) -> None:
    pytest.importorskip("bitsandbytes")
    mapping = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert read_plan(path).spec.forgetting, "they are about what is forgotten, too"
    comparison_id, _ = complete(short(mapping, path.parent))
    found = states(store, comparison_id)
    assert found == dict.fromkeys(found, ("done", "")) and len(found) == len(mapping["methods"])


def test_the_largest_bundled_plan_has_every_kind_that_is_trained() -> None:
    """So that each one is run from plan to report by the test above."""
    named = {entry["kind"] for path in PLANS for entry in yaml.safe_load(path.read_text(encoding="utf-8"))["methods"]}
    assert adapters and {kind for kind, method in methods.items() if method.Spec.trains} <= named


def test_a_kind_of_each_family_answers_with_retrieval(task: Path, short: Callable[..., Plan], store: Store, complete: Complete) -> None:
    pytest.importorskip("bitsandbytes")
    kinds = ("lora", "full", "scratch", "qlora", "prefix_tuning", "dpo", "grpo")
    mapping = {
        "data": {"path": "questions.jsonl", "instruction": "Answer in a few words."},
        "knowledge": {"path": "handbook"},
        "methods": [{"kind": kind, "with_retrieval": True, "top_k": 1} for kind in kinds],
        "metrics": ["token_f1"],
    }
    comparison_id, _ = complete(short(mapping, task))
    assert states(store, comparison_id) == dict.fromkeys(kinds, ("done", ""))
    answers = [answer for kind in kinds for answer in store.result(comparison_id).answers(kind).answers.values()]
    assert len(answers) == 3 * len(kinds) and all(len(answer.prompt.passages) == 1 for answer in answers)
