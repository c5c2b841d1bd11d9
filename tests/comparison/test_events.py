"""Events go to a file and back, are said in one line each, and tell how long it will take."""

from __future__ import annotations

import io

import pytest

from comparison import events, terminal
from comparison.events import Event, Pace, from_json

EXAMPLES: list[Event] = [
    events.Queued(2),
    events.Started("id", "name", ("a", "b"), 12, True),
    events.MethodStarted("a", 1, 2),
    events.Progressed("a", "training", 3, 9, "steps", {"loss": 0.25, "grad_norm": 3.0}, 61.0),
    events.Prepared("a", "weights", "f", 3.5, True),
    events.Answered("a", 4, 12, 1, 0, 3725.0),
    events.Scored("a", "rouge1", None, 0),
    events.MethodFailed("a", "no room"),
    events.Note("mind this", "a"),
    events.Finished("id", "done", "Cannot tell.", "report.json"),
]


def test_every_kind_has_an_example() -> None:
    assert {type(event) for event in EXAMPLES} == set(events.KINDS.values())


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: event.event)
def test_an_event_comes_back_equal(event: Event) -> None:
    assert from_json({"at": 1.0, **event.to_json()}) == event


def test_what_other_versions_wrote_is_tolerated() -> None:
    assert from_json({"event": "of_the_future"}) is None
    assert from_json({"event": "note", "text": "t", "colour": "red"}) == events.Note("t")


@pytest.mark.parametrize(
    ("event", "said"), [(EXAMPLES[3], "training 3/9 steps loss 0.250, 1 min 01 s left"), (EXAMPLES[5], "answered 4/12, 1 h 02 min left")]
)
def test_progress_says_stage_count_and_time_left(event: Event, said: str) -> None:
    assert terminal.describe(event).strip() == said


def test_each_event_is_one_line_and_a_log_is_not_flooded() -> None:
    out = io.StringIO()
    show = terminal.Printer(out)
    for event in EXAMPLES:
        show(event)
        assert "\n" not in terminal.describe(event)
    count = out.getvalue().count("\n")
    assert count == len(EXAMPLES)
    for done in range(5, 11):
        show(events.Answered("a", done, 12))
    assert out.getvalue().count("\n") == count


def test_time_left_counts_only_what_was_done_since(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("comparison.events.time.monotonic", lambda: now[0])
    pace = Pace(done=50)
    assert pace.eta_s(50, 100) is None
    now[0] = 110.0
    assert pace.eta_s(60, 100) == 40.0
    assert pace.eta_s(100, 100) == 0.0
