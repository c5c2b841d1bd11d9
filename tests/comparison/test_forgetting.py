"""The general probe within a run and after it: a tiny model that is really tuned, and its untuned base."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from comparison import jobs, share
from comparison.events import Answered, Note
from comparison.forgetting import forgetting
from comparison.forgotten import forgotten
from comparison.plan import Plan, read_plan
from comparison.probe import BASE, Prober, Question, probe_name, read_probe
from comparison.rehearsing import RehearsalSpec, rehearsed
from comparison.rescore import rescore
from comparison.run import run
from comparison.store import Store
from core.dataset import load_dataset
from core.errors import DataError, PlanError, StoreError
from evaluation.probing import KINDS, ProbeSet, probe_set
from models.loading import ModelSpec, load_model

Complete = Callable[..., Any]


@pytest.fixture(scope="module")
def mapping_of(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Callable[..., Plan]:
    """A plan with zero-shot and a LoRA of one epoch on a tiny model."""
    folder = tmp_path_factory.mktemp("tickets")
    rows = [f'"Parcel {n} is late",{("billing", "repair")[n % 2]}' for n in range(16)]
    (folder / "tickets.csv").write_text("input,output\n" + "\n".join(rows) + "\n")

    def plan(**changes: Any) -> Plan:
        lora = {"kind": "lora", "rank": 2, "epochs": 1, "batch_size": 8, "learning_rate": 0.02}
        method = {k: v for k, v in {**lora, **changes.pop("lora", {})}.items() if v is not None}
        whole = {
            "data": {"path": "tickets.csv", "instruction": "Route to one of: {labels}."},
            "model": {"id": str(tiny_model), "embedder": "fake/hash-64", "threads": 1, "dtype": "float32"},
            "methods": [{"kind": "zero_shot"}, method],
            "metrics": ["accuracy"],
            "generation": {"max_new_tokens": 4},
            "batch": {"max_rows": 64},
        }
        return read_plan({**whole, **changes}, folder)

    return plan


@pytest.fixture(scope="module")
def asked(mapping_of: Callable[..., Plan], tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, str, list[Any]]:
    """One run that asked the probe; tests that add to it say so."""
    home = tmp_path_factory.mktemp("asked")
    store = Store(home / "store", home / "models")
    comparison_id = jobs.admit(store, plan := mapping_of(forgetting=True), handle=jobs.own_handle()).id
    return store, comparison_id, list(run(plan, store, comparison_id))


def generated(events: list[Any], name: str) -> int:
    return max((event.generated for event in events if isinstance(event, Answered) and event.method == name), default=0)


def returned(steps: Generator[Any, None, Any]) -> Any:
    """What a generator returns, once it is through."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def entry_of(store: Store, comparison_id: str) -> dict[str, Any]:
    found: dict[str, Any] = store.result(comparison_id).report()["methods"][1]["forgetting"]
    return found


def test_a_run_with_forgetting_asks_the_base_and_the_fine_tune_and_reports_both(asked: tuple[Store, str, list[Any]]) -> None:
    store, comparison_id, events = asked
    result = store.result(comparison_id)
    report, entry = result.report(), entry_of(store, comparison_id)
    assert "forgetting" not in report["methods"][0], "zero-shot was trained on nothing"
    assert entry["n"] == 168 and entry["difference"] == pytest.approx(entry["before"] - entry["after"])
    assert {kind: row["n"] for kind, row in entry["kinds"].items()} == dict.fromkeys(KINDS, 42)
    assert entry["ci_low"] <= entry["difference"] <= entry["ci_high"]
    assert entry["perplexity_before"] > 1 and entry["perplexity_after"] > 1 and entry["loss_before"] != entry["loss_after"]
    assert report["forgetting"]["items"] == 168 and report["forgetting"]["set"] == probe_set().fingerprint
    assert entry["task"]["metric"] == "accuracy" and entry["task"]["over"] == "zero_shot"
    questions = {item.id: item.question for _, item in probe_set().items()}
    for name in (BASE, probe_name("lora")):
        answers = result.answers(name).answers
        assert {i: [m.content for m in a.prompt.messages] for i, a in answers.items()} == {i: [q] for i, q in questions.items()}
    assert generated(events, BASE) and generated(events, "lora.probe")
    json.dumps(report, allow_nan=False)


def test_scores_are_those_of_the_rules_and_every_token_of_the_text_is_counted(asked: tuple[Store, str, list[Any]]) -> None:
    store, comparison_id, _ = asked
    result, items = store.result(comparison_id), {item.id: item for _, item in probe_set().items()}
    kept = read_probe(result.folder)["models"]
    for name in (BASE, "lora.probe"):
        answers = result.answers(name).answers
        assert kept[name]["scores"] == {i: float(items[i].accepts(a.text)) for i, a in sorted(answers.items())}
        assert 0 < kept[name]["loss"] < 12 and kept[name]["tokens"] == len(probe_set().text.encode()) - 1


def test_the_loss_of_the_text_is_that_of_plain_forward_passes_over_its_windows(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """700 tokens by hand: the first 512 in one pass, the rest in a second one that begins at 188."""
    model: Any = load_model(ModelSpec(id=str(tiny_model), dtype="float32", threads=1), tmp_path)
    text = ("The tide comes in over the flats. " * 30)[:700]
    monkeypatch.setattr("comparison.probe.probe_set", lambda: ProbeSet({}, text, "one"))
    loaded = SimpleNamespace(codec=lambda: model.codec, model=lambda: model)
    ready: Any = SimpleNamespace(loaded=loaded, identity=model.identity)
    found = returned(Prober(Store(tmp_path / "store"), "id", Question(BASE, BASE, ready, None))._loss(None))
    ids = torch.tensor(model.codec.completion_ids(text)[:-1])
    total = 0.0
    for start, fresh, end in ((0, 1, 512), (188, 512, 700)):
        with torch.no_grad():
            likely = model.module(ids[None, start:end]).logits[0].log_softmax(-1)
        total -= sum(float(likely[place - 1 - start, ids[place]]) for place in range(fresh, end))
    assert len(ids) == 700 and found == {"loss": pytest.approx(total / 699, abs=1e-4), "tokens": 699, "reason": ""}


def test_the_base_answers_once_for_all_comparisons(asked: tuple[Store, str, list[Any]], mapping_of: Callable[..., Plan]) -> None:
    """E22. Adds a comparison with another rank: the base's answers and loss are found, the fine-tune's are not."""
    store, first, _ = asked
    plan = mapping_of(forgetting=True, lora={"rank": 3})
    comparison_id = jobs.admit(store, plan, handle=jobs.own_handle()).id
    events = list(run(plan, store, comparison_id))
    assert generated(events, BASE) == 0 and generated(events, "lora.probe") > 0
    assert not any(getattr(event, "stage", "") == "reading a general text" and event.method == BASE for event in events)
    before, after = (read_probe(store.folder(i))["models"] for i in (first, comparison_id))
    assert before[BASE] == after[BASE] and before["lora.probe"]["key"] != after["lora.probe"]["key"]


def test_asking_afterwards_finds_what_the_run_found_and_twice_asks_nothing(
    asked: tuple[Store, str, list[Any]], mapping_of: Callable[..., Plan], tmp_path: Path
) -> None:
    plan = mapping_of()
    store = Store(tmp_path / "store", tmp_path / "models")
    comparison_id = jobs.admit(store, plan, handle=jobs.own_handle()).id
    list(run(plan, store, comparison_id))
    assert "forgetting" not in store.result(comparison_id).report()
    events = list(forgetting(store, comparison_id))
    assert generated(events, "lora.probe") > 0 and store.result(comparison_id).report_names()[-1] == "report.2.json"
    assert entry_of(store, comparison_id) == entry_of(*asked[:2])
    assert not any(isinstance(event, Answered) for event in forgetting(store, comparison_id))
    assert store.result(comparison_id).report_names()[-1] == "report.2.json"
    list(rescore(store, comparison_id, ["exact_match"]))
    assert entry_of(store, comparison_id)["n"] == 168, "later reports keep it"
    with pytest.raises(PlanError, match="must name a fine-tune"):
        list(forgetting(store, comparison_id, ["zero_shot"]))


def test_cut_off_in_the_middle_it_goes_on_and_ends_alike(
    asked: tuple[Store, str, list[Any]], mapping_of: Callable[..., Plan], tmp_path: Path
) -> None:
    """F1. Cut after the first batch of the fine-tune's probe; whole batches are kept and answers equal an uninterrupted run's."""
    store, plan = Store(tmp_path / "store", tmp_path / "models"), mapping_of(forgetting=True)
    comparison_id = jobs.admit(store, plan, handle=jobs.own_handle()).id
    going = run(plan, store, comparison_id)
    for event in going:
        if isinstance(event, Answered) and event.method == "lora.probe":
            break
    going.close()
    jobs.requeue(store, comparison_id, jobs.own_handle())
    events = list(run(plan, store, comparison_id))
    assert generated(events, BASE) == 0
    whole = asked[0].result(asked[1])
    for name in (BASE, "lora.probe"):
        assert store.result(comparison_id).answers(name).answers == whole.answers(name).answers
    assert entry_of(store, comparison_id) == entry_of(*asked[:2])


def test_what_fails_is_noted_and_the_run_goes_on(mapping_of: Callable[..., Plan], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from core.errors import MethodError

    def fails(self: Prober, *_: Any) -> Any:
        raise MethodError("The text cannot be read.", "Do without.")

    monkeypatch.setattr(Prober, "_read", fails)
    store, plan = Store(tmp_path / "store", tmp_path / "models"), mapping_of(forgetting=True)
    comparison_id = jobs.admit(store, plan, handle=jobs.own_handle()).id
    events = list(run(plan, store, comparison_id))
    report = store.result(comparison_id).report()
    assert report["status"] == "done" and "forgetting" not in report["methods"][1]
    assert any(isinstance(event, Note) and "The text cannot be read." in event.text for event in events)
    assert any("What is forgotten is not known" in note for note in report["notes"])


def test_a_comparison_without_fine_tunes_is_asked_nothing(
    plan: Plan, mapping: dict[str, Any], task: Path, store: Store, complete: Complete
) -> None:
    comparison_id, _ = complete(read_plan({**mapping, "forgetting": True}, task))
    assert "forgetting" not in store.result(comparison_id).report()
    with pytest.raises(StoreError, match="was trained on the task"):
        list(forgetting(store, comparison_id))


def test_gained_turns_with_the_pair_and_with_metrics_of_which_less_is_better() -> None:
    methods = [{"name": name, "kind": kind, "status": "done"} for name, kind in (("zero_shot", "zero_shot"), ("lora", "lora"))]
    pair = {"a": "zero_shot", "b": "lora", "metric": "m", "difference": -0.2, "ci_low": -0.3, "ci_high": -0.1}
    one = {"key": "k", "base": BASE, "scores": {"x": 1.0}, "loss": 1.0, "tokens": 9, "reason": ""}
    probe = {"kinds": {"facts": ["x"]}, "set": "s", "models": {BASE: one, "lora.probe": one}}

    def gained(better: bool, pairs: list[dict[str, Any]]) -> Any:
        report = {"methods": methods, "verdict": {"primary": "m"}, "metrics": {"m": {"higher_is_better": better}}, "pairwise": pairs}
        return forgotten(report, probe)["lora"]["forgetting"]["task"]

    assert gained(True, [pair]) == {"metric": "m", "over": "zero_shot", "difference": 0.2, "ci_low": 0.1, "ci_high": 0.3}
    assert gained(False, [pair])["difference"] == -0.2
    assert gained(True, [{**pair, "a": "lora", "b": "zero_shot"}])["difference"] == -0.2
    assert gained(True, []) is None and forgotten({"methods": methods}, {}) == {}


def test_before_is_the_untuned_model_and_after_the_fine_tune() -> None:
    base = {"key": "k", "base": BASE, "scores": {"x": 1.0}, "loss": 1.0, "tokens": 9, "reason": ""}
    probe = {"kinds": {"facts": ["x"]}, "set": "s", "models": {BASE: base, "lora.probe": {**base, "scores": {"x": 0.0}, "loss": 2.0}}}
    entry = forgotten({"methods": [{"name": "lora", "kind": "lora", "status": "done"}]}, probe)["lora"]["forgetting"]
    assert (entry["right_before"], entry["right_after"], entry["lost"], entry["difference"]) == (1, 0, 1, 1.0)
    assert (entry["loss_before"], entry["loss_after"]) == (1.0, 2.0)


def test_a_shared_result_of_scores_alone_shows_the_numbers_and_no_text(asked: tuple[Store, str, list[Any]]) -> None:
    """F18."""
    store, comparison_id, _ = asked
    told = json.dumps(share.scores_only(store.result(comparison_id).report()))
    assert "perplexity_before" in told and not any(item.question in told for _, item in probe_set().items())


def test_rows_of_ones_own_are_cleared_of_test_and_probe_items(mapping_of: Callable[..., Plan], tmp_path: Path) -> None:
    """E12: a model that had rehearsed the probe would look as if it had forgotten nothing."""
    dataset = load_dataset(mapping_of().spec.data, Path("/"))
    probe = next(item for _, item in probe_set().items())
    rows = [("What is a fjord?", "A long, narrow arm of the sea."), (probe.question.upper(), "Earth"), (dataset.test[0].input, "billing")]
    path = tmp_path / "general.jsonl"
    path.write_text("".join(json.dumps({"input": asked, "output": said}) + "\n" for asked, said in rows))
    found = rehearsed(RehearsalSpec(path=str(path)), dataset)
    assert [example.input for example in found.examples] == ["What is a fjord?"]
    path.write_text(json.dumps({"input": probe.question, "output": "Earth"}) + "\n")
    with pytest.raises(DataError, match="stand in the general probe"):
        rehearsed(RehearsalSpec(path=str(path)), dataset)
    assert len(rehearsed(None, dataset).examples) >= 100


def test_weights_depend_on_the_general_rows_where_they_are_rehearsed_and_only_there(
    mapping_of: Callable[..., Plan], tmp_path: Path
) -> None:
    from comparison.ready import make_ready

    path = tmp_path / "general.jsonl"
    path.write_text(json.dumps({"input": "What is a fjord?", "output": "An arm of the sea."}) + "\n")

    def weights(**changes: Any) -> str:
        ready = make_ready(mapping_of(**changes), tmp_path / "models")
        return ready.methods["lora"].recipes(ready.setting)[-1].fingerprint

    own = {"rehearsal": {"path": str(path)}}
    assert weights() == weights(**own), "nothing is rehearsed"
    rehearsing = {"lora": {"rehearsal_alpha": 0.2}}
    assert len({weights(), weights(**rehearsing), weights(**rehearsing, **own)}) == 3
    assert mapping_of(rehearsal={"path": "x.jsonl"}).spec.rehearsal.path.endswith("/x.jsonl"), "relative to the plan"
    assert "/" not in mapping_of(**own).shown()["rehearsal"]["path"]


def test_the_command_refuses_a_comparison_without_fine_tunes_in_one_plain_message(
    command: Callable[..., Any], write_plan: Callable[..., Path]
) -> None:
    done = command("run", write_plan(), "--json")
    comparison_id = json.loads(done.stdout)["id"]
    found = command("forgetting", comparison_id)
    assert found.returncode == 2 and "No method of" in found.stderr and "Traceback" not in found.stderr
    assert json.loads(command("list", "--json").stdout)[0]["status"] == "done"
