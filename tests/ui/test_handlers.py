"""What the tabs do, without a browser, on the fake model."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from comparison import jobs
from comparison.plan import read_plan
from core.errors import BakeoffError, DataError, PlanError, StoreError
from ui import present
from ui.context import Context, Settings, owner_of, start_settings
from ui.handlers import chart, compare, counts, examples, finetuning, items, library, methods, prompting, retrieval, runs, shares
from ui.handlers.compare import Shown
from ui.handlers.prompting import OWN, Choice
from ui.task import Task, words


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def test_the_strip_counts_rows_and_documents(ctx: Context, task: Task) -> None:
    assert words(counts.counted(ctx, task)) == ["Lost things", "30 train / 8 validation / 12 test", "8 documents", "echo"]
    assert words(Task())[0] == "No task yet" and counts.machine(Task()) == ""


def test_the_strip_says_what_a_run_would_compute_on(task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.device.kind", lambda: "cpu")
    assert counts.machine(replace(task, model={**task.model, "threads": 1})) == "CPU, 1 thread"
    monkeypatch.setattr("models.device.free_cores", lambda: 4)
    assert words(task, counts.machine(task))[-1] == "CPU, 4 threads"
    monkeypatch.setattr("models.device.kind", lambda: "cuda")
    assert counts.machine(task) == "GPU"


def test_an_example_without_a_result_is_offered_and_says_so(ctx: Context) -> None:
    assert [(c.name, c.finished) for c in examples.cards(ctx.settings.examples)] == [("lost_things", False)]
    assert compare.landing(ctx, "") == Shown()
    with pytest.raises(StoreError, match="no result yet"):
        compare.locate(ctx, Shown("example", "lost_things"))


@pytest.mark.parametrize("name", ["../lost_things", "/etc", "nothing", ""])
def test_an_example_is_looked_up_and_never_a_path(ctx: Context, name: str) -> None:
    with pytest.raises(StoreError, match="There is no example"):
        examples.task(ctx, name)


def test_the_form_holds_the_plans_methods_and_gives_them_back(ctx: Context, task: Task) -> None:
    task = replace(
        task,
        methods=(
            {"kind": "few_shot", "shots": 8},
            {"kind": "few_shot", "name": "two", "shots": 2},
            {"kind": "lora", "name": "lora_rag", "with_retrieval": True},
        ),
    )
    form = methods.fill(task)
    assert form.ticked == ["few_shot", "lora_rag", "plan:1"]
    plan = methods.plan(task, form.ticked, form.values, ["token_f1"], 5)
    assert plan["methods"] == [
        {"kind": "few_shot", "shots": 8},
        {"kind": "lora", "name": "lora_rag", "with_retrieval": True},
        {"kind": "few_shot", "name": "two", "shots": 2},
    ]
    assert plan["data"]["limit"] == {"test": 5} and plan["primary"] == "token_f1"
    assert "8 shots" in dict((key, label) for label, key in form.choices)["few_shot"]


def test_every_registered_method_can_be_ticked(ctx: Context) -> None:
    import adapters  # noqa: F401
    from adapters.base import methods as registry

    assert set(registry.names()) <= {offer.kind for offer in methods.offers()}
    assert [offer.name for offer in methods.offers()][:2] == ["zero_shot", "few_shot"]


@pytest.mark.parametrize(
    ("ticked", "metrics"), [([], ["token_f1"]), (["zero_shot"], []), (["no_such"], ["token_f1"]), (["plan:9"], ["token_f1"])]
)
def test_an_empty_or_forged_form_is_refused_in_plain_words(task: Task, ticked: list[str], metrics: list[str]) -> None:
    with pytest.raises(PlanError) as refused:
        methods.plan(task, ticked, {}, metrics, None)
    assert refused.value.remedy


def test_a_wrong_run_is_refused_and_nothing_is_stored(ctx: Context, task: Task) -> None:
    plan = methods.plan(
        replace(task, data={**task.data, "split": {"train": 0.2, "validation": 0.1, "test": 0.7, "seed": 7}}),
        ["few_shot"],
        {"few_shot": {"shots": 32}},
        ["token_f1"],
        None,
    )
    with pytest.raises(PlanError, match=r"few_shot\.shots must be at most"):
        runs.start(ctx, task, plan)
    with pytest.raises(PlanError, match="nothing to run on"):
        runs.start(ctx, Task(), plan)
    assert library.rows(ctx) == []


def test_a_finished_comparison_fills_every_place(ctx: Context, finished: str) -> None:
    shown = Shown("comparison", finished)
    view = compare.view(ctx, shown)
    assert "Token F1" in view.table and "RAG" in view.table and view.primary == "token_f1"
    assert "token" in text_of(view.how).lower()
    page = items.page(ctx, shown, "All", 0)
    assert page.total == 12 and "Reference" in page.html
    assert items.page(ctx, shown, "All", -1).place == 11
    assert items.page(ctx, shown, "Cut", 0).total <= 12
    assert len(chart.draw(ctx, shown, "nonsense", "nonsense").figure.data) == 2


def test_a_run_that_ended_can_be_read_and_one_that_failed_says_why(ctx: Context, finished: str) -> None:
    look = runs.look(ctx, finished)
    assert look.over and look.readable and look.note == ""
    assert "done" in look.lines
    assert runs.going_on(ctx) == ""


def test_a_link_pins_the_report_and_can_leave_out_the_texts(ctx: Context, finished: str) -> None:
    stranger = Context(ctx.settings, "somebody else")
    bare = compare.landing(stranger, shares.token(ctx, Shown("comparison", finished), False))
    whole = compare.landing(stranger, shares.token(ctx, Shown("comparison", finished), True))
    assert bare.kind == whole.kind == "share"
    mine = Shown("comparison", finished)
    assert compare.view(stranger, whole).table == compare.view(ctx, mine).table
    cells = [present.table(compare.locate(who, what).report).groups for who, what in ((stranger, bare), (ctx, mine))]
    assert cells[0] == cells[1], "the same numbers, without the notes, which may quote an item"
    assert "Only the scores" in items.page(stranger, bare, "All", 0).html
    assert "Reference" in items.page(stranger, whole, "All", 0).html
    with pytest.raises(StoreError, match="opens nothing"):
        compare.landing(stranger, "x" * 32)
    with pytest.raises(StoreError):
        compare.landing(stranger, finished)


def test_links_are_listed_with_their_end_and_closed(ctx: Context, finished: str) -> None:
    """F17"""
    mine, stranger = Shown("comparison", finished), Context(ctx.settings, "somebody else")
    tokens = [shares.token(ctx, mine, rows, expiry) for rows, expiry in ((False, "Never"), (True, "After a day"))]
    listed = shares.listing(ctx, mine)
    assert "no end" in listed.html and "with prompts and answers" in listed.html and len(listed.open) == 2
    assert "with prompts" in listed.open[0][0], "the newest first"
    assert shares.close(ctx, mine, listed.open[0][1]) == "The link is closed."
    with pytest.raises(StoreError, match="opens nothing"):
        compare.landing(stranger, tokens[1])
    assert compare.landing(stranger, tokens[0]).kind == "share"
    assert shares.close(ctx, mine, None) == "The link is closed." and shares.close(ctx, mine, None) == "No link was open."
    with pytest.raises(StoreError, match="opens nothing"):
        compare.view(stranger, Shown("share", tokens[0]))
    for act in (shares.listing, lambda who, what: shares.close(who, what, None)):
        with pytest.raises(StoreError, match="There is no comparison"):
            act(stranger, mine)
    assert shares.listing(ctx, Shown("example", "lost_things")) == ("", [])
    with pytest.raises(PlanError, match="cannot close"):
        shares.token(ctx, mine, False, "Yesterday")


def test_the_library_opens_clones_and_deletes(ctx: Context, finished: str) -> None:
    row = library.rows(ctx)[0]
    assert (row.name, row.status) == ("Lost things", "done") and row.verdict in library.line(row)
    library.readable(ctx, finished)
    again = library.clone(ctx, finished)
    assert methods.fill(again).ticked == ["zero_shot", "rag"] and again.documents is not None and again.documents.is_dir()
    with pytest.raises(StoreError, match="done already"):
        library.resume(ctx, finished)
    library.delete(ctx, finished)
    assert library.rows(ctx) == []


def test_a_comparison_that_runs_is_not_deleted_under_its_process(ctx: Context, task: Task) -> None:
    plan = read_plan(methods.plan(task, ["zero_shot"], {}, ["token_f1"], None), Path(task.base))
    active = jobs.admit(ctx.store, plan, ctx.owner, jobs.own_handle()).id
    with pytest.raises(StoreError, match="Stop it first"):
        library.delete(ctx, active)
    assert [row.id for row in library.rows(ctx)] == [active]


def test_the_primary_metric_stays_though_it_is_a_script(task: Task) -> None:
    script = {"evaluate": "format_ok.py", "name": "format_ok"}
    scripted = replace(task, metrics=("token_f1", script), primary="format_ok")
    form = methods.fill(scripted)
    assert methods.plan(scripted, ["zero_shot"], {}, form.metrics, None)["primary"] == "format_ok"
    assert "primary" not in methods.plan(scripted, ["zero_shot"], {}, ["token_f1"], None)


def test_a_plans_judge_is_ticked_and_can_be_left_out(task: Task) -> None:
    graded = replace(task, rest={**task.rest, "judge": {"model": "same", "scale": 5}})
    form = methods.fill(graded)
    assert form.metrics == ["token_f1", "exact_match", "judge"]
    assert methods.plan(graded, ["zero_shot"], {}, form.metrics, None)["judge"] == {"model": "same", "scale": 5}
    assert "judge" not in methods.plan(graded, ["zero_shot"], {}, ["token_f1"], None)
    assert methods.fill(task).metrics == ["token_f1", "exact_match"]


def test_the_prompt_is_the_one_that_a_comparison_asks(ctx: Context, task: Task, finished: str) -> None:
    asked = compare.locate(ctx, Shown("comparison", finished)).result.answers("zero_shot").answers
    shown = prompting.show(ctx, task, Choice(place=0))
    first = next(iter(compare.locate(ctx, Shown("comparison", finished)).result.splits().test))
    assert f"{asked[first.id].prompt_tokens:,} tokens" in shown.prompt
    last = list(prompting.answer(ctx, task, Choice(place=0), {}))[-1]
    assert 'data-done="yes"' in last.answer and "Token F1" in last.answer
    assert text_of(asked[first.id].text).strip()[:20] in text_of(last.answer).replace("&#39;", "'")


@pytest.mark.parametrize("place", [-1, 12, 10**30])
def test_an_item_that_is_not_there_is_refused_and_not_another_one_shown(ctx: Context, task: Task, place: int) -> None:
    with pytest.raises(DataError, match=f"from 1 to 12; got {place + 1}"):
        prompting.show(ctx, task, Choice(place=place))
    assert "item 12 of 12" in prompting.show(ctx, task, Choice(place=11)).prompt


def test_shots_and_own_text_go_into_the_prompt(ctx: Context, task: Task) -> None:
    shown = prompting.show(ctx, task, Choice(style="Few-shot", shots=3, source=OWN, own="Where is my <b>hat</b>?"))
    assert "3 demonstrations" in shown.prompt and "&lt;b&gt;hat" in shown.prompt
    assert "1 demonstration<" in prompting.show(ctx, task, Choice(style="One-shot")).prompt
    with pytest.raises(BakeoffError, match="shots"):
        prompting.show(ctx, task, Choice(style="Few-shot", shots=0))
    with pytest.raises(DataError, match="empty"):
        prompting.show(ctx, task, Choice(source=OWN, own="  "))


def test_search_finds_and_ask_answers_from_the_passages(ctx: Context, task: Task) -> None:
    steps = list(retrieval.search(ctx, task, "Where is the anvil of the tannery?", {"top_k": 2}))
    assert "tannery.md" in steps[-1].found and "similarity" in steps[-1].found
    assert any("index" in step.progress.lower() for step in steps), "building the index was told"
    answered = list(retrieval.ask(ctx, task, "Where is the anvil of the tannery?", {"top_k": 2}))
    assert 'data-done="yes"' in answered[-1].answer and "exact prompt" in answered[-1].found
    assert any("tannery" in html for html in retrieval.passages(ctx, task, "tannery.md", {}))


def test_retrieval_without_documents_says_how_to_mend_it(ctx: Context, task: Task) -> None:
    bare = replace(task, knowledge={})
    with pytest.raises(DataError, match="no documents"):
        list(retrieval.search(ctx, bare, "x", {}))
    assert "no documents yet" in retrieval.listing(ctx, bare)[0]


def test_a_fine_tune_on_a_fake_model_is_refused_in_plain_words(ctx: Context, task: Task) -> None:
    assert {"lora", "ia3", "prompt_tuning"} <= {offer.kind for offer in finetuning.kinds()}
    with pytest.raises(PlanError, match="needs a model with weights"):
        finetuning.launch(ctx, task, "lora", {"epochs": 1})
    with pytest.raises(StoreError, match="no fine-tune"):
        list(finetuning.chat(ctx, "", "hello"))
    assert finetuning.trained(ctx) == []


def test_owners_are_one_locally_and_many_in_public(tmp_path: Path) -> None:
    local, public = Settings(), Settings(public=True)
    assert owner_of(local, "ann", "1") == owner_of(local, None, "2")
    assert len({owner_of(public, "ann", "1"), owner_of(public, None, "1"), owner_of(public, None, "2")}) == 3


def test_a_store_that_cannot_be_made_is_told_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match="cannot be made"):
        start_settings(tmp_path / "file" / "store", None)


def test_state_hashes_by_content(task: Task) -> None:
    same: Any = replace(task)
    assert hash(task) == hash(same) and hash(task) != hash(replace(task, name="other"))
