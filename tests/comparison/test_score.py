"""Scores are found again by what they were made of, and a metric gets the models that it asks for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from comparison import jobs
from comparison.events import Scored
from comparison.plan import read_plan
from comparison.reindex import reindex
from comparison.rescore import rescore
from comparison.run import run
from comparison.store import Store, alone
from core.errors import PlanError, StoreError
from core.records import Score
from evaluation.base import MetricInfo, metrics
from models.base import OutOfMemory
from models.fake import FakeModel

Complete = Callable[..., tuple[str, list[Any]]]
LABELLED = {"path": "tickets.csv", "instruction": "Route to one of: {labels}."}


def scored(events: list[Any]) -> dict[tuple[str, str], bool]:
    return {(e.method, e.metric): e.reused for e in events if isinstance(e, Scored)}


@pytest.fixture
def tickets(tmp_path: Path) -> Path:
    """48 messages of three labels."""
    labels = ("billing", "repair", "lost and found")
    words = ("stove", "ladder", "parcel", "window", "ticket", "engine", "basket", "mirror")
    rows = [f'"My {words[n % 8]} number {n * 7} went {words[(n * 3 + 1) % 8]}-side up",{labels[n % 3]}' for n in range(48)]
    (tmp_path / "tickets.csv").write_text("input,output\n" + "\n".join(rows) + "\n")
    return tmp_path


def test_the_same_answers_are_not_scored_twice_and_a_new_metric_alone_is(complete: Complete, mapping: dict[str, Any], task: Path) -> None:
    complete(read_plan(mapping, task))
    _, events = complete(read_plan({**mapping, "metrics": ["token_f1", "rouge1"]}, task))
    assert scored(events) == {
        ("zero_shot", "token_f1"): True, ("zero_shot", "rouge1"): False, ("few_shot", "token_f1"): True, ("few_shot", "rouge1"): False,
    }  # fmt: skip


def test_another_version_of_a_metric_scores_anew(
    complete: Complete, mapping: dict[str, Any], task: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = {**mapping, "methods": [{"kind": "zero_shot"}]}
    complete(read_plan(plan, task))
    old = metrics.get("token_f1")
    monkeypatch.setitem(metrics._entries, "token_f1", replace(old, info=replace(old.info, version="next")))  # type: ignore[type-var]
    assert scored(complete(read_plan(plan, task))[1]) == {("zero_shot", "token_f1"): False, ("zero_shot", "exact_match"): True}


def test_log_probabilities_of_labels_reach_the_metrics_that_ask(
    complete: Complete, mapping: dict[str, Any], tickets: Path, store: Store
) -> None:
    metrics = ["accuracy", "accuracy_loglikelihood", "label_probability"]
    plan = read_plan({**mapping, "data": LABELLED, "knowledge": None, "metrics": metrics}, tickets)
    comparison_id, events = complete(plan)
    report = store.result(comparison_id).report()
    assert report["data"]["labels"] == ["billing", "lost and found", "repair"]
    for metric in metrics:
        assert report["methods"][0]["scores"][metric]["n"] == report["data"]["counts"]["test"]
    weighed = [e for e in events if getattr(e, "stage", "") == "weighing labels" and e.method == "zero_shot"]
    assert len(weighed) == report["data"]["counts"]["test"], "once for all metrics that need them"


def test_the_judge_is_asked_and_only_shown(complete: Complete, mapping: dict[str, Any], task: Path, store: Store) -> None:
    plan = read_plan({**mapping, "judge": {"model": "same", "scale": 7}}, task)
    report = store.result(complete(plan)[0]).report()
    assert report["judge"]["scale"] == 7
    summary = report["methods"][0]["scores"]["judge"]
    assert 1 <= summary["mean"] <= 5
    assert report["verdict"]["primary"] == "token_f1"


def test_scores_do_not_cross_scales_of_the_judge(complete: Complete, mapping: dict[str, Any], task: Path) -> None:
    complete(read_plan({**mapping, "judge": {"scale": 5}}, task))
    _, events = complete(read_plan({**mapping, "judge": {"scale": 7}}, task))
    assert scored(events)[("zero_shot", "judge")] is False
    assert scored(events)[("zero_shot", "token_f1")] is True


def test_rescoring_generates_nothing_and_can_be_done_twice(
    complete: Complete, mapping: dict[str, Any], task: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    comparison_id, _ = complete(read_plan(mapping, task))
    monkeypatch.setattr("comparison.loaded.load_model", lambda *_: pytest.fail("the model was loaded"))
    list(rescore(store, comparison_id, ["rouge1"]))
    list(rescore(store, comparison_id, ["chrf"]))
    result = store.result(comparison_id)
    assert [list(result.report(name)["metrics"]) for name in result.report_names()] == [
        ["token_f1", "exact_match"], ["token_f1", "exact_match", "rouge1"], ["token_f1", "exact_match", "rouge1", "chrf"],
    ]  # fmt: skip
    assert result.scores().keys() == {"token_f1", "exact_match", "rouge1", "chrf"}


def test_rescoring_with_log_probabilities_asks_the_model_again(
    complete: Complete, mapping: dict[str, Any], tickets: Path, store: Store
) -> None:
    plan = read_plan({**mapping, "data": LABELLED, "knowledge": None, "metrics": ["accuracy"]}, tickets)
    comparison_id, _ = complete(plan)
    list(rescore(store, comparison_id, ["label_probability"]))
    summary = store.result(comparison_id).report()["methods"][0]["scores"]["label_probability"]
    assert 0 < summary["mean"] < 1


def test_rescoring_and_a_run_do_not_write_beside_each_other(complete: Complete, mapping: dict[str, Any], task: Path, store: Store) -> None:
    plan = read_plan(mapping, task)
    comparison_id, _ = complete(plan)
    with alone(store.folder(comparison_id)):
        with pytest.raises(StoreError, match="by another process"):
            list(rescore(store, comparison_id, ["rouge1"]))
        with pytest.raises(StoreError, match="by another process"):
            list(run(plan, store, comparison_id))
    assert jobs.status(store, comparison_id).state == "done"
    list(rescore(store, comparison_id, ["rouge1"]))
    assert store.result(comparison_id).report_names() == ["report.json", "report.2.json"]


@pytest.mark.parametrize("field", ["revision", "template_hash"])
def test_rescoring_by_a_model_that_has_changed_is_refused(
    complete: Complete, mapping: dict[str, Any], tickets: Path, store: Store, monkeypatch: pytest.MonkeyPatch, field: str
) -> None:
    """E22: another revision under the same name; metrics that ask no model go on."""
    comparison_id, _ = complete(read_plan({**mapping, "data": LABELLED, "knowledge": None, "metrics": ["accuracy"]}, tickets))
    other = replace(FakeModel("fake/echo").identity, **{field: "2"})
    monkeypatch.setattr("comparison.rescore.identify", lambda spec, home: other)
    with pytest.raises(StoreError, match="anew"):
        list(rescore(store, comparison_id, ["label_probability"]))
    list(rescore(store, comparison_id, ["exact_match"]))


def test_an_unknown_metric_is_refused_and_writes_no_report(complete: Complete, mapping: dict[str, Any], task: Path, store: Store) -> None:
    comparison_id, _ = complete(read_plan(mapping, task))
    with pytest.raises(PlanError, match="rouge1"):
        list(rescore(store, comparison_id, ["rouge_1"]))
    assert store.result(comparison_id).report_names() == ["report.json"]


class Broken:
    """A metric that raises what it is given, until it is mended."""

    info = MetricInfo("broken", "broken metric")
    error: Exception | None = None

    def score(self, items: Any, resources: Any) -> list[Any]:
        if self.error is not None:
            raise self.error
        return [Score(1.0) for _ in items]


@pytest.mark.parametrize(
    "error",
    [PlanError("it cannot be loaded.", "Name another."), ZeroDivisionError("oops"), OutOfMemory()],
    ids=["expected", "bug", "memory"],
)
def test_a_metric_that_fails_leaves_the_method_done_and_the_other_metrics_scored(
    complete: Complete, mapping: dict[str, Any], task: Path, store: Store, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """The reason stands in the row and in the notes; mended, the next comparison scores anew."""
    monkeypatch.setitem(metrics._entries, "broken", Broken())
    monkeypatch.setattr(Broken, "error", error)
    plan = read_plan({**mapping, "metrics": ["broken", "token_f1"]}, task)
    report = store.result(complete(plan)[0]).report()
    assert [method["status"] for method in report["methods"]] == ["done", "done"]
    for method in report["methods"]:
        assert (method["scores"]["broken"]["n"], method["scores"]["broken"]["unscored"]) == (0, 12)
        assert "broken" in method["scores"]["broken"]["reason"]
        assert method["scores"]["token_f1"]["n"] == 12
    assert any("broken" in note for note in report["notes"])
    monkeypatch.setattr(Broken, "error", None)
    again = store.result(complete(plan)[0]).report()
    assert again["methods"][0]["scores"]["broken"]["mean"] == 1.0


def test_a_judge_that_had_no_memory_is_asked_again(
    complete: Complete, mapping: dict[str, Any], task: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scores with a passing trouble in them are found under no key."""
    plan = read_plan({**mapping, "methods": [{"kind": "zero_shot"}], "judge": {"scale": 5}}, task)
    with monkeypatch.context() as patched:
        patched.setattr("models.fake.FakeModel.logprobs", short_of_memory)
        first = store.result(complete(plan)[0]).report()
    assert first["methods"][0]["scores"]["judge"]["unscored"] == 1
    reindex(store)
    comparison_id, events = complete(plan)
    assert scored(events)[("zero_shot", "judge")] is False
    assert store.result(comparison_id).report()["methods"][0]["scores"]["judge"]["unscored"] == 0


calls: list[int] = []


def short_of_memory(*arguments: Any) -> list[float]:
    calls.append(1)
    if len(calls) == 1:
        raise OutOfMemory
    return [-1.0, -2.0, -3.0, -4.0, -5.0]
