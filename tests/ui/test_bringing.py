"""What people bring: their data and documents, and how much of it."""

from __future__ import annotations

import html
import re
import sys
import types
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

THIRDS = [f"Where is lamp {n}?,Behind door {17 * n % 97} of hall {n}." for n in range(48)]


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


def thirds(folder: Path, *, bad: bool = False) -> dict[str, Path]:
    """The questions as three files; with one row each that cannot be used, if `bad`."""
    rows = THIRDS
    files = {}
    for split, mine in (("train", rows[:30]), ("validation", rows[30:36]), ("test", rows[36:])):
        files[split] = folder / f"my-{split}.csv"
        files[split].write_text("\n".join(["question,answer", *mine, *(["no answer here,"] if bad else [])]) + "\n")
    return files


def three(ctx: Context, files: dict[str, Path]) -> data.Draft:
    parts = [data.keep(ctx, str(files[split])) if split in files else data.Kept() for split in data.SPLITS]
    return data.Draft(parts=(parts[0], parts[1], parts[2]))


def test_three_files_become_the_three_splits(ctx: Context, task: Task, tmp_path: Path) -> None:
    draft = three(ctx, thirds(tmp_path))
    found = data.columns(ctx, draft)
    assert (found.names, found.input, found.output) == (["question", "answer"], "question", "answer")
    look = data.look(ctx, draft)
    assert look.usable and "30 train, 6 validation, 12 test" in look.findings
    mine = data.as_task(ctx, draft, task, "")
    assert set(mine.data["files"]) == {"train", "validation", "test"} and mine.name == "my-train"
    plan = read_plan(methods.plan(mine, ["zero_shot"], {}, ["token_f1"], None), Path(mine.base))
    assert plan.spec.data.files is not None and plan.spec.data.path is None


def test_without_a_validation_file_a_share_of_the_training_rows_is_taken(ctx: Context, tmp_path: Path) -> None:
    files = thirds(tmp_path)
    del files["validation"]
    look = data.look(ctx, three(ctx, files)._replace(train=0.55, validation=0.2))
    assert "24 train, 6 validation, 12 test" in look.findings


@pytest.mark.parametrize("missing", ["train", "test"])
def test_a_file_that_is_missing_is_said_with_both_ways_out(ctx: Context, tmp_path: Path, missing: str) -> None:
    files = thirds(tmp_path)
    del files[missing]
    look = data.look(ctx, three(ctx, files))
    assert not look.usable and f"There is no {missing} file yet" in look.preview and "A file of mine" in look.preview
    assert data.columns(ctx, three(ctx, files)).names == ["question", "answer"], "the columns can be seen already"


def test_bad_rows_are_said_with_file_line_and_count(ctx: Context, tmp_path: Path) -> None:
    """F26: of several files each row says in which it stands, under the name that the person gave it."""
    look = data.look(ctx, three(ctx, thirds(tmp_path, bad=True)))
    seen = html.unescape(look.preview)
    assert "3 rows were left out. In my-train.csv, line 32: the output (column" in seen and "2 more stand under" in seen
    for where in ("my-train.csv, line 32", "my-validation.csv, line 8", "my-test.csv, line 14"):
        assert where in look.findings
    alone = tmp_path / "alone.csv"
    alone.write_text("question,answer\n" + "\n".join(THIRDS[:20]) + "\nno answer here,\n")
    kept = data.keep(ctx, str(alone))
    seen = data.look(ctx, data.Draft(*kept))
    assert "1 row was left out. In line 22: the output (column" in seen.preview and "line 22</th>" in seen.findings


def test_a_message_names_an_upload_as_the_person_does(ctx: Context, tmp_path: Path) -> None:
    empty = tmp_path / "nothing-in-it.csv"
    empty.write_text("question,answer\n")
    kept = data.keep(ctx, str(empty))
    seen = data.look(ctx, data.Draft(*kept))
    assert "nothing-in-it.csv has a header but no rows" in seen.preview and Path(kept.path).stem not in seen.preview
    with pytest.raises(DataError, match=r"nothing-in-it\.csv has a header but no rows"):
        data.columns(ctx, data.Draft(*kept))


def played_hub(monkeypatch: pytest.MonkeyPatch, found: object) -> list[int]:
    """Lets `datasets` answer without a network; what it was asked for is counted."""
    asked: list[int] = []

    def load(*args: object, **more: object) -> object:
        asked.append(1)
        if isinstance(found, Exception):
            raise found
        return found

    module = types.ModuleType("datasets")
    module.load_dataset = load  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "datasets", module)
    return asked


def test_the_columns_of_a_hub_data_set_are_offered_like_a_files(ctx: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its first rows are enough for that; all are read when the data are to be used."""
    rows = [{"topic": "x", "question": f"What is {n}?", "answer": f"It is {n}."} for n in range(40)]
    played_hub(monkeypatch, {"train": rows, "test": rows[:8]})
    draft = data.Draft(hub="org/name")
    found = data.columns(ctx, draft)
    assert found.names == ["topic", "question", "answer"] and (found.input, found.output) == ("question", "answer")
    first = data.look(ctx, draft)
    assert first.usable and "Row 1 of 20" in first.preview and "the first 20 rows" in first.findings
    assert "What is 3?" in data.look(ctx, draft._replace(input="question", output="answer"), 3).preview
    whole = data.look(ctx, draft, whole=True)
    assert "Test item 1 of 8" in whole.preview and "8 test" in whole.findings


def test_a_hub_data_set_whose_columns_say_nothing_asks_for_them(ctx: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    played_hub(monkeypatch, {"train": [{"colour": "red", "shape": "round"}] * 30, "test": [{"colour": "blue", "shape": "square"}] * 9})
    draft = data.Draft(hub="org/name")
    assert data.columns(ctx, draft).names == ["colour", "shape"]
    unclear = data.look(ctx, draft)
    assert not unclear.usable and "Choose the question column and the answer column" in unclear.preview
    assert "red" in data.look(ctx, draft._replace(input="colour", output="shape")).preview


def test_a_hub_that_cannot_be_reached_is_said_once(ctx: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    played_hub(monkeypatch, ConnectionError("no route"))
    with pytest.raises(DataError, match="could not be read from the hub"):
        data.columns(ctx, data.Draft(hub="org/name"))
    look = data.look(ctx, data.Draft(hub="org/name"))
    assert not look.usable and look.preview.count('role="alert"') == 1
    refused = data.look(ctx, data.Draft(hub="../etc/passwd"))
    assert not refused.usable and "data.hub.id" in refused.preview


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
