"""The fold about forgetting, its row in the table, and the checkbox of the form."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from comparison import share
from comparison.forgotten import forgotten
from comparison.probe import BASE
from comparison.table import text_table
from core.files import write_json
from evaluation.probing import probe_set
from ui import forgetchart, present
from ui import forgotten as rows
from ui.context import Context
from ui.handlers import forgetting, methods
from ui.handlers.compare import Shown
from ui.task import Task

SAMPLE = Path(__file__).parent / "sample" / "report.json"


def scores(every: int) -> dict[str, float]:
    """Every so-many-th item is wrong."""
    return {item.id: float(place % every > 0) for place, (_, item) in enumerate(probe_set().items())}


@pytest.fixture
def report() -> dict[str, Any]:
    """The sample's two fine-tunes, one of which has forgotten much."""
    found: dict[str, Any] = json.loads(SAMPLE.read_text())
    kinds = {kind: [item.id for item in items] for kind, items in probe_set().kinds.items()}
    models = {
        BASE: {"base": BASE, "scores": scores(10), "loss": 3.0, "tokens": 2500, "reason": ""},
        "lora.probe": {"base": BASE, "scores": scores(2), "loss": 3.5, "tokens": 2500, "reason": ""},
        "lora_rag.probe": {"base": BASE, "scores": scores(10), "loss": None, "tokens": 0, "reason": "no memory"},
    }
    probe = {"kinds": kinds, "set": "s", "models": models}
    for name, fields in forgotten(found, probe).items():
        next(method for method in found["methods"] if method["name"] == name).update(fields)
    return {**found, "forgetting": {"set": "s", "items": 168, "kinds": dict.fromkeys(kinds, 42), "text_tokens": 2500}}


@pytest.fixture
def shown(ctx: Context, finished: str, report: dict[str, Any]) -> Shown:
    """A comparison whose report is the sample's."""
    result = ctx.store.result(finished)
    write_json(result.folder / result.next_report_name(), {**report, "id": finished})
    return Shown("comparison", finished)


def test_the_table_ends_with_what_was_forgotten_and_its_interval(report: dict[str, Any]) -> None:
    last = present.table(report).groups[-1].rows[-1]
    assert (last.label, last.arrow) == ("Forgotten", "↓")
    assert [cell.text for cell in last.cells] == ["–", "–", "–", "0.40", "0.00"]
    assert " to " in last.cells[3].interval and last.cells[3].width > 0
    assert last.cells[3].left >= 0 and last.cells[3].left + last.cells[3].width <= 100.1
    in_terminal = [line for line in text_table({**report, "notes": []}).splitlines() if line.startswith("forgotten")]
    assert len(in_terminal) == 1 and "0.399 [0.3" in in_terminal[0]


def test_a_table_without_it_has_no_such_row() -> None:
    found = present.table(json.loads(SAMPLE.read_text()))
    assert all(row.label != "Forgotten" for group in found.groups for row in group.rows)


def test_the_fold_shows_counts_by_kind_both_columns_and_the_chart(ctx: Context, shown: Shown) -> None:
    view = forgetting.view(ctx, shown)
    assert "151 → 84" in view.html and "of 168" in view.html and "Instruction following" in view.html and "20.1 → 33.1" in view.html
    assert "catastrophic interference" in view.html and "rehearsal_alpha" in view.html and "2,500 tokens" in view.html
    assert view.figure is not None and [trace.name for trace in view.figure.data] == ["LoRA", "LoRA + retrieval"]
    assert [trace.x[0] for trace in view.figure.data] == pytest.approx([67 / 168, 0.0]) and view.can_ask


def test_before_anybody_asked_it_says_what_asking_would_do(ctx: Context, finished: str) -> None:
    view = forgetting.view(ctx, Shown("comparison", finished))
    assert view.figure is None and "Nobody has asked yet" in view.html
    assert not view.can_ask and "No method of this comparison was trained" in view.said


def test_asking_starts_the_command_for_the_owner_alone(ctx: Context, shown: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    """F19"""
    started: list[tuple[str, str]] = []
    monkeypatch.setattr("ui.handlers.again.again.start", lambda store, key, command: started.append((key, command)))
    assert forgetting.started(ctx, shown)[0] == shown.key and started == [(shown.key, "forgetting")]
    link = Shown("share", share.create(ctx.store, shown.key, ctx.owner))
    assert forgetting.started(ctx, link)[0] == "" and not forgetting.view(ctx, link).can_ask
    assert len(started) == 1


def test_a_link_without_rows_shows_the_numbers_and_no_question(ctx: Context, shown: Shown) -> None:
    """F18"""
    html = forgetting.view(ctx, Shown("share", share.create(ctx.store, shown.key, ctx.owner))).html
    assert "151 → 84" in html and not any(item.question in html for _, item in probe_set().items())


def test_points_need_zero_shot_and_stand_with_their_intervals(report: dict[str, Any]) -> None:
    one = rows.points(report)[0]
    assert one.label == "LoRA" and one.forgotten[1] < one.forgotten[0] < one.forgotten[2] and one.gained[0] > 0
    alone = {**report, "methods": [{**m, "forgetting": {**m["forgetting"], "task": None}} for m in report["methods"] if "forgetting" in m]}
    assert rows.points(alone) == [] and rows.method_rows(alone)[0].gained.text == "–"
    assert forgetchart.gained_forgotten([], "Token F1").data == ()


def test_the_scatter_tells_fine_tunes_apart_by_sign_and_name_and_has_titles_and_intervals() -> None:
    points = [rows.Point(f"LoRA <{n}>", (n / 10, n / 10 - 0.1, n / 10 + 0.2), (0.3, 0.3, 0.3)) for n in range(13)]
    figure = forgetchart.gained_forgotten(points, "Accuracy")
    assert len({trace.marker.symbol for trace in figure.data}) == 13 and figure.layout.showlegend
    assert [trace.name for trace in figure.data][:2] == ["LoRA &lt;0&gt;", "LoRA &lt;1&gt;"]
    assert (figure.layout.xaxis.title.text, figure.layout.yaxis.title.text) == (
        "forgotten: share of general questions", "gained over zero-shot, Accuracy",
    )  # fmt: skip
    first = figure.data[0]
    assert (first.error_x.array[0], first.error_x.arrayminus[0], first.error_y.array[0]) == pytest.approx((0.2, 0.1, 0.0))


def test_signs_are_real_and_zero_has_none() -> None:
    assert [rows.signed(value) for value in (0.123, -0.5, -0.001, None)] == ["0.12", "−0.50", "0.00", "–"]


def test_the_forms_checkbox_writes_the_plan_key_and_nothing_else(task: Task) -> None:
    plain = methods.plan(task, ["zero_shot"], {}, ["token_f1"], None)
    asked = methods.plan(task, ["zero_shot"], {}, ["token_f1"], None, True)
    assert "forgetting" not in plain and asked == {**plain, "forgetting": True}
