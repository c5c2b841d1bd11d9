"""`weights: int8 | nf4` as an option of any method: beside the unquantised one in the table, with keys of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from inprocess import train_here

from adapters import tuned
from adapters.base import Method, methods
from comparison import jobs
from comparison.naming import in_words, method_label
from comparison.plan import Plan, read_plan
from comparison.ready import make_ready
from comparison.run import method_key, run
from comparison.score import Base, Scorer
from comparison.store import Store
from comparison.table import rows
from core import versions
from core.errors import ModelError, PlanError
from evaluation.base import metrics
from training.job import TrainingJob

HELD = ("auto", "int8", "nf4")


@pytest.fixture(scope="module")
def held_plan(task: Path, tiny_model: Path) -> Plan:
    pytest.importorskip("bitsandbytes")
    return read_plan(plan_of(tiny_model, *({"kind": "zero_shot", "weights": held} for held in HELD)), task)


def plan_of(model: Path, *chosen: dict[str, Any]) -> dict[str, Any]:
    return {
        "data": {"path": "questions.jsonl", "instruction": "Answer.", "limit": {"test": 6}},
        "model": {"id": str(model), "embedder": "fake/hash-64", "threads": 1, "dtype": "float32"},
        "methods": list(chosen),
        "metrics": ["token_f1"],
        "generation": {"max_new_tokens": 4},
    }


@pytest.fixture(scope="module")
def done(held_plan: Plan, tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, dict[str, Any]]:
    store = Store(tmp_path_factory.mktemp("held"))
    comparison_id = jobs.admit(store, held_plan, handle=jobs.own_handle()).id
    list(run(held_plan, store, comparison_id))
    return store, store.result(comparison_id).report()


def test_quantised_methods_stand_beside_the_unquantised_one_with_score_speed_and_memory(done: tuple[Store, dict[str, Any]]) -> None:
    """E22: the three answers come from three models, and none was taken over from another."""
    report = done[1]
    by_name = {method["name"]: method for method in report["methods"]}
    assert [method_label(method) for method in report["methods"]] == ["Zero-shot", "Zero-shot in int8", "Zero-shot in nf4"]
    assert all(m["status"] == "done" and m["scores"]["token_f1"]["n"] == 6 and m["cost"]["generate_s"] > 0 for m in by_name.values())
    sizes = [by_name[name]["cost"]["weight_bytes"] for name in ("zero_shot_nf4", "zero_shot_int8", "zero_shot")]
    assert sizes == sorted(sizes) and len(set(sizes)) == 3
    assert all(method["cost"]["reused"]["batches"] == 0 for method in by_name.values())
    assert "weights in memory" in [row[0] for row in rows(report)]


def test_the_same_plan_again_takes_each_from_its_own_batches(held_plan: Plan, done: tuple[Store, dict[str, Any]], monkeypatch: Any) -> None:
    """E22: nothing is loaded for it, and the bytes are told still."""
    store, report = done

    def never(*given: Any) -> Any:
        raise AssertionError("a model was loaded")

    monkeypatch.setattr("comparison.loaded.load_model", never)
    comparison_id = jobs.admit(store, held_plan, handle=jobs.own_handle()).id
    list(run(held_plan, store, comparison_id))
    again = store.result(comparison_id).report()
    assert [m["scores"] for m in again["methods"]] == [m["scores"] for m in report["methods"]]
    assert [m["cost"]["weight_bytes"] for m in again["methods"]] == [m["cost"]["weight_bytes"] for m in report["methods"]]


@pytest.mark.parametrize("kind", ["zero_shot", "few_shot", "lora"])
def test_keys_of_methods_weights_and_log_probabilities_depend_on_how_the_base_is_held(held_plan: Plan, tmp_path: Path, kind: str) -> None:
    """E20, E22: a fine-tune on a base in few bits has weights of its own, trained on the very base that answers."""
    ready = make_ready(held_plan, tmp_path)
    made: list[Method] = [methods.get(kind)(methods.get(kind).Spec(kind=kind, weights=held)) for held in HELD]  # type: ignore[call-arg]
    bases = [ready.of(method) for method in made]
    assert len({method_key(base, method, ["same"]) for base, method in zip(bases, made, strict=True)}) == 3
    for base, held in zip(bases, HELD, strict=True):
        assert base.setting.model.weights == held and base.setting.model_key == base.identity
    prints = [
        method.recipes(base.setting)[-1].fingerprint for base, method in zip(bases, made, strict=True) if method.recipes(base.setting)
    ]
    assert len(set(prints)) == len(prints) and (kind != "lora" or len(prints) == 3)


def test_log_probabilities_are_asked_of_the_base_that_answered(held_plan: Plan, tmp_path: Path) -> None:
    """E22: another base is another key of every metric that asks the model."""
    ready = make_ready(held_plan, tmp_path)
    found = [(name, ready.of(method)) for name, method in ready.methods.items()]
    scorer: Any = Scorer.__new__(Scorer)
    scorer.identity, scorer.loaded, scorer.bases = ready.identity, ready.loaded, {name: Base(r.identity, r.loaded) for name, r in found}
    scorer.adapters, scorer.labels, scorer.answerable, scorer.embedder_id = {}, (), {}, ""
    keys = {name: scorer.key(name, metrics.get("reference_nll"), [], []) for name, _ in found}
    assert len(set(keys.values())) == 3
    assert scorer.base("other").identity == ready.identity


def test_full_and_scratch_refuse_a_base_in_few_bits(task: Path, tiny_model: Path, tmp_path: Path) -> None:
    pytest.importorskip("bitsandbytes")
    for kind in ("full", "scratch"):
        plan = read_plan(plan_of(tiny_model, {"kind": kind, "weights": "nf4"}), task)
        with pytest.raises(PlanError, match=rf"{kind} trains whole weights, so `weights` must be auto; got nf4.*qlora"):
            make_ready(plan, tmp_path)


@pytest.mark.parametrize("entry", [{"kind": "zero_shot", "weights": "int8"}, {"kind": "qlora"}])
def test_quantisation_that_is_not_installed_is_one_message_before_anything_runs(
    entry: dict[str, Any], task: Path, tiny_model: Path, tmp_path: Path, monkeypatch: Any
) -> None:
    original = versions.installed
    monkeypatch.setattr(versions, "installed", lambda name: None if name == "bitsandbytes" else original(name))
    with pytest.raises(ModelError, match=r"bitsandbytes, which is not installed.*pip install bitsandbytes"):
        make_ready(read_plan(plan_of(tiny_model, entry), task), tmp_path)


def test_other_bits_are_refused_with_those_there_are(task: Path, tiny_model: Path) -> None:
    with pytest.raises(PlanError, match=r"methods\.0\.weights.*'auto', 'int8' or 'nf4'; got 'int4'"):
        read_plan(plan_of(tiny_model, {"kind": "zero_shot", "weights": "int4"}), task)


def test_names_say_how_the_base_is_held() -> None:
    assert in_words("zero_shot_nf4: 3 items") == "Zero-shot in nf4: 3 items"
    assert in_words("The disk is full; start from scratch.") == "The disk is full; start from scratch."
    assert method_label({"name": "lora_int8", "kind": "lora"}) == "LoRA in int8"


def test_qlora_is_trained_on_and_asked_of_the_same_quantised_base(
    task: Path, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """E20: from plan to answers, beside a full fine-tune and a small model from scratch, each with its own weights in memory."""
    pytest.importorskip("bitsandbytes")
    bases = []

    def here(job: TrainingJob) -> Iterator[dict[str, Any]]:
        bases.append((job.kind, job.base.weights))
        return train_here(job)

    monkeypatch.setattr(tuned, "run_job", here)
    short = {"epochs": 1, "learning_rate": 0.01, "train_rows": 8}
    plan = read_plan(plan_of(tiny_model, *({"kind": kind, **short} for kind in ("full", "qlora", "scratch"))), task)
    store = Store(tmp_path / "store", tmp_path / "models")
    comparison_id = jobs.admit(store, plan, handle=jobs.own_handle()).id
    list(run(plan, store, comparison_id))
    entries = {entry["name"]: entry for entry in store.result(comparison_id).report()["methods"]}
    assert {name: (entry["status"], entry["reason"]) for name, entry in entries.items()} == dict.fromkeys(entries, ("done", ""))
    assert bases == [("full", "auto"), ("qlora", "nf4"), ("scratch", "auto")]
    assert entries["qlora"]["cost"]["weight_bytes"] < entries["full"]["cost"]["weight_bytes"]
    assert entries["full"]["cost"]["trainable_params"] > entries["qlora"]["cost"]["trainable_params"] > 0
