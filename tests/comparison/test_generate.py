"""One method's answers: what is known is not generated again, and what is not quite the same is not taken for it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

from adapters.few_shot import BoundFewShot
from comparison import generate, jobs
from comparison.answers import read_answers
from comparison.events import Answered, MethodFailed, Note
from comparison.generate import Asked, batch_key, batch_keys
from comparison.plan import Plan, read_plan
from comparison.run import run
from comparison.store import Store
from core.records import Example, Message, Prompt
from models.base import Batch, BatchPolicy, Completion, GenerationConfig, ModelIdentity, OutOfMemory
from models.fake import FakeModel
from retrieval.search.pipeline import Query, Search

IDENTITY = ModelIdentity("org/model", "abc", "float32", "cpu", 2, "template", 2048)
ASKED = Asked("c", "m", "k", IDENTITY, "weights", None, GenerationConfig(), BatchPolicy(), (), (), ())
BATCH = Batch((0, 1), ((1, 2, 3), (1, 2, 4)), 2)
Complete = Callable[..., tuple[str, list[Any]]]


def generated(events: Sequence[Any]) -> dict[str, tuple[int, int]]:
    """Method to (generated, reused) batches."""
    return {e.method: (e.generated, e.reused) for e in events if isinstance(e, Answered)}


CHANGES: dict[str, Callable[[Asked, Batch], tuple[Asked, Batch]]] = {
    **{
        f"identity.{name}": lambda a, b, name=name, value=value: (replace(a, identity=replace(a.identity, **{name: value})), b)
        for name, value in {
            "id": "org/other", "revision": "abd", "dtype": "bfloat16", "device": "cuda", "threads": 4, "template_hash": "t2", "context_length": 99,
        }.items()
    },
    **{
        f"generation.{name}": lambda a, b, name=name, value=value: (replace(a, generation=a.generation.model_copy(update={name: value})), b)
        for name, value in {"max_new_tokens": 65, "temperature": 0.1, "top_p": 0.9, "seed": 1}.items()
    },
    "artefact": lambda a, b: (replace(a, artefact="other"), b),
    "prompt ids": lambda a, b: (a, b._replace(prompt_ids=((1, 2, 3), (1, 2, 5)))),
    "order": lambda a, b: (a, b._replace(prompt_ids=b.prompt_ids[::-1])),
    "one prompt less": lambda a, b: (a, b._replace(prompt_ids=b.prompt_ids[:1])),
    "shared prefix": lambda a, b: (a, b._replace(shared=1)),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_another_value_of_any_field_misses(change: Any) -> None:
    """E22: the key holds model, revision, dtype, device, threads, template, weights, decoding, and the prompts in order."""
    asked, batch = change(ASKED, BATCH)
    assert batch_key(asked, batch) != batch_key(ASKED, BATCH)


def test_another_stage_version_misses(monkeypatch: pytest.MonkeyPatch) -> None:
    """E22."""
    before = batch_key(ASKED, BATCH)
    monkeypatch.setattr(generate, "STAGE_VERSION", "next")
    assert batch_key(ASKED, BATCH) != before


def test_rows_and_names_do_not_change_the_key_and_repeated_batches_are_numbered() -> None:
    same = batch_key(replace(ASKED, comparison="d", method="n"), BATCH._replace(rows=(7, 8)))
    assert same == batch_key(ASKED, BATCH)
    keys = batch_keys(ASKED, [BATCH, BATCH, BATCH])
    assert len(set(keys)) == 3
    assert keys[0] == same


def test_the_same_plan_again_generates_nothing_and_loads_no_model(complete: Complete, plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    first, events = complete(plan)
    assert generated(events) == {"zero_shot": (3, 0), "few_shot": (3, 0)}
    monkeypatch.setattr("comparison.loaded.load_model", lambda *_: pytest.fail("the model was loaded"))
    monkeypatch.setattr("comparison.loaded.load_codec", lambda *_: pytest.fail("the tokenizer was loaded"))
    second, events = complete(plan)
    assert second > first
    assert generated(events) == {"zero_shot": (0, 3), "few_shot": (0, 3)}


def test_reused_answers_and_scores_are_the_same_bytes(complete: Complete, plan: Plan, store: Store, files: Any) -> None:
    first, second = complete(plan)[0], complete(plan)[0]
    assert files(store.folder(first)) == files(store.folder(second))
    costs = [store.result(i).report()["methods"][0]["cost"] for i in (first, second)]
    assert costs[0]["generate_s"] == costs[1]["generate_s"]
    assert [cost["reused"]["batches"] for cost in costs] == [0, 3]


def test_one_more_method_costs_only_itself(complete: Complete, mapping: dict[str, Any], task: Path) -> None:
    complete(read_plan(mapping, task))
    more = {**mapping, "methods": [*mapping["methods"], {"kind": "rag", "top_k": 2}]}
    assert generated(complete(read_plan(more, task))[1]) == {"zero_shot": (0, 3), "few_shot": (0, 3), "rag": (3, 0)}


def test_a_renamed_method_is_the_same_work(complete: Complete, mapping: dict[str, Any], task: Path) -> None:
    complete(read_plan(mapping, task))
    renamed = {**mapping, "methods": [{"kind": "zero_shot", "name": "bare"}]}
    assert generated(complete(read_plan(renamed, task))[1]) == {"bare": (0, 3)}


@pytest.mark.parametrize("change", [{"generation": {"max_new_tokens": 9}}, {"batch": {"max_rows": 5}}], ids=["decoding", "batches"])
def test_other_settings_generate_anew(complete: Complete, mapping: dict[str, Any], task: Path, change: dict[str, Any]) -> None:
    """E22: another decoding or composition shares no batch."""
    complete(read_plan(mapping, task))
    counts = generated(complete(read_plan({**mapping, **change}, task))[1])
    assert [reused for _, reused in counts.values()] == [0, 0]


def test_sampled_answers_are_never_shared(complete: Complete, mapping: dict[str, Any], task: Path) -> None:
    """E22: sampled calls are never shared."""
    plan = read_plan({**mapping, "generation": {"temperature": 0.7}}, task)
    assert [generated(complete(plan)[1])["zero_shot"] for _ in range(2)] == [(3, 0), (3, 0)]


def test_batches_are_reused_where_only_the_metrics_differ_in_an_unfinished_run(
    complete: Complete, mapping: dict[str, Any], task: Path, store: Store
) -> None:
    first = jobs.admit(store, read_plan(mapping, task), handle=jobs.own_handle()).id
    for event in run(read_plan(mapping, task), store, first):
        if isinstance(event, Answered) and event.done >= 8:
            break
    jobs.stop(store, first, engine=NoEngine())
    again = read_plan({**mapping, "metrics": ["rouge1"]}, task)
    assert generated(complete(again)[1])["zero_shot"] == (1, 2)


class NoEngine:
    """Stops nothing: the job is this very process."""

    def start(self, command: list[str], log: Path) -> Any: ...

    def alive(self, handle: Any) -> bool:
        return True

    def stop(self, handle: Any) -> bool:
        return True


class Cramped(FakeModel):
    """A device that has room for so many rows."""

    room = 8

    def generate(self, batch: Batch, config: GenerationConfig, adapter: Path | None = None) -> list[Completion]:
        if len(batch.rows) > self.room:
            raise OutOfMemory(f"no room for {len(batch.rows)}")
        return super().generate(batch, config, adapter)


def cramped(monkeypatch: pytest.MonkeyPatch, room: int) -> None:
    monkeypatch.setattr(Cramped, "room", room)
    monkeypatch.setattr("comparison.loaded.load_model", lambda spec, *_: Cramped(spec.id))


def test_out_of_memory_halves_the_batch_and_equals_a_straight_run(
    complete: Complete, mapping: dict[str, Any], task: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """F10: out of memory at 32 and 16 rows; fits at 8; the answers are those of a run that began with that policy."""
    long = {**mapping, "data": {**mapping["data"], "split": {"train": 0.25, "validation": 0.0, "test": 0.75}}, "metrics": ["token_f1"]}
    cramped(monkeypatch, 8)
    first, second = Store(tmp_path / "one"), Store(tmp_path / "two")
    big = read_plan({**long, "batch": {"max_rows": 32, "max_padded_tokens": 65536}}, task)
    small = read_plan({**long, "batch": {"max_rows": 8, "max_padded_tokens": 16384}}, task)
    a, events = complete(big, first)
    b, _ = complete(small, second)
    notes = [e.text for e in events if isinstance(e, Note) and e.method == "zero_shot"]
    assert [("32" in note, "16" in note) for note in notes[:2]] == [(True, True), (False, True)]
    one, two = read_answers(first.folder(a), "zero_shot"), read_answers(second.folder(b), "zero_shot")
    assert one.batches == two.batches
    assert one.head["policy"]["max_rows"] == 8
    assert any("batches of at most 8" in note for note in first.result(a).report()["notes"])


def test_no_room_for_one_row_fails_plainly_and_the_report_says_why(
    complete: Complete, plan: Plan, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F10: at 1 row it fails plainly."""
    cramped(monkeypatch, 0)
    comparison_id, events = complete(plan)
    assert [e.method for e in events if isinstance(e, MethodFailed)] == ["zero_shot", "few_shot"]
    report = store.result(comparison_id).report()
    assert "memory" in report["methods"][0]["reason"]
    assert report["status"] == "failed"


def test_a_resumed_run_keeps_the_smaller_batches(complete: Complete, plan: Plan, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """F10: the policy that was used stands in the file and is gone on with."""
    cramped(monkeypatch, 2)
    comparison_id = jobs.admit(store, plan, handle=jobs.own_handle()).id
    for event in run(plan, store, comparison_id):
        if isinstance(event, Answered) and event.done >= 6:
            break
    cramped(monkeypatch, 100)
    events = list(run(plan, store, comparison_id))
    assert generated(events)["zero_shot"] == (3, 0)
    assert {len(batch) for batch in read_answers(store.folder(comparison_id), "zero_shot").batches.values()} == {2}


class Clocked(FakeModel):
    """Notes what it was asked with trained weights, and takes its time at the first such call, as switching them on does."""

    asked: ClassVar[list[tuple[int, int]]] = []

    def generate(self, batch: Batch, config: GenerationConfig, adapter: Path | None = None) -> list[Completion]:
        self.asked.append((len(batch.rows), config.max_new_tokens))
        time.sleep(0.5 if len(self.asked) == 1 else 0)
        return super().generate(batch, config)


def test_switching_trained_weights_on_is_in_no_answers_time(
    complete: Complete, mapping: dict[str, Any], task: Path, store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    plan = read_plan({**mapping, "methods": [{"kind": "few_shot", "shots": 2}]}, task)
    monkeypatch.setattr(Clocked, "asked", [])
    monkeypatch.setattr("comparison.loaded.load_model", lambda spec, *_: Clocked(spec.id))
    monkeypatch.setattr(BoundFewShot, "adapter", tmp_path / "weights")
    result = store.result(complete(plan)[0])
    assert Clocked.asked[:2] == [(1, 1), (4, 64)]
    assert result.report()["methods"][0]["cost"]["generate_s"] < 0.4


def test_wording_is_timed_without_loading_and_counted_in_the_seconds_of_an_answer(
    complete: Complete, mapping: dict[str, Any], task: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Retrieval costs time with each question; taken-over answers state it, too."""

    def search(self: Search, queries: Sequence[Query], top_k: int) -> Any:
        time.sleep(1.0 if not seen else 0.3)
        seen.append(len(queries))
        return original(self, queries, top_k)

    seen: list[int] = []
    original = Search.search
    monkeypatch.setattr(Search, "search", search)
    plan = read_plan({**mapping, "methods": [{"kind": "rag"}]}, task)
    costs = [store.result(complete(plan)[0]).report()["methods"][0]["cost"] for _ in range(2)]
    assert seen == [1, 12]
    assert 0.3 <= costs[0]["word_s"] < 0.9
    assert costs[0]["seconds_per_answer"] == pytest.approx((costs[0]["word_s"] + costs[0]["generate_s"]) / 12, abs=1e-3)
    assert costs[1]["word_s"] == costs[0]["word_s"]


def test_overlong_items_are_failures_of_their_own() -> None:
    """E29: an item without room for an answer is not asked, with the reason, and the others are."""
    examples = [Example(name, "", "question", "reference") for name in "abc"]
    prompts = [Prompt((Message("user", "question"),)) for _ in examples]
    asked = replace(ASKED, examples=examples, prompts=prompts, prompt_ids=[(1,) * 10, (1,) * 1984, (1,) * 1985])
    assert list(generate.too_long(asked)) == ["c"]
    assert "1985" in generate.too_long(asked)["c"]
