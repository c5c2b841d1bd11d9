"""What people bring: their data and documents, and how much of it."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from comparison import jobs
from comparison.plan import read_plan
from core.errors import DataError, PlanError
from ui import uploads
from ui.context import Context
from ui.handlers import data, library, methods, runs
from ui.task import Task


def test_data_of_ones_own_becomes_the_task_and_keeps_the_documents(ctx: Context, task: Task, questions: Path) -> None:
    kept, name = data.keep(ctx, str(questions))
    assert Path(kept).is_relative_to(ctx.store.root) and "mine" not in kept and name == "mine"
    draft = data.Draft(kept=kept, name=name)
    found = data.columns(ctx, draft)
    assert found.names == ["question", "answer"] and (found.input, found.output) == ("question", "answer")
    look = data.look(ctx, draft)
    assert look.usable and "door" in look.preview and "29 train, 7 validation, 12 test" in look.findings
    mine = data.as_task(ctx, draft, task, "")
    assert mine.documents == task.documents and mine.model["id"] == "fake/echo"


def test_the_form_shows_the_data_that_the_task_has(ctx: Context, task: Task) -> None:
    changed = replace(task, data={**task.data, "instruction": "Say it in verse.", "split": {"train": 0.5, "validation": 0.2, "test": 0.3}})
    same = data.planned(ctx, data.Draft(example="lost_things", instruction="old", train=0.9), changed)
    assert (same.instruction, same.train, same.test, same.input, same.output) == ("Say it in verse.", 0.5, 0.3, "question", "answer")
    fresh = data.planned(ctx, data.Draft(example="lost_things", instruction="old"), Task())
    assert fresh.instruction == "Answer in one sentence."


def test_an_examples_instruction_does_not_go_with_ones_own_rows(ctx: Context, task: Task) -> None:
    mine = data.planned(ctx, data.Draft(kept="/x.csv", instruction="Answer in one sentence.", input="question"), task)
    assert (mine.instruction, mine.input) == ("", "")
    assert data.planned(ctx, data.Draft(kept="/x.csv", instruction="Mine."), task).instruction == "Mine."
    assert data.planned(ctx, data.Draft(hub="a/b", input="typed"), task).input == "typed"


def test_a_missing_column_is_said_once_with_the_nearest(ctx: Context, questions: Path) -> None:
    kept, name = data.keep(ctx, str(questions))
    look = data.look(ctx, data.Draft(kept=kept, name=name, input="qestion", output="answer"))
    assert not look.usable and look.preview.count('role="alert"') == 1
    assert "question" in look.preview


def test_no_source_is_an_error_with_a_remedy(ctx: Context) -> None:
    with pytest.raises(DataError) as refused:
        data.as_task(ctx, data.Draft(), Task(), "")
    assert "upload" in refused.value.remedy


@pytest.mark.parametrize("name", ["evil.exe", "data.csv.sh", "plain"])
def test_a_file_of_another_kind_is_not_kept(ctx: Context, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("x")
    with pytest.raises(DataError, match="must be one of"):
        uploads.keep_data(ctx, str(tmp_path / name))


def test_documents_get_plain_names_of_ours(ctx: Context, tmp_path: Path) -> None:
    names = ["..%2f..%2fpasswd.md", "a b<script>.md", "..hidden.md", "x" * 200 + ".md"]
    paths = []
    for name in names:
        (tmp_path / name).write_text(f"text of {name}")
        paths.append(str(tmp_path / name))
    folder = uploads.keep_documents(ctx, paths)
    kept = sorted(p.name for p in folder.iterdir())
    assert len(kept) == 4 and all(re.fullmatch(r"[\w][\w.-]{0,90}\.md", name) for name in kept)
    assert uploads.keep_documents(ctx, paths) == folder


def test_one_owner_cannot_flood_the_queue(ctx: Context, task: Task) -> None:
    """F33: no more than a few runs of one visitor wait; another visitor's do not count."""
    shared = Context(replace(ctx.settings, public=True), "session:a")
    for shots in range(1, runs.MOST_ACTIVE_SHARED + 1):
        plan = methods.plan(task, ["few_shot"], {"few_shot": {"shots": shots}}, ["token_f1"], None)
        jobs.admit(ctx.store, read_plan(plan, Path(task.base)), "session:a", jobs.own_handle())
    with pytest.raises(PlanError, match="At most 3 runs"):
        runs.start(shared, task, methods.plan(task, ["zero_shot"], {}, ["token_f1"], None))
    assert len(library.rows(shared)) == runs.MOST_ACTIVE_SHARED
    with pytest.raises(PlanError, match="nothing to run on"):
        runs.start(shared._replace(owner="session:b"), Task(), {})


def test_one_visitor_can_keep_only_so_many_bytes(ctx: Context, questions: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """F31: a quota for each visitor, where many share the machine."""
    monkeypatch.setattr(uploads, "MAX_KEPT_BYTES", questions.stat().st_size + 10)
    first, second = (Context(replace(ctx.settings, public=True), f"session:{name}") for name in "ab")
    uploads.keep_data(first, str(questions))
    uploads.keep_data(first, str(questions))
    page = questions.with_name("page.md")
    page.write_text("More than ten bytes.")
    with pytest.raises(DataError, match="One visitor may keep"):
        uploads.keep_documents(first, [str(page)])
    assert uploads.keep_documents(second, [str(page)]).is_dir()
    assert uploads.keep_documents(ctx, [str(page)]).is_dir(), "one's own machine has no quota"


def test_an_interrupted_run_is_said_once_with_its_remedy(ctx: Context, task: Task) -> None:
    """F2: what the page says of a run whose process is gone."""
    plan = read_plan(methods.plan(task, ["zero_shot"], {}, ["token_f1"], None), Path(task.base))
    gone = jobs.admit(ctx.store, plan, ctx.owner, jobs.own_handle()._replace(mark="another start")).id
    look = runs.look(ctx, gone)
    assert look.over and look.note.startswith("The run was interrupted.") and look.note.endswith("Resume it from the Library tab.")
    assert look.note.count("without a word") == 1


@pytest.mark.parametrize("model", ["/srv/weights", "./weights", "~/weights", "handbook"])
def test_a_folder_is_no_base_model_where_many_share_the_app(ctx: Context, task: Task, model: str) -> None:
    """F21"""
    draft = data.Draft(example="lost_things")
    with pytest.raises(PlanError, match="A folder cannot be the base model"):
        data.as_task(ctx._replace(settings=replace(ctx.settings, public=True)), draft, task, model)
    assert data.as_task(ctx, draft, task, model).model["id"] == model
