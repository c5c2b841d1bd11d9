"""A run's events as lines."""

from __future__ import annotations

from comparison.events import Answered, Event, Finished, MethodFailed, MethodStarted, Note, Prepared, Progressed, Queued, Scored, Started
from ui import progress

BEGUN: list[Event] = [Started("id", "Desk", ("zero_shot", "lora"), 48), MethodStarted("zero_shot", 1, 2)]


def test_each_method_has_a_line_from_the_start() -> None:
    run = progress.follow(BEGUN)
    assert [(line.label, line.stage) for line in run.lines] == [("Zero-shot", "starting"), ("LoRA", "waiting")]


def test_a_line_says_its_stage_with_counts_and_the_time_left() -> None:
    run = progress.follow([*BEGUN, Answered("zero_shot", 31, 48, 2, 0, 95.0)])
    assert run.lines[0].stage == "answering 31/48, 1 min 35 s left"
    assert run.lines[0].percent == 65
    assert "0 of 2 methods done · about 1 min 35 s left" in progress.strip(run)


def test_training_shows_its_loss() -> None:
    run = progress.follow([*BEGUN, MethodStarted("lora", 2, 2), Progressed("lora", "training", 4, 45, "steps", {"loss": 0.4211}, None)])
    assert run.lines[1].stage == "training 4/45 steps, loss 0.42"


def test_a_method_is_done_when_the_next_one_starts() -> None:
    run = progress.follow(
        [*BEGUN, Scored("zero_shot", "token_f1", 0.2, 48), MethodStarted("lora", 2, 2), Prepared("lora", "weights", "f", 61.0, False)]
    )
    assert [line.stage for line in run.lines] == ["done", "weights ready in 1 min 01 s"]
    assert run.over == 1


def test_a_failed_method_keeps_its_reason() -> None:
    run = progress.follow([*BEGUN, MethodFailed("zero_shot", "no room"), MethodStarted("lora", 2, 2), Finished("id", "done")])
    assert run.lines[0].stage == "failed: no room" and run.finished


def test_a_resumed_run_begins_its_lines_anew_and_notes_are_kept() -> None:
    run = progress.follow([*BEGUN, MethodFailed("zero_shot", "x"), *BEGUN, Note("two rows were left out")])
    assert run.lines[0].stage == "starting" and run.notes == ["two rows were left out"]


def test_a_queued_run_says_its_place() -> None:
    assert "1 before it" in progress.strip(progress.follow([Queued(1)]))


def test_validation_stands_at_the_last_training_step() -> None:
    events = [
        *BEGUN,
        Progressed("lora", "training", 15, 45, "steps", {"loss": 1.0, "step": 15.0}),
        Progressed("lora", "validating", 1, 3, "epochs", {"validation_loss": 0.9}),
    ]
    assert progress.curves(events)["lora"]["validation_loss"] == [(15.0, 0.9)]
    assert progress.curves(events)["lora"]["loss"] == [(15.0, 1.0)]
