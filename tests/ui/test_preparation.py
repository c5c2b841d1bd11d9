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

EMPTY = Given([], [], "", None, "20")


@pytest.fixture
def tuned(task: Task, tiny_model: Path) -> Task:
    return replace(task, model={"id": str(tiny_model), "embedder": "fake/hash-64", "threads": 1, "dtype": "float32"})


def test_an_untouched_fold_sets_nothing(ctx: Context) -> None:
    assert preparation.settings(ctx, LoraSpec, EMPTY, {}) == {}


def test_the_fields_become_the_plans_settings(ctx: Context, tmp_path: Path) -> None:
    other = tmp_path / "other rows.jsonl"
    other.write_text('{"input": "a", "output": "b"}\n')
    given = Given(["empty", "near_duplicates"], ["some-id"], "Say it.\n\n  Tell it. \n", [str(other)], "25")
    found = preparation.settings(ctx, LoraSpec, given, {})
    assert found["filters"] == ["empty", "near_duplicates"] and found["instructions"] == ["Say it.", "Tell it."]
    (entry,) = found["mix"]
    assert entry["weight"] == 0.25 and Path(entry["path"]).read_text() == other.read_text() and Path(entry["path"]) != other
    assert Path(entry["path"]).name == "other-rows.jsonl", "what is told of the mix names the file as people know it"
    assert found["keep_rows"] == ["some-id"]
    assert preparation.filled(found) == (["empty", "near_duplicates"], ["some-id"], "Say it.\nTell it.")


def test_several_files_have_a_share_each_or_one_for_all(ctx: Context, tmp_path: Path) -> None:
    files = []
    for name in ("one", "two"):
        (tmp_path / f"{name}.jsonl").write_text(json.dumps({"input": name, "output": "b"}) + "\n")
        files.append(str(tmp_path / f"{name}.jsonl"))
    found = preparation.settings(ctx, LoraSpec, Given([], [], "", files, "20, 5 %"), {})
    assert [(Path(entry["path"]).name, entry["weight"]) for entry in found["mix"]] == [("one.jsonl", 0.2), ("two.jsonl", 0.05)]
    assert preparation.shares("10", 3) == [0.1] * 3


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "one for each of the 2 files; got 0"),
        ("10, 20, 30", "got 3"),
        ("a lot", "must be numbers with commas between them; got 'a lot'"),
        ("0, 5", "above 0"),
        ("60, 40", "add up to less than 100 percent; got 60, 40"),
        ("nan", "above 0"),
    ],
)
def test_shares_that_do_not_go_with_the_files_are_one_plain_message(text: str, said: str) -> None:
    with pytest.raises(PlanError, match=said):
        preparation.shares(text, 2)


def test_a_planned_mix_stays_until_a_file_is_given_and_other_kinds_have_none(ctx: Context) -> None:
    planned = {"mix": [{"path": "other.jsonl", "weight": 0.1}]}
    assert preparation.settings(ctx, LoraSpec, EMPTY, planned) == planned
    assert preparation.settings(ctx, ZeroShotSpec, EMPTY, planned) == {}
    assert preparation.prepares(LoraSpec) and not preparation.prepares(ZeroShotSpec) and not preparation.prepares(None)


def test_a_file_of_no_known_kind_or_without_a_share_is_refused(ctx: Context, tmp_path: Path) -> None:
    wrong = tmp_path / "other.exe"
    wrong.write_text("x")
    with pytest.raises(DataError, match="A file must be one of"):
        preparation.settings(ctx, LoraSpec, Given([], [], "", [str(wrong)], "20"), {})
    with pytest.raises(PlanError, match="Say 20, for example"):
        preparation.settings(ctx, LoraSpec, Given([], [], "", [str(wrong)], ""), {})


def last(ctx: Context, task: Task, kind: str = "lora", **chosen: object) -> str:
    return list(preparation.look(ctx, task, kind, chosen))[-1].html


def test_what_a_filter_leaves_out_can_be_chosen_to_be_taken_back(ctx: Context, tuned: Task) -> None:
    lines = [f"Where does number {n} hang?,{'behind door ' + str(n) if n % 4 else '...'}" for n in range(24)]
    (Path(tuned.base) / "signs.csv").write_text("input,output\n" + "\n".join(lines) + "\n")
    tuned, chosen = replace(tuned, data={"path": "signs.csv"}), {"filters": ["empty"]}
    *_, looked = preparation.look(ctx, tuned, "lora", chosen)
    assert looked.left_out and looked.left_out[0][0].startswith("Empty rows: Where does number ")
    label, name = looked.left_out[0]
    *_, again = preparation.look(ctx, tuned, "lora", {**chosen, "keep_rows": [name]})
    assert again.left_out and again.left_out[0] == (label, name), "it can be left out again"
    assert "Taken back" in again.html and "would leave it out" in again.html and len(again.left_out) == len(looked.left_out)
    assert [html for html, left_out in preparation.look(ctx, tuned, "zero_shot", {}) if left_out == []]


def test_a_look_shows_lengths_and_what_is_left_out_without_training(ctx: Context, tuned: Task) -> None:
    html = last(ctx, tuned, filters=["near_duplicates", "already_right"], duplicates_from=0.5, max_tokens=400)
    assert "Lengths in tokens" in html and "over 400 tokens" in html
    assert "Counted when it is launched" in html and "already right without training" in html
    assert not list(ctx.store.artefacts.glob("*/adapter_config.json"))
    assert "<script>window" not in html and "<img src=x" not in html, "rows are data and stand there as text"


def test_a_look_with_retrieval_builds_the_index_alone(ctx: Context, tuned: Task) -> None:
    html = last(ctx, tuned, with_retrieval=True, gold_share=0.5)
    assert "with the gold passage among distractors" in html
    assert [json.loads((p / "MANIFEST.json").read_text())["about"]["kind"] for p in ctx.store.artefacts.glob("[!.]*")] == ["index"]


def test_what_is_wrong_stands_in_the_place_of_the_rows(ctx: Context, tuned: Task) -> None:
    assert 'role="alert"' in last(ctx, tuned, filters=["dull"])
    assert "There is no task yet" in last(ctx, Task())
    assert "takes the training rows as they are" in last(ctx, tuned, kind="zero_shot")


def test_a_finished_fine_tune_tells_its_own_record(ctx: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    class Kept:
        def report_names(self) -> list[str]:
            return ["report.json"]

        def plan(self) -> dict[str, object]:
            return {"methods": []}

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
