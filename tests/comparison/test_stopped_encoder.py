"""Stop while an encoder is tuned, and its estimate before: the same ways as those of a language model's fine-tunes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import rooms
from tiny_encoder import save_tiny_encoder

from adapters import classifier
from comparison import jobs
from comparison.estimating import MethodEstimate, estimates
from comparison.events import Note, Prepared, Progressed
from comparison.plan import Plan, read_plan
from comparison.ready import make_ready
from comparison.run import run
from comparison.stopped import keep, of_result
from comparison.store import Store
from core.errors import Cancelled, PlanError
from core.files import manifest_fault
from training.encoder import estimate as measuring
from training.encoder.job import EncoderJob
from training.encoder.loop import tune
from training.estimate import Measured as Steps

TUNED = {"kind": "tuned_encoder", "epochs": 4, "learning_rate": 5e-4, "batch_size": 8}


def here(job: EncoderJob) -> Iterator[dict[str, Any]]:
    """The trainer in this process."""
    job.out.mkdir(parents=True, exist_ok=True)
    for event in tune(job):
        yield {"event": type(event).__name__, "epoch": 0, **asdict(event)}


@pytest.fixture
def mapping(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setattr(classifier, "run_job", here)
    rows = [{"input": f"{rooms.SAID[rooms.LABELS[n % 3]]} in room {n}.", "output": rooms.LABELS[n % 3]} for n in range(48)]
    (tmp_path / "faults.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    encoder = save_tiny_encoder(tmp_path / "encoder", [*rooms.WORDS, "room"])
    return {
        "name": "Faults",
        "data": {"path": str(tmp_path / "faults.jsonl"), "instruction": "Name one of {labels}."},
        "model": {"id": "fake/echo", "embedder": str(encoder), "threads": 1},
        "methods": [TUNED],
        "metrics": ["accuracy"],
    }


def ran(store: Store, plan: Plan, stop_after: int | None = None) -> tuple[str, list[Any]]:
    """Run it in this process, and stop it right after an epoch where one is named."""
    comparison_id = jobs.admit(store, plan, handle=jobs.own_handle()).id
    told: list[Any] = []
    steps = run(plan, store, comparison_id)
    for event in steps:
        told.append(event)
        if isinstance(event, Progressed) and event.stage == "validating" and event.done == stop_after:
            with pytest.raises(Cancelled):
                steps.throw(Cancelled("Stopped on request."))  # type: ignore[attr-defined]
            break
    return comparison_id, told


def test_the_best_epoch_of_a_stopped_encoder_is_kept_under_its_own_fingerprint_and_the_whole_run_goes_on(
    mapping: dict[str, Any], store: Store
) -> None:
    """E22: the stopped weights are those of `stop_after: 2`, and the plan with all epochs never gets them."""
    whole = read_plan(mapping)
    comparison_id, _ = ran(store, whole, stop_after=2)
    (kept,) = keep(store, comparison_id)
    assert (kept.method, kept.epochs, kept.words) == ("tuned_encoder", 4, "stopped after epoch 2 of 4")
    folder = store.artefacts / kept.fingerprint
    assert not manifest_fault(folder) and of_result(store.result(comparison_id)) == [kept]
    record = json.loads((folder / "training.json").read_text())
    assert record["labels"] == list(rooms.LABELS) and record["findings"][-1]["rule"] == "stopped" and len(record["epochs"]) == 2
    _, told = ran(store, read_plan({**mapping, "name": "So far", "methods": [{**TUNED, "stop_after": 2}]}))
    assert [event.reused for event in told if isinstance(event, Prepared)] == [True]
    assert any(isinstance(event, Note) and event.text.startswith("Stopped after epoch 2 of 4") for event in told)
    jobs.requeue(store, comparison_id, jobs.own_handle())
    told = list(run(whole, store, comparison_id))
    (prepared,) = [event for event in told if isinstance(event, Prepared)]
    assert not prepared.reused and prepared.fingerprint != kept.fingerprint
    assert {event.values["epoch"] for event in told if isinstance(event, Progressed) and event.stage == "training"} == {3.0, 4.0}
    (method,) = store.result(comparison_id).report()["methods"]
    assert method["status"] == "done" and method["training"]["best_epoch"] >= 1


def test_what_the_doctor_says_of_an_encoder_is_a_note_of_the_run_and_is_said_once(mapping: dict[str, Any], store: Store) -> None:
    wild = {**TUNED, "learning_rate": 2e-3, "epochs": 1}
    data = {**mapping["data"], "labels": [*rooms.LABELS, "gardening"]}
    comparison_id, told = ran(store, read_plan({**mapping, "data": data, "methods": [wild]}))
    texts = [event.text for event in told if isinstance(event, Note)]
    assert sum("1 of 4 labels do not occur" in text for text in texts) == 1
    assert any("far above what tuned_encoder usually takes" in text for text in texts)
    (method,) = store.result(comparison_id).report()["methods"]
    assert [finding["rule"] for finding in method["training"]["findings"]] == ["absent", "rate"]


def test_every_method_that_learns_labels_says_before_what_it_will_take(
    mapping: dict[str, Any], store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def said(module: str, job: EncoderJob) -> dict[str, Any]:
        steps = Steps(5.0, 1.0, 0.5, 80, 40, 8, 300.0, 500.0)
        lengths = tuple(9 for _ in job.train), tuple(9 for _ in job.validation)
        return asdict(measuring.Measured(steps, 0.1, 100, 0.1, 10, 0.5, *lengths))

    monkeypatch.setattr(measuring, "said_by", said)
    methods = [{"kind": "nearest"}, {"kind": "classifier"}, {**TUNED, "seeds": 2}, {"kind": "zero_shot"}]
    plan = read_plan({**mapping, "methods": methods})
    found = [step for step in estimates(store, make_ready(plan, store.models)) if isinstance(step, MethodEstimate)]
    words = {one.name: one.words for one in found}
    assert list(words) == ["nearest", "classifier", "tuned_encoder"]
    assert "tokens are read once, with the embedder loaded; there are no steps." in words["nearest"]
    assert words["classifier"].startswith("About ") and "there are no steps" in words["classifier"]
    assert "(2 seeds, each 16 steps on " in words["tuned_encoder"] and "peak memory 500 MB" in words["tuned_encoder"]
    assert "answers" not in words["tuned_encoder"] and found[2].to_json()["supervised"] is None
    (alone,) = [s for s in estimates(store, make_ready(plan, store.models), "nearest") if isinstance(s, MethodEstimate)]
    assert alone.name == "nearest"


def test_early_stopping_of_an_encoder_needs_validation_rows_and_says_so_with_the_plan(mapping: dict[str, Any], store: Store) -> None:
    bare = {**mapping["data"], "split": {"train": 0.7, "validation": 0.0, "test": 0.3}}
    plan = read_plan({**mapping, "data": bare, "methods": [{**TUNED, "early_stopping": 1}]})
    with pytest.raises(PlanError, match=r"early_stopping needs validation rows, whose loss it watches; there are none"):
        make_ready(plan, store.models)
