"""The Fine-tuning tab's handlers on real trainings of a tiny model: estimate, live figures, what Stop keeps, sweeps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from inprocess import train_here
from tickets import DATA, section_of, write_tickets

from adapters import tuned
from comparison import estimating, jobs
from comparison.events import Progressed
from comparison.plan import read_plan
from comparison.run import run
from comparison.sweep import sweep_plan
from core.errors import Cancelled, PlanError, StoreError
from training.estimate import Estimate
from ui import traincharts
from ui.context import Context
from ui.handlers import estimating as asked
from ui.handlers import finetuning, library, live, preparation, runs, sweeping
from ui.markup import render
from ui.task import Task

CURVE = {
    "loss": [(1.0, 2.5), (2.0, 1.25)],
    "validation_loss": [(2.0, 1.5)],
    "token_accuracy": [(1.0, 0.25), (2.0, 0.5)],
    "learning_rate": [(1.0, 5e-4), (2.0, 1e-3)],
    "grad_norm": [(1.0, 1.5), (2.0, 0.9)],
    "tokens_per_s": [(1.0, 900.0), (2.0, 1234.0)],
}


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """The trainer in this process."""

    monkeypatch.setattr(tuned, "run_job", train_here)


@pytest.fixture
def tickets(tmp_path: Path, tiny_model: Path) -> Task:
    write_tickets(tmp_path)
    return Task(
        name="Tickets",
        base=str(tmp_path),
        data=DATA,
        model=section_of(tiny_model),
        rest={"generation": {"max_new_tokens": 4}},
        metrics=("token_f1",),
    )


def ran(ctx: Context, task: Task, plan: dict[str, Any], stop_after: int | None = None) -> str:
    """Run a plan in this process in the owner's name; stop it right after an epoch where one is named."""
    read = read_plan(plan, Path(task.base))
    comparison_id = jobs.admit(ctx.store, read, ctx.owner, jobs.own_handle()).id
    steps = run(read, ctx.store, comparison_id)
    for event in steps:
        if isinstance(event, Progressed) and event.stage == "validating" and event.done == stop_after:
            with pytest.raises(Cancelled):
                steps.throw(Cancelled("Stopped on request."))  # type: ignore[attr-defined]
            break
    return comparison_id


LORA = {"kind": "lora", "rank": 2, "epochs": 3, "learning_rate": 0.01}


def test_an_estimate_says_time_steps_and_memory_and_the_setting_to_change(
    ctx: Context, tickets: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    too_large = Estimate(200.0, 36, 9000, 800, 3000.0, 2000.0, "Set micro_batch_size to 2.")
    monkeypatch.setattr(estimating, "of_job", lambda job: too_large)
    *_, html = asked.estimate(ctx, tickets, "lora", {"rank": 2, "seeds": 2})
    assert "About 6 min 40 s (2 seeds, each 36 steps on 9,000 tokens, 800 of them answers)" in html
    assert "peak memory 3,000 MB of 2,000 MB free" in html and "It does not fit. Set micro_batch_size to 2." in html


def test_an_estimate_of_what_is_trained_already_says_so(ctx: Context, tickets: Task, here: None) -> None:
    ran(ctx, tickets, tickets.plan([LORA], ["token_f1"]))
    *_, html = asked.estimate(ctx, tickets, "lora", {name: value for name, value in LORA.items() if name != "kind"})
    assert "Trained already" in html


def test_early_stopping_without_validation_rows_is_refused_before_anything_is_measured(ctx: Context, tickets: Task) -> None:
    data = {**tickets.data, "split": {"train": 0.7, "validation": 0.0, "test": 0.3}}
    bare = Task(name="Bare", base=tickets.base, data=data, model=tickets.model, metrics=("token_f1",))
    with pytest.raises(PlanError, match="early_stopping needs validation rows"):
        list(asked.estimate(ctx, bare, "lora", {"early_stopping": 1}))
    with pytest.raises(PlanError, match="no task is chosen"):
        list(asked.estimate(ctx, Task(), "lora", {}))


def test_the_figures_of_this_moment_are_the_last_of_each_curve() -> None:
    html = live.figures(CURVE, 41.6)
    for label, value in (
        ("Training loss", "1.250"),
        ("Validation loss", "1.500"),
        ("Token accuracy", "50%"),
        ("Learning rate", "0.001"),
        ("Gradient norm", "0.9"),
        ("Answer tokens a second", "1,234"),
        ("Time left", "42 s"),
    ):
        assert f"<dt>{label}</dt><dd>{value}</dd>" in html
    assert live.figures({}) == ""


def test_further_curves_have_a_panel_each_and_validation_beside_training() -> None:
    figure = traincharts.details(CURVE | {"validation_token_accuracy": [(2.0, 0.4)]})
    names = [trace.name for trace in figure.data]
    assert names[:2] == ["Token accuracy, training", "Token accuracy, validation"] and len(names) == 5
    assert len(traincharts.details({}).data) == 0


def test_what_the_doctor_says_stands_beside_the_curves_and_in_the_report(ctx: Context, tickets: Task, here: None) -> None:
    lost = {**LORA, "learning_rate": 1e-7, "epochs": 2}
    comparison_id = ran(ctx, tickets, tickets.plan([lost], ["token_f1"]))
    texts = live.said(ctx, comparison_id)
    assert any("far below what lora usually takes" in text for text in texts)
    assert any("does not fall" in text for text in texts)
    assert set(finetuning.findings_of(ctx, f"{comparison_id}/lora")) <= set(texts)
    report = ctx.store.result(comparison_id).report()
    assert [finding["rule"] for finding in report["methods"][0]["training"]["findings"]] == ["rate", "flat"]
    assert sum("does not fall" in note for note in report["notes"]) == 1
    assert "does not fall" in live.advice(texts) and finetuning.curves(ctx, comparison_id)["tokens_per_s"]


def test_a_stopped_fine_tune_can_be_chatted_with_under_its_label(ctx: Context, tickets: Task, here: None) -> None:
    comparison_id = ran(ctx, tickets, tickets.plan([LORA], ["token_f1"]), stop_after=2)
    said = finetuning.stop(ctx, comparison_id)
    assert said.startswith("Stopped after epoch 2 of 3: the weights of epoch ")
    ((label, key),) = finetuning.trained(ctx)
    assert "LoRA, stopped after epoch 2 of 3" in label and key == f"{comparison_id}/lora"
    *_, last = finetuning.chat(ctx, key, "Ticket 3 about the stove")
    assert last.base and last.tuned
    assert finetuning.curves_of(ctx, key)["loss"] and preparation.record(ctx, key) == ""
    assert finetuning.findings_of(ctx, key)[0].startswith("Stopped after epoch 2 of 3")


def test_stop_without_a_run_and_before_the_first_epoch_says_what_is_kept(ctx: Context, tickets: Task, here: None) -> None:
    assert finetuning.stop(ctx, "") == "Nothing runs now."
    comparison_id = ran(ctx, tickets, tickets.plan([LORA], ["token_f1"]))
    assert finetuning.stop(ctx, comparison_id) == "That run is done already."


def test_the_newest_sweep_has_a_table_and_its_choice_fills_the_form(ctx: Context, tickets: Task, here: None) -> None:
    assert sweeping.newest(ctx) == ("", "")
    plan = sweep_plan(tickets.plan([LORA], ["token_f1"]), {"learning_rate": [1e-5, 2e-2], "rank": [2]}, seeds=2)
    comparison_id = ran(ctx, tickets, plan)
    found = sweeping.newest(ctx)
    assert found.id == comparison_id
    assert "learning rate 2e-2, rank 2 <b>(chosen)</b>" in found.html and " to " in found.html
    kind, settings = sweeping.chosen(ctx, comparison_id)
    assert (kind, settings["learning_rate"], settings["rank"]) == ("lora", 2e-2, 2)
    look = runs.look(ctx, comparison_id)
    assert (look.over, look.readable, look.note) == (True, False, "")
    with pytest.raises(StoreError, match="A sweep asks no test items"):
        library.readable(ctx, comparison_id)
    assert finetuning.trained(ctx) == []


def test_a_sweep_of_nothing_is_refused_in_plain_words(ctx: Context, tickets: Task) -> None:
    with pytest.raises(PlanError, match="needs values to try"):
        sweeping.start(ctx, tickets, "lora", {}, {"rank": " "}, 1)
    with pytest.raises(PlanError, match=r"sweep\.rank"):
        sweeping.start(ctx, tickets, "lora", {}, {"rank": "many"}, 1)
    with pytest.raises(StoreError, match="no sweep with a chosen setting"):
        sweeping.chosen(ctx, "")


def test_names_and_reasons_of_a_sweep_are_never_raw_html() -> None:
    row = {"name": "<b>x</b>", "chosen": False, "loss": None, "spread": "", "best": "", "time": "", "reason": "<script>"}
    html = render("sweep", name="<i>", rows=[row], sentence="<u>", snippet="<pre>", seeds=1, validation_rows=3)
    assert "<script>" not in html and "<b>x</b>" not in html and "&lt;script&gt;" in html
    html = render(
        "sweep", name="x", rows=[{**row, "loss": "0.1", "of": 2, "apart": "<u>"}], sentence="", snippet="", seeds=1, validation_rows=3
    )
    assert "not compared: &lt;u&gt;" in html and "<td>2</td>" in html
