"""A tuned method as a part of a comparison: real training of a tiny model, in the process group of the run."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from comparison import jobs, process
from comparison.events import Prepared, Progressed
from comparison.plan import Plan, read_plan
from comparison.stopped import of_result
from comparison.store import Store
from core.records import Message
from models.loading import ModelSpec
from models.transformers_backend import TransformersModel

WORDS = ("stove", "ladder", "parcel", "window", "ticket", "engine", "basket", "mirror")


@pytest.fixture(scope="module")
def tuned_plan(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Plan:
    folder = tmp_path_factory.mktemp("tickets")
    labels = ("billing", "repair", "lost and found")
    rows = [f'"My {WORDS[n % 8]} number {n * 7} went {WORDS[(n * 3 + 1) % 8]}-side up",{labels[n % 3]}' for n in range(40)]
    (folder / "tickets.csv").write_text("input,output\n" + "\n".join(rows) + "\n")
    return read_plan(
        {
            "data": {"path": "tickets.csv", "instruction": "Route to one of: {labels}."},
            "model": {"id": str(tiny_model), "embedder": "fake/hash-64", "threads": 1, "dtype": "float32"},
            "methods": [{"kind": "lora", "rank": 2, "epochs": 4, "batch_size": 4}],
            "metrics": ["accuracy", "label_probability"],
            "generation": {"max_new_tokens": 6},
        },
        folder,
    )


def until(what: Callable[[], bool], patience_s: float = 180) -> None:
    deadline = time.monotonic() + patience_s
    while not what():
        assert time.monotonic() < deadline, "it did not come to that in time"
        time.sleep(0.02)


def weights(store: Store) -> bytes:
    return next(store.artefacts.glob("[!.]*/*.safetensors")).read_bytes()


def training(store: Store, comparison_id: str) -> list[Progressed]:
    return [e for e in store.result(comparison_id).events() if isinstance(e, Progressed) and e.stage == "training"]


@pytest.fixture(scope="module")
def untouched(tuned_plan: Plan, tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, str]:
    store = Store(tmp_path_factory.mktemp("untouched"))
    comparison_id = jobs.submit(store, tuned_plan).id
    until(lambda: not jobs.status(store, comparison_id).active)
    return store, comparison_id


def test_report_states_curves_epochs_and_what_training_cost(untouched: tuple[Store, str]) -> None:
    store, comparison_id = untouched
    (method,) = store.result(comparison_id).report()["methods"]
    assert (method["status"], method["reason"]) == ("done", "")
    assert len(method["training"]["epochs"]) == 4
    assert 1 <= method["training"]["best_epoch"] <= 4
    assert {"step", "loss", "learning_rate", "grad_norm", "token_accuracy"} <= set(method["training"]["curves"][0])
    assert method["cost"]["trainable_params"] > 0
    assert method["cost"]["artefact_bytes"] > 0
    assert method["cost"]["prepare_s"] > 0
    assert method["scores"]["label_probability"]["n"] == method["n"]
    assert [event.values["loss"] for event in training(store, comparison_id)], "curves are streamed while it trains"


def test_trained_weights_answer_on_the_base_that_they_were_trained_on_and_never_merged_into_it(
    untouched: tuple[Store, str], tiny_model: Path, tmp_path: Path
) -> None:
    """E20: the base keeps its weights and its number type, and the logits are those of a merge within float32's rounding."""
    import torch
    from peft import PeftModel

    model = TransformersModel(ModelSpec(id=str(tiny_model), dtype="float32", threads=1), tmp_path)
    folder = next(path.parent for path in untouched[0].artefacts.glob("[!.]*/*.safetensors"))
    before = [parameter.clone() for parameter in model.module.parameters()]
    ids = torch.tensor([model.codec.prompt_ids([Message("user", "My stove went window-side up")])])
    with torch.inference_mode(), model.adapters.active(folder, tuple(ids[0].tolist())) as active:
        applied = active(input_ids=ids).logits
    kept = {name: parameter for name, parameter in model.module.named_parameters() if "lora_" not in name}.values()
    assert all(torch.equal(old, new) for old, new in zip(before, kept, strict=True))
    assert {parameter.dtype for parameter in model.module.parameters()} == {torch.float32}
    other = TransformersModel(ModelSpec(id=str(tiny_model), dtype="float32", threads=1), tmp_path).module
    merged = PeftModel.from_pretrained(other, str(folder)).merge_and_unload()
    with torch.inference_mode():
        assert torch.allclose(merged(input_ids=ids).logits, applied, atol=1e-4)


def test_killed_while_training_it_resumes_to_the_same_weights_answers_and_scores(
    tuned_plan: Plan, untouched: tuple[Store, str], tmp_path: Path, files: Any
) -> None:
    """F1: kill -9 of the run alone; its trainer is found and ended, and training goes on from its last whole epoch."""
    store = Store(tmp_path / "store")
    comparison_id = jobs.submit(store, tuned_plan).id
    until(lambda: any(event.values["epoch"] >= 2 for event in training(store, comparison_id)))
    killed = jobs.status(store, comparison_id)
    assert killed.pid is not None
    os.kill(killed.pid, signal.SIGKILL)
    until(lambda: jobs.status(store, comparison_id).state == "interrupted", 5)
    jobs.resume(store, comparison_id)
    assert process.members(killed.pid) == []
    until(lambda: not jobs.status(store, comparison_id).active)
    assert jobs.status(store, comparison_id).state == "done"
    whole, id_of_whole = untouched
    assert weights(store) == weights(whole)
    assert files(store.folder(comparison_id)) == files(whole.folder(id_of_whole))


def test_stopped_while_training_what_was_trained_is_kept_and_labelled(tuned_plan: Plan, tmp_path: Path) -> None:
    """F9: the whole group is gone within 10 s, and the partial weights stand apart from finished ones, with what they are to become."""
    store = Store(tmp_path / "store")
    comparison_id = jobs.submit(store, tuned_plan).id
    until(lambda: any(event.values["epoch"] >= 2 for event in training(store, comparison_id)))
    begun = time.monotonic()
    stopped = jobs.stop(store, comparison_id)
    assert (stopped.state, time.monotonic() - begun < 10) == ("cancelled", True)
    assert stopped.pid is not None
    assert process.members(stopped.pid) == []
    kept = [one.fingerprint for one in of_result(store.result(comparison_id))]
    assert [path.name for path in store.artefacts.glob("[!.]*")] in ([], kept), "what Stop keeps has a fingerprint of its own"
    (folder,) = (p for p in store.artefacts.glob(".building-*") if p.is_dir())
    assert list(folder.rglob("*.safetensors"))
    label = json.loads(folder.with_name(f"{folder.name}.json").read_text())
    assert (label["state"], label["kind"], label["inputs"]["settings"]["rank"]) == ("unfinished", "weights", 2)


def test_the_same_plan_again_trains_nothing(tuned_plan: Plan, untouched: tuple[Store, str]) -> None:
    store, first = untouched
    second = jobs.submit(store, tuned_plan).id
    until(lambda: not jobs.status(store, second).active)
    prepared = [event for event in store.result(second).events() if isinstance(event, Prepared)]
    assert [(event.kind, event.reused) for event in prepared] == [("weights", True)]
    costs = [store.result(i).report()["methods"][0]["cost"] for i in (first, second)]
    assert costs[0]["prepare_s"] == costs[1]["prepare_s"]


def test_training_rows_that_are_too_long_are_left_out_and_the_report_says_so(tuned_plan: Plan, tmp_path: Path) -> None:
    rows = Path(str(tuned_plan.spec.data.path)).read_text() + '"' + "very " * 80 + 'long",billing\n'
    for part, text in (("train", rows), ("test", "input,output\nWhere is my parcel,lost and found\n")):
        (tmp_path / f"{part}.csv").write_text(text)
    mapping = dict(tuned_plan.mapping)
    mapping["data"] = {
        "files": {"train": "train.csv", "test": "test.csv"},
        "instruction": "Route the message.",
        "split": {"train": 1.0, "validation": 0.0, "test": 0.0},
    }
    mapping |= {"methods": [{"kind": "lora", "rank": 2, "epochs": 1, "max_tokens": 300}], "metrics": ["token_f1"]}
    store = Store(tmp_path / "store")
    comparison_id = jobs.submit(store, read_plan(mapping, tmp_path)).id
    until(lambda: not jobs.status(store, comparison_id).active)
    report = store.result(comparison_id).report()
    assert len(report["methods"][0]["training"]["left_out"]) == 1
    assert any("1 training rows are longer than max_tokens" in note for note in report["notes"])
