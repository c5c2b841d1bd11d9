"""Direct methods in a comparison: the same files as generated answers, no language model, and label metrics from what they state themselves."""

from __future__ import annotations

import gzip
import json
import math
import multiprocessing
import os
import re
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import rooms

from adapters.base import DirectAnswer
from adapters.labelled import BoundLabelled
from comparison import direct, jobs
from comparison.answers import AnswerWriter, read_answers, read_timings
from comparison.direct import Asked, remarks
from comparison.events import Answered, Note
from comparison.likelihood import stated
from comparison.plan import Plan, read_plan
from comparison.rescore import rescore
from comparison.run import run
from comparison.store import Store
from core.errors import MethodError, PlanError
from core.records import Answer, Example, Grounds, Prompt, Score, Unscored
from evaluation.base import Item, Resources, metrics
from models.base import BatchPolicy

Complete = Callable[..., tuple[str, list[Any]]]
LABEL_METRICS = ["accuracy", "accuracy_lenient", "accuracy_loglikelihood", "label_probability"]


@pytest.fixture(scope="module")
def faults(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """48 rows with three labels that single words give away."""
    folder = tmp_path_factory.mktemp("faults")
    rows = [{"input": f"{rooms.SAID[rooms.LABELS[n % 3]]} in room {n}.", "output": rooms.LABELS[n % 3]} for n in range(48)]
    (folder / "faults.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def plan_of(folder: Path, **changes: Any) -> Plan:
    mapping = {
        "data": {"path": "faults.jsonl", "instruction": "Name one of {labels}."},
        "model": {"id": "fake/echo", "embedder": "fake/hash-64"},
        "methods": [{"kind": "nearest"}, {"kind": "classifier"}],
        "metrics": LABEL_METRICS,
        "batch": {"max_rows": 4},
    }
    return read_plan({**mapping, **changes}, folder)


def answered(events: Sequence[Any]) -> dict[str, tuple[int, int]]:
    return {e.method: (e.generated, e.reused) for e in events if isinstance(e, Answered)}


def test_direct_methods_alone_ask_no_language_model_and_are_scored_like_all(
    complete: Complete, faults: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("comparison.loaded.load_model", lambda *_, **__: pytest.fail("the model was loaded"))
    comparison_id, events = complete(plan_of(faults))
    report = store.result(comparison_id).report()
    assert answered(events) == {"nearest": (3, 0), "classifier": (3, 0)}
    for method in report["methods"]:
        assert (method["status"], method["n"], method["cut"]) == ("done", 12, 0)
        assert method["scores"]["accuracy"]["mean"] == 1.0
        cost = method["cost"]
        assert (cost["prompt_tokens"], cost["completion_tokens"], cost["peak_memory_mb"]) == (0, 0, None)
        assert cost["artefact_bytes"] > 0 and cost["seconds_per_answer"] is not None
    assert [method["cost"]["trainable_params"] for method in report["methods"]] == [0, 3 * 65]


def test_probabilities_that_a_method_states_are_scored_and_what_it_does_not_state_is_unscored_with_the_reason(
    complete: Complete, faults: Path, store: Store
) -> None:
    """Never a silent 0."""
    comparison_id, _ = complete(plan_of(faults))
    nearest, classifier = (method["scores"] for method in store.result(comparison_id).report()["methods"])
    for metric in ("accuracy_loglikelihood", "label_probability"):
        assert nearest[metric]["mean"] is None and nearest[metric]["unscored"] == 12
        assert nearest[metric]["reason"] == "it answers without a prompt and gives no probabilities of the labels"
    assert classifier["accuracy_loglikelihood"]["mean"] == 1.0
    answers, test = store.result(comparison_id).answers("classifier").answers, store.result(comparison_id).splits().test
    mean = sum(answers[e.id].grounds.probabilities[e.reference] for e in test) / len(test)
    assert classifier["label_probability"]["mean"] == pytest.approx(mean)


def test_answers_stand_in_the_same_files_with_markers_and_without_prompt_or_tokens(complete: Complete, faults: Path, store: Store) -> None:
    comparison_id, _ = complete(plan_of(faults))
    folder = store.folder(comparison_id)
    saved, timings = read_answers(folder, "nearest"), read_timings(folder, "nearest")
    assert saved.complete and [len(batch) for batch in saved.batches.values()] == [4, 4, 4]
    assert set(timings.batches) == set(saved.batches) and set(timings.latency_s) == set(saved.answers)
    train = set(store.result(comparison_id).splits().train_ids)
    for one in saved.answers.values():
        assert (one.finish_reason, one.token_ids, one.prompt, one.prompt_tokens) == ("direct", (), Prompt(()), 0)
        assert one.grounds is not None and one.grounds.nearest in train and one.grounds.similarity is not None


def test_the_same_plan_again_takes_all_answers_over(complete: Complete, faults: Path, store: Store, files: Any) -> None:
    """E22: and another set of training rows takes none."""
    first = complete(plan_of(faults))[0]
    second, events = complete(plan_of(faults))
    assert answered(events) == {"nearest": (0, 3), "classifier": (0, 3)}
    assert files(store.folder(first)) == files(store.folder(second))
    other = plan_of(faults, data={"path": "faults.jsonl", "instruction": "Name one of {labels}.", "split": {"seed": 8}})
    assert answered(complete(other)[1]) == {"nearest": (3, 0), "classifier": (3, 0)}


def _killed(root: Path, plan: Plan, comparison_id: str) -> None:
    calls = {"add": 0}
    add = AnswerWriter.add

    def counting(self: AnswerWriter, *arguments: Any, **named: Any) -> None:
        add(self, *arguments, **named)
        calls["add"] += 1
        if calls["add"] == 5:
            with self.plain.open("ab") as file:
                file.write(b'{"answer": {"example_id": "torn')
            os.kill(os.getpid(), signal.SIGKILL)

    AnswerWriter.add = counting  # type: ignore[method-assign]
    store = Store(root, root / "models")
    jobs.claim(store, comparison_id)
    for _ in run(plan, store, comparison_id):
        continue


def test_killed_between_batches_it_goes_on_and_ends_with_equal_files(complete: Complete, faults: Path, tmp_path: Path, files: Any) -> None:
    """F1 for direct methods: what has its marker is not answered again."""
    plan, whole, killed = plan_of(faults), Store(tmp_path / "whole"), Store(tmp_path / "killed", tmp_path / "killed" / "models")
    untouched, _ = complete(plan, whole)
    comparison_id = jobs.admit(killed, plan).id
    child = multiprocessing.get_context("fork").Process(target=_killed, args=(killed.root, plan, comparison_id))
    child.start()
    child.join(120)
    assert child.exitcode == -signal.SIGKILL
    assert len(read_answers(killed.folder(comparison_id), "classifier").batches) == 2
    jobs.requeue(killed, comparison_id, jobs.own_handle())
    events = list(run(plan, killed, comparison_id))
    assert answered(events)["classifier"] == (1, 0)
    assert files(killed.folder(comparison_id)) == files(whole.folder(untouched))


@dataclass
class Echo:
    """Says the question back, but not to everybody."""

    adapter: None = None

    def refuse(self, example: Example) -> str:
        return "it is odd" if example.id == "r61" else ""

    def answer(self, examples: Sequence[Example]) -> list[DirectAnswer]:
        return [DirectAnswer(example.question, Grounds()) for example in examples]


def test_items_that_a_method_refuses_are_failures_with_their_reason(complete: Complete, faults: Path, store: Store) -> None:
    comparison_id, _ = complete(plan_of(faults, methods=[{"kind": "nearest"}]))
    asked = Asked(comparison_id, "echo", "key", Echo(), rooms.TEST, BatchPolicy(max_rows=5))
    assert [(event.done, event.total) for event in direct.answer(store, asked)] == [(5, 8), (8, 8)]
    saved = read_answers(store.folder(comparison_id), "echo")
    assert saved.failures == {"r61": "it is odd"} and len(saved.answers) == 8
    none = Asked(comparison_id, "echo", "key", Echo(), rooms.TEST[1:2], BatchPolicy())
    with pytest.raises(MethodError, match="echo can answer none of the 1 items: it is odd"):
        list(direct.answer(store, none))


def test_what_cannot_work_with_the_data_is_the_plans_fault(faults: Path, complete: Complete, task: Path) -> None:
    data = {"path": "questions.jsonl", "instruction": "Say."}
    free = read_plan({"data": data, "model": {"id": "fake/echo", "embedder": "fake/hash-64"}, "methods": [{"kind": "classifier"}]}, task)
    with pytest.raises(PlanError, match=r"classifier needs a label set"):
        complete(free)
    with pytest.raises(PlanError, match="needs an embedder with weights"):
        complete(plan_of(faults, methods=[{"kind": "tuned_encoder"}]))


def test_training_rows_that_tell_little_are_said_in_the_reports_notes(complete: Complete, tmp_path: Path, store: Store) -> None:
    rows = [(f"{rooms.SAID['heating' if n % 4 else 'lighting']} in room {n}.", "heating" if n % 4 else "lighting") for n in range(40)]
    for name, part in (("train", rows[:20]), ("test", [*rows[20:], ("The tap drips.", "plumbing")])):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps({"input": a, "output": b}) + "\n" for a, b in part))
    data = {"files": {"train": "train.jsonl", "test": "test.jsonl"}, "labels": list(rooms.LABELS), "instruction": "Name one."}
    comparison_id, events = complete(plan_of(tmp_path, data=data, methods=[{"kind": "classifier"}]))
    said = [event.text for event in events if isinstance(event, Note)]
    assert any(text.startswith("1 of 3 labels do not occur in its training rows") for text in said)
    assert any(re.match(r"\d\d% of its training rows have one label", text) for text in said)
    assert not any(label in text for text in said for label in rooms.LABELS), "labels may be private"
    report = store.result(comparison_id).report()
    assert report["methods"][0]["scores"]["label_probability"]["n"] == 21, "the item with the unknown label counts, with probability 0"
    assert remarks([]) == []


def test_direct_answers_are_scored_by_a_further_metric_without_the_model(
    complete: Complete, faults: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    comparison_id, _ = complete(plan_of(faults, metrics=["accuracy"]))
    monkeypatch.setattr("comparison.loaded.load_model", lambda *_, **__: pytest.fail("the model was loaded"))
    list(rescore(store, comparison_id, ["label_probability", "reference_nll"]))
    nearest, classifier = (method["scores"] for method in store.result(comparison_id).report()["methods"])
    assert classifier["label_probability"]["mean"] > 0.3
    assert nearest["reference_nll"]["reason"] == "it answers without a prompt, so there is no probability of the reference"


def test_what_is_stated_is_weighed_as_one_piece_each(tmp_path: Path) -> None:
    """The label with the highest probability wins, however many tokens it has."""
    shares = {"a": 0.5, "much longer label": 0.4, "none": 0.1, "never": 0.0}
    one = Answer("q", "a", (), "direct", Prompt(()), 0, Grounds(probabilities=shares))
    [weighed] = stated("label_logprobs", [one])
    assert weighed.tokens == (1, 1, 1, 1) and weighed.logprobs[3] == -math.inf
    assert stated("choice_logprobs", [one])[0].logprobs == ()
    item = Item("q", "?", "a", "a", "direct", label_logprobs=weighed.logprobs, label_lengths=weighed.tokens)
    resources = Resources(labels=tuple(shares), label_lengths=(1, 9, 1, 1))
    assert metrics.get("accuracy_loglikelihood").score([item], resources) == [Score(1.0)]
    assert metrics.get("label_probability").score([item], resources) == [Score(pytest.approx(0.5))]
    never = Item("q", "?", "a", "never", "direct", label_logprobs=weighed.logprobs, label_lengths=weighed.tokens)
    assert metrics.get("label_probability").score([never], resources) == [Score(0.0)]
    options = Item("q", "?", "a", "x", "direct", choices=("x", "y"))
    assert isinstance(metrics.get("choice_accuracy").score([options], resources)[0], Unscored)


def test_the_first_label_of_the_set_wins_a_tie() -> None:
    import numpy as np

    ready = BoundLabelled(rooms.setting(), lambda: lambda texts: np.full((len(texts), 3), 1 / 3))
    assert [found.text for found in ready.answer(rooms.TEST[:2])] == ["heating", "heating"]


def test_packed_answers_are_the_same_bytes_whenever_they_were_made(complete: Complete, faults: Path, tmp_path: Path) -> None:
    packed = []
    for name in ("one", "two"):
        where = Store(tmp_path / name)
        comparison_id, _ = complete(plan_of(faults, methods=[{"kind": "classifier"}]), where)
        packed.append(gzip.decompress((where.folder(comparison_id) / "answers" / "classifier.jsonl.gz").read_bytes()))
    assert packed[0] == packed[1]
