"""A tuned method under several seeds: each trained, answered and scored for itself, pooled in the report. Real training of a tiny model."""

from __future__ import annotations

from pathlib import Path
from statistics import fmean, stdev
from typing import Any, NamedTuple

import pytest

from adapters.base import methods
from adapters.lora import LoraSpec
from comparison import jobs
from comparison.events import Answered, Event, Prepared, Progressed
from comparison.plan import read_plan
from comparison.reindex import reindex
from comparison.rescore import rescore
from comparison.run import run
from comparison.seeds import member_names, members
from comparison.store import Store
from core.errors import MethodError
from core.records import Score

WORDS = ("stove", "ladder", "parcel", "window", "ticket", "engine", "basket", "mirror")
KEYS = ["lora", "lora.seed2", "lora.seed3"]


class Done(NamedTuple):
    store: Store
    id: str
    events: list[Event]
    folder: Path
    plan: dict[str, Any]

    @property
    def report(self) -> dict[str, Any]:
        return self.store.result(self.id).report()


def go(store: Store, plan: dict[str, Any], folder: Path) -> tuple[str, list[Event]]:
    read = read_plan(plan, folder)
    comparison_id = jobs.admit(store, read, handle=jobs.own_handle()).id
    return comparison_id, list(run(read, store, comparison_id))


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Done:
    """LoRA under three seeds beside zero-shot, on 12 test items in groups of two."""
    folder = tmp_path_factory.mktemp("seeds")
    rows = [f'"My {WORDS[n % 8]} number {n * 7} is {WORDS[(n * 3 + 1) % 8]}",{("repair", "lost")[n % 2]},g{n // 2}' for n in range(36)]
    (folder / "tickets.csv").write_text("input,output,group\n" + "\n".join(rows) + "\n")
    lora = {"kind": "lora", "rank": 2, "epochs": 1, "batch_size": 4, "seed": 5, "seeds": 3, "learning_rate": 0.02}
    plan = {
        "data": {
            "path": "tickets.csv",
            "instruction": "Route to one of: {labels}.",
            "split": {"train": 0.5, "validation": 0.17, "test": 0.33},
        },
        "model": {"id": str(tiny_model), "embedder": "fake/hash-64", "threads": 1, "dtype": "float32"},
        "methods": [{"kind": "zero_shot"}, lora],
        "metrics": ["label_probability", "accuracy"],
        "primary": "label_probability",
        "generation": {"max_new_tokens": 4},
    }
    store = Store(tmp_path_factory.mktemp("store"))
    comparison_id, events = go(store, plan, folder)
    return Done(store, comparison_id, events, folder, plan)


def per_seed(done: Done, metric: str) -> list[dict[str, float]]:
    table = done.store.result(done.id).scores()[metric]
    return [{item: s.value for item, s in table[key].items() if isinstance(s, Score)} for key in KEYS]


def test_each_seed_has_weights_answers_timings_and_scores_of_its_own(done: Done) -> None:
    result = done.store.result(done.id)
    prepared = [event.fingerprint for event in done.events if isinstance(event, Prepared)]
    assert len(set(prepared)) == 3 and len(list(done.store.artefacts.glob("[!.]*"))) == 3
    assert all(len(result.answers(key).answers) == 12 for key in KEYS)
    assert sorted(path.name for path in (result.folder / "answers").iterdir()) == sorted(f"{key}.jsonl.gz" for key in ["zero_shot", *KEYS])
    assert len({tuple(scores.values()) for scores in per_seed(done, "label_probability")}) == 3, "three seeds, three models"


def test_an_items_score_is_the_mean_over_seeds_and_both_deviations_are_stated(done: Done) -> None:
    """E27"""
    seeds = per_seed(done, "label_probability")
    over_seeds = [fmean(scores[item] for scores in seeds) for item in seeds[0]]
    (method,) = [m for m in done.report["methods"] if m["name"] == "lora"]
    summary, rows = method["scores"]["label_probability"], method["training"]["seeds"]
    means = [fmean(scores.values()) for scores in seeds]
    assert summary["mean"] == pytest.approx(fmean(over_seeds)) and summary["n"] == 12
    assert (summary["item_sd"], summary["seed_sd"]) == (pytest.approx(stdev(over_seeds)), pytest.approx(stdev(means)))
    assert [row["seed"] for row in rows] == [5, 6, 7]
    assert [row["means"]["label_probability"] for row in rows] == pytest.approx(means)
    assert (summary["clusters"], summary["effective_clusters"]) == (6, pytest.approx(6.0))
    (pair,) = [pair for pair in done.report["pairwise"] if pair["metric"] == "label_probability"]
    assert pair["seed_error"] == pytest.approx(stdev(means) / 3**0.5) and pair["test"] == "group permutation"


def test_the_first_seed_is_what_is_shown_and_its_costs_and_curves_count(done: Done) -> None:
    entry = next(m for m in done.report["methods"] if m["name"] == "lora")
    assert entry["spec"]["seeds"] == 3 and entry["n"] == 12
    assert entry["cost"]["prepare_s"] == entry["training"]["seeds"][0]["prepare_s"]
    told = [event for event in done.events if getattr(event, "method", "") not in ("", "zero_shot")]
    assert {event.method for event in told} == {"lora"}  # type: ignore[attr-defined]
    stages = [event for event in told if isinstance(event, Progressed) and event.stage.endswith("training")]
    assert {event.stage for event in stages} == {f"seed {place} of 3: training" for place in (1, 2, 3)}
    assert all(bool(event.values) == event.stage.startswith("seed 1") for event in stages)


def test_a_plan_with_one_seed_finds_the_weights_and_answers_of_the_first(done: Done) -> None:
    """And the other way round: `seeds: 1` keeps the fingerprints that it had before there were several."""
    for seed, trained in ((5, 0), (6, 0), (8, 1)):
        plan = {**done.plan, "name": f"seed {seed}", "methods": [{**done.plan["methods"][1], "seeds": 1, "seed": seed}]}
        comparison_id, events = go(done.store, plan, done.folder)
        assert [event.reused for event in events if isinstance(event, Prepared)] == [not trained]
        assert sum(event.generated for event in events if isinstance(event, Answered)) == trained
        if seed == 6:
            ours, theirs = done.store.result(done.id).answers("lora.seed2"), done.store.result(comparison_id).answers("lora")
            assert ours.answers == theirs.answers


def test_a_run_that_was_cut_off_in_its_second_seed_goes_on_to_the_same_answers_and_scores(done: Done, tmp_path: Path, files: Any) -> None:
    """F1"""
    store = Store(tmp_path / "store")
    read = read_plan(done.plan, done.folder)
    comparison_id = jobs.admit(store, read, handle=jobs.own_handle()).id
    going, prepared = run(read, store, comparison_id), 0
    while prepared < 2:
        prepared += isinstance(next(going), Prepared)
    going.close()  # type: ignore[attr-defined]
    assert not (store.folder(comparison_id) / "answers" / "lora.seed2.jsonl.gz").exists()
    list(run(read, store, comparison_id))
    assert files(store.folder(comparison_id)) == files(done.store.folder(done.id))


def test_a_further_metric_scores_every_seed_and_generates_nothing(done: Done) -> None:
    list(rescore(done.store, done.id, ["token_f1"]))
    table = done.store.result(done.id).scores()["token_f1"]
    assert set(table) == {"zero_shot", *KEYS}
    entry = next(m for m in done.report["methods"] if m["name"] == "lora")
    assert entry["scores"]["token_f1"]["seed_sd"] is not None
    assert len(entry["training"]["seeds"][2]["means"]) == 3


def test_the_database_anew_finds_each_seed_again(done: Done) -> None:
    with done.store.database.read() as db:
        before = {tuple(row) for row in db.execute("SELECT key, method FROM method_keys")}
    with done.store.database.write() as db:
        db.execute("DELETE FROM method_keys")
    reindex(done.store)
    with done.store.database.read() as db:
        assert {tuple(row) for row in db.execute("SELECT key, method FROM method_keys")} == before
    assert {method for _, method in before} >= set(KEYS)


def test_members_count_up_from_the_methods_seed_and_one_seed_is_the_method_itself() -> None:
    method = methods.get("lora")(LoraSpec(kind="lora", name="tuned", seed=4, seeds=3))
    found = members("tuned", method)
    assert [(m.name, m.seed, m.method.spec.seeds) for m in found] == [("tuned", 4, 1), ("tuned.seed2", 5, 1), ("tuned.seed3", 6, 1)]  # type: ignore[attr-defined]
    alone = methods.get("lora")(LoraSpec(kind="lora"))
    assert members("lora", alone)[0].method is alone
    assert member_names("zero_shot", {}) == ["zero_shot"] and member_names("old", {"seeds": 1}) == ["old"]


@pytest.mark.parametrize("spec", [LoraSpec(kind="lora"), LoraSpec(kind="lora", rank=4, with_retrieval=True)])
def test_what_the_weights_depend_on_is_the_same_for_any_number_of_seeds(spec: LoraSpec) -> None:
    several = spec.model_copy(update={"seeds": 3})
    assert several.trained_with() == spec.trained_with()
    assert spec.trained_with()["seeds"] == 1


def test_a_seed_that_fails_fails_the_method_and_is_named(done: Done, monkeypatch: pytest.MonkeyPatch) -> None:
    train = methods.get("lora").train  # type: ignore[attr-defined]

    def diverges(self: Any, *given: Any) -> Any:
        if self.spec.seed == 21:
            raise MethodError("The loss is no number any more.", "Lower learning_rate.")
        yield from train(self, *given)

    monkeypatch.setattr(methods.get("lora"), "train", diverges)
    lora = {**done.plan["methods"][1], "seed": 20, "seeds": 2}
    comparison_id, _ = go(done.store, {**done.plan, "name": "diverging", "methods": [{"kind": "zero_shot"}, lora]}, done.folder)
    failed = done.store.result(comparison_id).report()["methods"][1]
    assert failed["status"] == "failed"
    assert failed["reason"] == "Under seed 21: The loss is no number any more. Lower learning_rate."
    assert failed["scores"]["accuracy"]["mean"] is None
