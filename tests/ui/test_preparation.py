"""The fold about training rows: its fields as settings of a plan, and a look at the rows before anything is trained."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.lora import LoraSpec
from adapters.zero_shot import ZeroShotSpec
from core.errors import DataError, PlanError
from ui.context import Context
from ui.handlers import preparation
from ui.handlers.preparation import Given
from ui.task import Task

EMPTY = Given([], "", None, 20)


@pytest.fixture
def tuned(task: Task, tiny_model: Path) -> Task:
    return replace(task, model={"id": str(tiny_model), "embedder": "fake/hash-64", "threads": 1, "dtype": "float32"})


def test_an_untouched_fold_sets_nothing(ctx: Context) -> None:
    assert preparation.settings(ctx, LoraSpec, EMPTY, {}) == {}


def test_the_fields_become_the_plans_settings(ctx: Context, tmp_path: Path) -> None:
    other = tmp_path / "other.jsonl"
    other.write_text('{"input": "a", "output": "b"}\n')
    given = Given(["empty", "near_duplicates"], "Say it.\n\n  Tell it. \n", str(other), 25)
    found = preparation.settings(ctx, LoraSpec, given, {})
    assert found["filters"] == ["empty", "near_duplicates"] and found["instructions"] == ["Say it.", "Tell it."]
    (entry,) = found["mix"]
    assert entry["weight"] == 0.25 and Path(entry["path"]).read_text() == other.read_text() and Path(entry["path"]) != other
    assert preparation.filled(found) == (["empty", "near_duplicates"], "Say it.\nTell it.")


def test_a_planned_mix_stays_until_a_file_is_given_and_other_kinds_have_none(ctx: Context) -> None:
    planned = {"mix": [{"path": "other.jsonl", "weight": 0.1}]}
    assert preparation.settings(ctx, LoraSpec, EMPTY, planned) == planned
    assert preparation.settings(ctx, ZeroShotSpec, EMPTY, planned) == {}


def test_a_file_of_no_known_kind_or_without_a_share_is_refused(ctx: Context, tmp_path: Path) -> None:
    wrong = tmp_path / "other.exe"
    wrong.write_text("x")
    with pytest.raises(DataError, match="A file must be one of"):
        preparation.settings(ctx, LoraSpec, Given([], "", str(wrong), 20), {})
    with pytest.raises(PlanError, match="share of the further file"):
        preparation.settings(ctx, LoraSpec, Given([], "", str(wrong), None), {})


def last(ctx: Context, task: Task, kind: str = "lora", **chosen: object) -> str:
    return list(preparation.look(ctx, task, kind, chosen))[-1]


def test_a_look_shows_lengths_and_what_is_left_out_without_training(ctx: Context, tuned: Task) -> None:
    html = last(ctx, tuned, filters=["near_duplicates", "already_right"], duplicates_from=0.5, max_tokens=400)
    assert "Lengths in tokens" in html and "over 400 tokens" in html
    assert "Counted when it is launched" in html and "already right without training" in html
    assert not list(ctx.store.artefacts.glob("*/adapter_config.json"))
    assert "<script>window" not in html and "<img src=x" not in html, "rows are data and stand there as text"


def test_a_look_with_retrieval_builds_the_index_alone(ctx: Context, tuned: Task) -> None:
    html = last(ctx, tuned, with_retrieval=True, gold_share=0.5)
    assert "with the gold passage among distractors" in html
    assert [json.loads((p / "MANIFEST.json").read_text())["about"]["kind"] for p in ctx.store.artefacts.iterdir()] == ["index"]


def test_what_is_wrong_stands_in_the_place_of_the_rows(ctx: Context, tuned: Task) -> None:
    assert 'role="alert"' in last(ctx, tuned, filters=["dull"])
    assert "There is no task yet" in last(ctx, Task())
    assert "takes the training rows as they are" in last(ctx, tuned, kind="zero_shot")


def test_a_finished_fine_tune_tells_its_own_record(ctx: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    class Kept:
        def report_names(self) -> list[str]:
            return ["report.json"]

        def report(self) -> dict[str, object]:
            return {"methods": [{"name": "lora", "training": {"preparation": RECORD}}, {"name": "plain", "training": {"curves": []}}]}

    monkeypatch.setattr(preparation, "own", lambda ctx, name: Kept())
    assert "it asks nothing" in preparation.record(ctx, "some-id/lora")
    assert preparation.record(ctx, "some-id/plain") == preparation.record(ctx, "some-id/gone") == preparation.record(ctx, "") == ""


LENGTHS = {"tokens": 9, "min": 4, "max": 5, "median": 4, "p90": 5, "p99": 5, "histogram": [{"from": 4, "to": 5, "rows": 2}]}
RECORD = {
    "template": "alpaca", "wordings": 2, "rows": 3, "kept": 2, "counts": {"empty": 1}, "passages": None, "notes": ["A note."],
    "dropped": [{"id": "abc", "filter": "empty", "reason": "it asks nothing", "other": ""}],
    "mix": [{"file": "other.jsonl", "weight": 0.2, "rows": 1, "drawn": 2, "taken_out": 1}],
    "lengths": {"rows": 4, "max_tokens": 1024, "over": 1, "unworded": 0, "share_cut": 0.25, "prompt": LENGTHS, "completion": LENGTHS, "both": LENGTHS},
}  # fmt: skip


def test_a_record_without_the_rows_shows_ids_and_no_texts() -> None:
    html = preparation.shown(RECORD, (), ())
    assert "abc" in html and "it asks nothing" in html and "1 of 4 (25.0 %)" in html and "some stand several times" in html
