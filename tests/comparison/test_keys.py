"""E22: whatever an answer or a score depends on is in its key. Each test changes one thing and must miss."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adapters.base import methods
from comparison.generate import Asked, batch_key
from comparison.judge_spec import JudgeSpec
from comparison.judging import judging
from comparison.loaded import Loaded
from comparison.plan import Plan, read_plan
from comparison.ready import Ready, make_ready
from comparison.run import method_key
from comparison.score import Adapter, Scorer
from comparison.store import Store
from core.records import Answer, Document, Example, Message, Prompt
from evaluation.base import Metric, metrics
from evaluation.hub_metric import HubMetricSpec, hub_metric
from models.base import Batch, BatchPolicy, GenerationConfig, ModelIdentity
from models.loading import embedder_key

IDENTITY = {
    "id": "org/other", "revision": "2", "dtype": "bfloat16", "device": "cuda", "threads": 9, "template_hash": "t2", "context_length": 99
}  # fmt: skip
Change = Callable[[Ready], Ready]


@pytest.fixture
def ready(plan: Plan, tmp_path: Path) -> Ready:
    return make_ready(plan, tmp_path)


def with_plan(ready: Ready, section: str, changes: Mapping[str, Any]) -> Ready:
    spec = ready.plan.spec
    return replace(
        ready, plan=replace(ready.plan, spec=spec.model_copy(update={section: getattr(spec, section).model_copy(update=changes)}))
    )


def key_of(ready: Ready, kind: str = "few_shot", artefacts: tuple[str, ...] = ("index",)) -> str:
    return method_key(ready, ready.methods[kind], artefacts)


METHOD_CHANGES: dict[str, Change] = {
    **{f"identity.{k}": lambda r, k=k, v=v: replace(r, identity=replace(r.identity, **{k: v})) for k, v in IDENTITY.items()},
    **{
        f"generation.{k}": lambda r, k=k, v=v: with_plan(r, "generation", {k: v})
        for k, v in {"max_new_tokens": 65, "temperature": 0.1, "top_p": 0.9, "seed": 1}.items()
    },
    **{
        f"batch.{k}": lambda r, k=k, v=v: with_plan(r, "batch", {k: v})
        for k, v in {"max_rows": 5, "max_padded_tokens": 999, "min_shared_prefix": 3}.items()
    },
    "data": lambda r: replace(r, dataset=replace(r.dataset, fingerprint="other")),
    "a document's text": lambda r: replace(r, documents=(Document(r.documents[0].id, "other"), *r.documents[1:])),
    "a document's name": lambda r: replace(r, documents=(Document("other.md", r.documents[0].text), *r.documents[1:])),
    "embedder": lambda r: replace(r, setting=replace(r.setting, embedder_id="fake/hash-64@2")),
    "a setting of the method": lambda r: replace(r, methods={"few_shot": methods.get("few_shot")(r.methods["few_shot"].spec.model_copy(update={"shots": 3}))}),
}  # fmt: skip


@pytest.mark.parametrize("change", METHOD_CHANGES.values(), ids=METHOD_CHANGES.keys())
def test_a_methods_answers_are_not_taken_over_when_one_thing_differs(ready: Ready, change: Change) -> None:
    """E22."""
    assert key_of(change(ready)) != key_of(ready)


def test_another_artefact_is_another_method_key_and_another_name_is_not(ready: Ready) -> None:
    """E22."""
    assert key_of(ready, artefacts=("other",)) != key_of(ready)
    named = methods.get("few_shot")(ready.methods["few_shot"].spec.model_copy(update={"name": "other"}))
    assert key_of(replace(ready, methods={"few_shot": named})) == key_of(ready)


ASKED = Asked(
    "c",
    "m",
    "k",
    ModelIdentity("org/model", "1", "float32", "cpu", 2, "t", 2048),
    "weights",
    None,
    GenerationConfig(),
    BatchPolicy(),
    (),
    (),
    (),
)
BATCH = Batch((0, 1), ((1, 2, 3), (1, 2, 4)), 2)
EXAMPLE = Example("e1", "Answer.", "Which hall?", "Hall 3")
ANSWER = Answer("e1", "Hall 4", (72, 257), "stop", Prompt((Message("user", "Which hall?"),)), 9)
NEEDS = ("token_f1", "semantic_similarity", "judge", "label_probability")


@pytest.fixture
def scorer(store: Store, plan: Plan, ready: Ready) -> Scorer:
    with store.database.write() as db:
        comparison_id = store.add(db, "n", "o", plan.hash, plan.to_yaml())
    loaded = Loaded(plan.spec.model, store.models)
    identity = ModelIdentity("org/model", "1", "float32", "cpu", 2, "t", 2048)
    judge = judging(JudgeSpec(), identity, loaded, store.folder(comparison_id))
    return Scorer(store, comparison_id, (EXAMPLE,), ("a", "b"), identity, loaded, "org/embedder@1", judge)


def judged_by(scorer: Scorer, candidate: ModelIdentity | None = None, **spec: Any) -> Scorer:
    """The same with another judge."""
    folder = scorer.result.folder
    return replace(scorer, judge=judging(JudgeSpec(**spec), candidate or scorer.identity, scorer.loaded, folder))


def score_key(scorer: Scorer, metric: Metric, example: Example = EXAMPLE, answer: Answer = ANSWER) -> str:
    return scorer.key("m", metric, [example], [answer])


@pytest.mark.parametrize("name", NEEDS)
def test_scores_are_not_taken_over_for_another_answer_question_reference_or_label_set(scorer: Scorer, name: str) -> None:
    """E22."""
    metric = metrics.get(name)
    keys = [score_key(scorer, metric, replace(EXAMPLE, **{field: "other"})) for field in ("reference", "instruction", "input")]
    keys += [score_key(scorer, metric, answer=replace(ANSWER, **change)) for change in ({"text": "other"}, {"finish_reason": "length"})]
    keys += [score_key(replace(scorer, labels=("a", "c")), metric), score_key(scorer, metric)]
    assert len(set(keys)) == len(keys)


def test_scores_by_models_are_not_taken_over_from_another_model(scorer: Scorer) -> None:
    """E22: the judge's and the labels' model, the embedder, trained weights, the prompt, the judge's scale and rubric."""
    similarity, judge, weighed = (metrics.get(name) for name in NEEDS[1:])
    assert score_key(replace(scorer, embedder_id="org/embedder@2"), similarity) != score_key(scorer, similarity)
    for field, value in IDENTITY.items():
        other = replace(scorer, identity=replace(scorer.identity, **{field: value}))
        assert score_key(judged_by(scorer, other.identity), judge) != score_key(scorer, judge)
        assert score_key(other, weighed) != score_key(scorer, weighed)
        assert score_key(other, similarity) == score_key(scorer, similarity)
    server = {"url": "http://host/v1", "model": "m"}
    changes: list[dict[str, Any]] = [
        {}, {"scale": 7}, {"rubric": "1 rude, 5 kind"}, {"model": "fake/echo"}, {"model": "fake/slow-1"}, {"endpoint": server},
        {"endpoint": {**server, "model": "n"}}, {"endpoint": {**server, "url": "http://other/v1"}}
    ]  # fmt: skip
    assert len({score_key(judged_by(scorer, **change), judge) for change in changes}) == len(changes)
    cheaper = {**server, "price_per_million_prompt_tokens": 1.0, "cap": 1.0}
    assert score_key(judged_by(scorer, endpoint=cheaper), judge) == score_key(judged_by(scorer, endpoint=server), judge)
    assert score_key(replace(scorer, adapters={"m": Adapter("weights", lambda: None)}), weighed) != score_key(scorer, weighed)
    asked = replace(ANSWER, prompt=Prompt((Message("user", "Another?"),)))
    assert score_key(scorer, weighed, answer=asked) != score_key(scorer, weighed)


def test_another_version_of_a_library_misses_wherever_a_model_computes(
    ready: Ready, scorer: Scorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """E22: torch, transformers, peft, sentence-transformers; a metric of words alone does not care."""

    def keys() -> dict[str, str]:
        found = {name: score_key(scorer, metrics.get(name)) for name in NEEDS}
        return {**found, "method": key_of(ready), "batch": batch_key(ASKED, BATCH), "basis": ASKED.basis}

    before = keys()
    for library in ("torch", "transformers", "peft", "sentence-transformers"):
        monkeypatch.setattr("core.versions.installed", lambda name, library=library: "0.0.1" if name == library else "1")
        changed = keys()
        assert {name for name in before if changed[name] == before[name]} == {"token_f1"}
        before = changed


def test_a_changed_metric_script_scores_anew(scorer: Scorer, tmp_path: Path) -> None:
    """E22: what the script says is in the key, not its name alone."""
    script = tmp_path / "count.py"
    script.write_text("one")
    metric = hub_metric(HubMetricSpec(evaluate="count.py"), tmp_path)
    before = score_key(scorer, metric)
    script.write_text("two")
    assert score_key(scorer, metric) != before


def test_a_changed_script_in_a_metrics_folder_scores_anew(scorer: Scorer, tmp_path: Path) -> None:
    """E22: `evaluate` takes a folder that holds the script, too."""
    folder = tmp_path / "count"
    folder.mkdir()
    (folder / "count.py").write_text("one")
    metric = hub_metric(HubMetricSpec(evaluate="./count"), tmp_path)
    before = score_key(scorer, metric)
    (folder / "count.py").write_text("two")
    assert score_key(scorer, metric) != before


def fake_weights(folder: Path, text: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps({"about": text}))
    (folder / "model.safetensors").write_bytes(text.encode())
    return folder


def test_an_embedder_goes_by_its_weights_not_its_name(mapping: dict[str, Any], task: Path, tmp_path: Path) -> None:
    """E22: other weights in the same folder are another index, another method and another embedder's scores."""
    folder = fake_weights(tmp_path / "embedder", "one")
    plan = read_plan({**mapping, "model": {"id": "fake/echo", "embedder": str(folder)}, "methods": [{"kind": "rag"}]}, task)

    def found() -> tuple[str, str, str]:
        ready = make_ready(plan, tmp_path)
        method = ready.methods["rag"]
        index = method.recipes(ready.setting)[0].fingerprint
        return ready.setting.embedder_id, index, method_key(ready, method, ["same"])

    before = found()
    assert found() == before
    time.sleep(0.01)  # a file's time is part of its revision
    fake_weights(folder, "two")
    assert not set(found()) & set(before)
    assert embedder_key("fake/hash-64", tmp_path) == "fake/hash-64"
