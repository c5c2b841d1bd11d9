"""Stop while a fine-tune trains: its best epoch becomes weights with a label of their own, and what was not trained is never served for them."""

from __future__ import annotations

import json
import os
import signal
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from inprocess import train_here
from tickets import ticket_plan

from adapters import tuned
from comparison import handing, jobs, process
from comparison.events import Event, Note, Prepared, Progressed
from comparison.plan import Plan, read_plan
from comparison.run import run
from comparison.stopped import keep, of_result
from comparison.store import Store
from comparison.trained import trained
from core.errors import Cancelled, PlanError, StoreError
from core.files import manifest_fault


@pytest.fixture
def mapping(tmp_path: Path, tiny_model: Path) -> dict[str, Any]:
    return ticket_plan(tmp_path, tiny_model, {"kind": "lora", "rank": 2, "epochs": 4, "learning_rate": 0.01})


@pytest.fixture
def go(store: Store, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[str, list[Event]]]:
    """Run a plan in this process, and stop it right after an epoch where one is named."""
    monkeypatch.setattr(tuned, "run_job", train_here)

    def run_it(plan: Plan, stop_after: int | None = None, comparison_id: str = "") -> tuple[str, list[Event]]:
        comparison_id = comparison_id or jobs.admit(store, plan, handle=jobs.own_handle()).id
        told: list[Event] = []
        steps = run(plan, store, comparison_id)
        for event in steps:
            told.append(event)
            if isinstance(event, Progressed) and event.stage == "validating" and event.done == stop_after:
                with pytest.raises(Cancelled):
                    steps.throw(Cancelled("Stopped on request."))  # type: ignore[attr-defined]
                break
        return comparison_id, told

    return run_it


def finished(store: Store) -> list[str]:
    return sorted(path.name for path in store.artefacts.glob("[!.]*"))


def test_what_was_trained_is_kept_under_its_own_fingerprint_and_a_plan_that_says_so_finds_it(
    mapping: dict[str, Any], store: Store, go: Callable[..., tuple[str, list[Event]]]
) -> None:
    """E22: the stopped weights are those of `stop_after: 2`, and the plan with all epochs never gets them."""
    whole = read_plan(mapping)
    comparison_id, _ = go(whole, stop_after=2)
    assert finished(store) == []
    (kept,) = keep(store, comparison_id)
    assert (kept.method, kept.epoch, kept.epochs, kept.words) == ("lora", 2, 4, "stopped after epoch 2 of 4")
    assert finished(store) == [kept.fingerprint] and not manifest_fault(store.artefacts / kept.fingerprint)
    assert of_result(store.result(comparison_id)) == [kept]
    short = read_plan({**mapping, "name": "So far", "methods": [{**mapping["methods"][0], "stop_after": 2}]})
    _, told = go(short)
    assert [event.reused for event in told if isinstance(event, Prepared)] == [True]
    assert any(isinstance(event, Note) and event.text.startswith("Stopped after epoch 2 of 4") for event in told)
    jobs.requeue(store, comparison_id, jobs.own_handle())
    _, told = go(whole, comparison_id=comparison_id)
    (prepared,) = [event for event in told if isinstance(event, Prepared)]
    assert not prepared.reused and prepared.fingerprint != kept.fingerprint
    epochs = {event.values["epoch"] for event in told if isinstance(event, Progressed) and event.stage == "training"}
    assert epochs == {3.0, 4.0}, "resumed from where it was stopped"


def test_stopped_weights_are_zipped_and_pushed_under_the_epoch_that_they_were_stopped_after(
    mapping: dict[str, Any], store: Store, go: Callable[..., tuple[str, list[Event]]], tmp_path: Path
) -> None:
    """They are labelled on the card, in the MANIFEST and in the push, and have no scores to show."""
    methods = [{"kind": "zero_shot"}, mapping["methods"][0], {"kind": "ia3", "epochs": 2}]
    comparison_id, _ = go(read_plan({**mapping, "methods": methods}), stop_after=2)
    with pytest.raises(StoreError, match="has no report"):
        trained(store, comparison_id, "lora")
    (kept,) = keep(store, comparison_id)
    found = trained(store, comparison_id, "lora")
    assert found.stopped == kept and found.fingerprint == kept.fingerprint and found.file_name == "lora-stopped-after-epoch-2"
    handing.zip_to(found, tmp_path / "x.zip")
    with zipfile.ZipFile(tmp_path / "x.zip") as archive:
        card, manifest = archive.read("README.md").decode(), json.loads(archive.read("MANIFEST.json"))
        assert {"adapter_model.safetensors", "adapter_config.json"} <= set(archive.namelist())
    assert "**Stopped after epoch 2 of 4**: not finished" in card and f"weights of epoch {kept.best_epoch}" in card
    assert "there are no scores" in card and "- stopped-early" in card and "epochs: 4" in card and str(tmp_path) not in card
    assert manifest["about"]["stopped_after_epoch"] == 2
    told: dict[str, Any] = {}
    hub = SimpleNamespace(create_repo=lambda repo, **more: repo, upload_folder=lambda **given: told.update(given))
    handing.push(found, "me/tickets", lambda: hub)
    assert told["commit_message"] == "lora by Bakeoff, stopped after epoch 2 of 4"
    assert not manifest_fault(found.weights)
    with pytest.raises(StoreError, match=r"was stopped, and nothing of ia3 was kept\. There is: lora"):
        trained(store, comparison_id, "ia3")
    with pytest.raises(PlanError, match="has no method 'lore'"):
        trained(store, comparison_id, "lore")


def test_nothing_is_kept_of_a_run_that_ended_no_epoch_or_trains_nothing(
    mapping: dict[str, Any], store: Store, go: Callable[..., tuple[str, list[Event]]]
) -> None:
    assert keep(store, go(read_plan(mapping))[0]) == []
    assert keep(store, go(read_plan({**mapping, "name": "Bare", "methods": [{"kind": "zero_shot"}]}))[0]) == []


def test_the_seconds_of_the_stopped_training_are_those_of_what_was_kept(
    mapping: dict[str, Any], store: Store, go: Callable[..., tuple[str, list[Event]]]
) -> None:
    comparison_id, _ = go(read_plan(mapping), stop_after=1)
    (seconds,) = store.artefacts.glob(".building-*.seconds")
    seconds.write_text("123.0")
    (kept,) = keep(store, comparison_id)
    assert json.loads((store.artefacts / kept.fingerprint / "MANIFEST.json").read_text())["about"]["prepare_s"] >= 123


def test_a_trainer_that_the_system_kills_fails_its_method_with_the_setting_to_change_and_the_next_job_goes_on(
    mapping: dict[str, Any], store: Store, tmp_path: Path
) -> None:
    """F11: exit -9 as by the OOM killer; the queue behind it is not held up."""
    first = jobs.submit(store, read_plan({**mapping, "methods": [{**mapping["methods"][0], "epochs": 90}]})).id
    fake = {"id": "fake/echo", "embedder": "fake/hash-64"}
    second = jobs.submit(store, read_plan({**mapping, "name": "Next", "model": fake, "methods": [{"kind": "zero_shot"}]})).id
    deadline = time.monotonic() + 240
    while not any(isinstance(e, Progressed) and e.stage == "training" for e in store.result(first).events()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    leader = jobs.status(store, first).pid
    assert leader is not None
    (trainer,) = [pid for pid in process.members(leader) if b"training" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")]
    os.kill(trainer, signal.SIGKILL)
    while jobs.status(store, first).active or jobs.status(store, second).active:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    (method,) = store.result(first).report()["methods"]
    assert method["status"] == "failed"
    assert "killed (out of memory?). Set micro_batch_size to 2" in method["reason"]
    assert jobs.status(store, second).state == "done"


def test_stop_on_the_running_job_leaves_nobody_behind_and_what_it_trained_can_be_kept(mapping: dict[str, Any], store: Store) -> None:
    """F9, with the real processes: the trainer is gone within 10 s, having labelled its weights."""
    plan = read_plan({**mapping, "methods": [{**mapping["methods"][0], "epochs": 90, "learning_rate": 1e-3}]})
    comparison_id = jobs.submit(store, plan).id
    deadline = time.monotonic() + 240
    while not any(isinstance(e, Progressed) and e.stage == "validating" for e in store.result(comparison_id).events()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    begun = time.monotonic()
    stopped = jobs.stop(store, comparison_id)
    assert stopped.state == "cancelled" and time.monotonic() - begun < 10
    assert stopped.pid is not None and process.members(stopped.pid) == []
    (kept,) = keep(store, comparison_id)
    assert 1 <= kept.epoch < 90 and finished(store) == [kept.fingerprint]
