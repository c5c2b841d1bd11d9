"""A run as a whole: one method's failure is its row's reason, and every comparison is on the same items."""

from __future__ import annotations

import importlib.metadata
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from adapters.zero_shot import BoundZeroShot
from comparison import jobs, lines
from comparison.events import Finished, MethodFailed, Started
from comparison.plan import Plan, read_plan
from comparison.run import run
from comparison.store import Store
from core.errors import Cancelled, MethodError, StoreError
from core.records import Example, Prompt
from models.fake import FakeModel

Complete = Callable[..., tuple[str, list[Any]]]


def failing(monkeypatch: pytest.MonkeyPatch, error: Exception, bad: int = 10**9) -> None:
    """zero_shot cannot word a prompt for the first `bad` items that it is shown."""
    seen: list[str] = []

    def prompts(self: BoundZeroShot, examples: Sequence[Example]) -> list[Prompt]:
        seen.extend(e.id for e in examples if e.id not in seen)
        if any(e.id in seen[:bad] for e in examples):
            raise error
        return original(self, examples)

    original = BoundZeroShot.prompts
    monkeypatch.setattr(BoundZeroShot, "prompts", prompts)


def test_all_methods_are_compared_on_the_items_that_all_answered(
    complete: Complete, plan: Plan, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """E29: one method fails 10 of 12 items; means and pairs use the two that are left, and n says so."""
    failing(monkeypatch, MethodError("too long for words", "Shorten it."), bad=10)
    report = store.result(complete(plan)[0]).report()
    zero, few = report["methods"]
    assert (zero["n"], few["n"]) == (2, 12)
    assert [method["scores"]["token_f1"]["n"] for method in (zero, few)] == [2, 2]
    assert [method["scores"]["token_f1"]["unscored"] for method in (zero, few)] == [10, 0]
    assert len(zero["failures"]) == 10
    assert any("10 items could not be asked" in note for note in report["notes"])


def test_a_result_states_what_greedy_answers_hang_on_and_all_methods_share_one_batch_policy(
    complete: Complete, plan: Plan, store: Store
) -> None:
    """E6: bf16 answers drift with processor, library and batch, so these are recorded; how much is what an A/A run shows (test_aa.py)."""
    comparison_id, _ = complete(plan)
    result = store.result(comparison_id)
    environment = result.report()["environment"]
    assert {"dtype", "device", "gpu", "threads", "versions", "batch_policy", "generation", "template_hash"} <= set(environment)
    assert {"torch", "transformers", "peft"} <= set(environment["versions"])
    made = FakeModel("fake/echo").identity
    stated = [environment[name] for name in ("dtype", "device", "threads", "template_hash")]
    assert stated == [made.dtype, made.device, made.threads, made.template_hash] and environment["gpu"] is None
    assert environment["versions"]["torch"] == importlib.metadata.version("torch")
    assert environment["generation"] == plan.spec.generation.model_dump(), "E21: the whole effective config"
    policies = [result.answers(name).head["policy"] for name in plan.method_names]
    assert policies == [environment["batch_policy"]] * len(plan.method_names) and policies[0]["max_rows"] == 4


@pytest.mark.parametrize("error", [MethodError("no such thing", "Take another."), ZeroDivisionError("oops")], ids=["expected", "bug"])
def test_a_failed_method_is_a_row_with_its_reason_and_the_others_go_on(
    complete: Complete, plan: Plan, store: Store, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    failing(monkeypatch, error)
    comparison_id, events = complete(plan)
    report = store.result(comparison_id).report()
    assert [(m["status"], m["n"]) for m in report["methods"]] == [("failed", 0), ("done", 12)]
    assert str(error).split()[0] in report["methods"][0]["reason"]
    assert [e.method for e in events if isinstance(e, MethodFailed)] == ["zero_shot"]
    assert jobs.status(store, comparison_id).state == "done"
    assert report["methods"][1]["scores"]["token_f1"]["n"] == 12


def test_resuming_after_a_mended_failure_writes_a_second_report(
    complete: Complete, plan: Plan, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        failing(patched, MethodError("no such thing", "Take another."))
        comparison_id, _ = complete(plan)
    before = (store.folder(comparison_id) / "report.json").read_bytes()
    jobs.requeue(store, comparison_id, jobs.own_handle())
    list(run(plan, store, comparison_id))
    assert (store.folder(comparison_id) / "report.json").read_bytes() == before
    assert [m["status"] for m in store.result(comparison_id).report()["methods"]] == ["done", "done"]
    assert store.result(comparison_id).report_names() == ["report.json", "report.2.json"]


def test_a_method_that_fails_now_does_not_compete_with_its_scores_of_before(
    complete: Complete, plan: Plan, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scored by the first start and failed by the second: no mean, no pair, no place in the verdict."""
    comparison_id, _ = complete(plan)
    monkeypatch.setattr("comparison.run.ledger", broken_ledger)
    jobs.requeue(store, comparison_id, jobs.own_handle())
    list(run(plan, store, comparison_id))
    report = store.result(comparison_id).report()
    assert [method["status"] for method in report["methods"]] == ["failed", "done"]
    assert report["methods"][0]["scores"]["token_f1"]["mean"] is None
    assert report["pairwise"] == []
    assert report["verdict"]["best"] != "zero_shot"
    assert "zero_shot" not in report["verdict"]["tied"]


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="only Linux can measure from a chosen moment")
def test_a_method_does_not_inherit_the_memory_of_the_one_before(
    complete: Complete, plan: Plan, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One process runs all methods; each states its own peak."""

    def prompts(self: BoundZeroShot, examples: Sequence[Example]) -> list[Prompt]:
        assert len(np.ones(50_000_000)) > 0  # 400 MB, given back at once
        return original(self, examples)

    original = BoundZeroShot.prompts
    monkeypatch.setattr(BoundZeroShot, "prompts", prompts)
    zero, few = (method["cost"]["peak_memory_mb"] for method in store.result(complete(plan)[0]).report()["methods"])
    assert zero > few + 200


def broken_ledger(saved: Any, timings: Any, artefacts: Any) -> dict[str, Any]:
    if not next(iter(saved.answers.values())).prompt.demo_ids:
        raise MethodError("the ledger is torn", "Run it again.")
    return {}


def test_events_on_disk_are_those_that_came_out(complete: Complete, plan: Plan, store: Store) -> None:
    comparison_id, events = complete(plan)
    assert list(store.result(comparison_id).events()) == events
    assert isinstance(events[0], Started)
    assert isinstance(events[-1], Finished)


def test_environment_is_stated_once_and_kept_by_a_resume(complete: Complete, plan: Plan, store: Store) -> None:
    comparison_id, _ = complete(plan)
    path = store.folder(comparison_id) / "environment.json"
    stated = {**json.loads(path.read_text()), "threads": 1, "dtype": "none", "marker": "first start"}
    path.write_text(json.dumps(stated))
    jobs.requeue(store, comparison_id, jobs.own_handle())
    list(run(plan, store, comparison_id))
    assert store.result(comparison_id).report()["environment"] == stated


def test_dtype_and_threads_of_the_first_start_are_used_on_resuming() -> None:
    from comparison.environment import fixed
    from models.loading import ModelSpec

    spec = ModelSpec(id="org/name", dtype="auto", threads=None)
    assert fixed(spec, None) == spec
    kept = fixed(spec, {"dtype": "bfloat16", "threads": 3})
    assert (kept.dtype, kept.threads) == ("bfloat16", 3)


@pytest.mark.parametrize(
    ("place", "said"),
    [
        (("model", "revision"), "revision"), (("model", "context_length"), "context"), (("device",), "device"),
        (("template_hash",), "template"), (("embedder_revision",), "embedder"), (("versions", "torch"), "torch"),
        (("versions", "transformers"), "transformers"), (("versions", "peft"), "peft"),
        (("versions", "sentence-transformers"), "sentence-transformers"),
    ],
)  # fmt: skip
def test_other_means_than_the_first_starts_are_refused_on_resuming(
    complete: Complete, plan: Plan, store: Store, place: tuple[str, ...], said: str
) -> None:
    """E22: half of the answers by one library or device and half by another would stand in one table."""
    comparison_id, _ = complete(plan)
    path = store.folder(comparison_id) / "environment.json"
    stated = json.loads(path.read_text())
    inner = stated if len(place) == 1 else stated[place[0]]
    inner[place[-1]] = "another"
    path.write_text(json.dumps(stated))
    jobs.requeue(store, comparison_id, jobs.own_handle())
    with pytest.raises(StoreError, match=f"{said}.*another") as refused:
        list(run(plan, store, comparison_id))
    assert "anew" in refused.value.remedy
    assert path.read_text() == json.dumps(stated)


def test_changed_data_are_refused_on_resuming(
    complete: Complete, mapping: dict[str, Any], tmp_path: Path, store: Store, task: Path
) -> None:
    rows = (task / "questions.jsonl").read_text()
    (tmp_path / "questions.jsonl").write_text(rows)
    plan = read_plan({**mapping, "knowledge": None}, tmp_path)
    comparison_id, _ = complete(plan)
    (tmp_path / "questions.jsonl").write_text(rows + json.dumps({"input": "Something new?", "output": "Yes"}) + "\n")
    jobs.requeue(store, comparison_id, jobs.own_handle())
    with pytest.raises(StoreError, match="have changed"):
        list(run(plan, store, comparison_id))


def test_a_stop_in_the_middle_is_cancelled_and_goes_on_where_it_was(
    complete: Complete, plan: Plan, store: Store, tmp_path: Path, files: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, _ = complete(plan)
    other = Store(tmp_path / "other")
    comparison_id = jobs.admit(other, plan, handle=jobs.own_handle()).id
    monkeypatch.setattr("comparison.score.Scorer.score", stopped)
    with pytest.raises(Cancelled):
        list(run(plan, other, comparison_id))
    assert jobs.status(other, comparison_id).state == "cancelled"
    monkeypatch.undo()
    jobs.requeue(other, comparison_id, jobs.own_handle())
    list(run(plan, other, comparison_id))
    assert files(other.folder(comparison_id)) == files(store.folder(whole))


def stopped(*arguments: Any) -> Any:
    raise Cancelled("Stopped on request.", "Resume it.")


def test_splits_hold_the_test_items_whole_and_of_the_others_the_ids(complete: Complete, plan: Plan, store: Store) -> None:
    result = store.result(complete(plan)[0])
    splits = result.splits()
    assert {e.id for e in splits.test} == set(result.answers("zero_shot").answers)
    assert len(splits.train_ids) == result.report()["data"]["counts"]["train"]
    assert not {e.id for e in splits.test} & {*splits.train_ids, *splits.validation_ids}
    assert all(e.reference.startswith("Hall") for e in splits.test)


def test_a_test_question_in_the_documents_is_counted_and_named(
    complete: Complete, mapping: dict[str, Any], tmp_path: Path, store: Store, task: Path
) -> None:
    """E11: a planted question is found whatever its length; without it there is none."""
    (tmp_path / "questions.jsonl").write_bytes((task / "questions.jsonl").read_bytes())
    (tmp_path / "handbook").mkdir()
    page = tmp_path / "handbook" / "faq.md"
    page.write_text("# Frequently asked\n\nNothing yet.\n")
    plan = read_plan({**mapping, "methods": [{"kind": "zero_shot"}]}, tmp_path)
    clean = store.result(complete(plan)[0])
    assert clean.report()["data"]["leakage"]["index"] | {"items": {}} == {
        "exact": 0, "normalised": 0, "ngram": 0, "embedding": 0, "with_answer": 0, "answers": 0, "items": {},
    }  # fmt: skip
    asked = clean.splits().test[0]
    page.write_text(f"# Frequently asked\n\nOne wrote: {asked.input.upper()}\n\nIn hall 9.\n")
    found = store.result(complete(plan)[0]).report()["data"]["leakage"]["index"]
    assert (found["exact"], found["normalised"]) == (0, 1)
    assert found["items"]["normalised"] == [{"test": asked.id, "other": "faq.md"}]


def test_answers_keep_prompt_demonstrations_and_passages(complete: Complete, mapping: dict[str, Any], task: Path, store: Store) -> None:
    plan = read_plan({**mapping, "methods": [{"kind": "few_shot", "shots": 2}, {"kind": "rag", "top_k": 2}]}, task)
    result = store.result(complete(plan)[0])
    few = next(iter(result.answers("few_shot").answers.values()))
    rag = next(iter(result.answers("rag").answers.values()))
    assert len(few.prompt.demo_ids) == 2
    assert len(rag.prompt.passages) == 2
    assert rag.prompt.passages[0].passage.text in rag.prompt.messages[-1].content
    assert rag.prompt_tokens > 0
    assert set(result.timings("rag")) == set(result.answers("rag").answers)


def test_packed_scores_stand_in_the_plans_order(complete: Complete, plan: Plan, store: Store) -> None:
    folder = store.folder(complete(plan)[0])
    rows = [line.record for line in lines.read(folder / "scores.jsonl.gz")]
    order = [("zero_shot", "token_f1"), ("zero_shot", "exact_match"), ("few_shot", "token_f1"), ("few_shot", "exact_match")]
    assert [(row["method"], row["metric"]) for row in rows] == order
    assert not (folder / "scores.jsonl").exists()
