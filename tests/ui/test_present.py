"""What a report becomes on the page."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ui import configuration, present
from ui.figures import count, decimals, duration, size
from ui.markup import render


def test_methods_are_columns_and_rows_stand_in_three_groups_with_cost_last(report: dict[str, Any]) -> None:
    table = present.table(report)
    assert [c.name for c in table.columns] == ["zero_shot", "few_shot", "rag", "lora", "lora_rag"]
    assert [g.label for g in table.groups] == ["Quality", "Trust", "Cost"]
    assert all(len(row.cells) == 5 for group in table.groups for row in group.rows)


def test_the_primary_metric_comes_first_and_the_judge_is_not_quality(report: dict[str, Any]) -> None:
    report["plan"]["metrics"] = ["judge", "rougeL", "token_f1"]
    quality, trust = present.table(report).groups[:2]
    assert quality.rows[0].label == "Token F1"
    assert "Judge, 1 to 5" not in [row.label for row in quality.rows]
    assert trust.rows[0].label == "Judge, 1 to 5"
    assert trust.rows[0].note.lower().startswith("not certified") and trust.rows[0].greyed and not quality.rows[0].greyed
    assert "ot certified" in render("table", table=present.table(report))


def test_best_is_bold_with_all_that_share_its_letter(report: dict[str, Any]) -> None:
    row = present.table(report).groups[0].rows[0]
    assert [cell.best for cell in row.cells] == [False, False, True, False, True]


def test_lower_is_better_turns_the_arrow_and_the_best(report: dict[str, Any]) -> None:
    report["metrics"]["token_f1"]["higher_is_better"] = False
    row = present.table(report).groups[0].rows[0]
    assert row.arrow == "↓"
    assert [cell.best for cell in row.cells] == [True, True, False, True, False]


def test_a_failed_method_keeps_its_column_with_the_reason(report: dict[str, Any]) -> None:
    report["methods"][3] |= {"status": "failed", "reason": "no room for the weights", "scores": {}, "letters": {}, "cost": {}, "n": 0}
    table = present.table(report)
    assert table.columns[3].failed == "Failed: no room for the weights"
    assert {row.cells[3].text for row in table.groups[0].rows} == {"–"}
    assert "no room for the weights" in render("table", table=table)


def test_a_number_is_unscored_and_never_zero_where_there_is_none(report: dict[str, Any]) -> None:
    report["methods"][0]["scores"]["token_f1"] = {"mean": None, "ci_low": None, "ci_high": None, "n": 0, "unscored": 48}
    cell = present.table(report).groups[0].rows[0].cells[0]
    assert cell.text == "–" and not cell.best and cell.width == 0


def test_n_is_shown_where_it_differs(report: dict[str, Any]) -> None:
    judge = present.table(report).groups[1].rows[0]
    assert [cell.small for cell in judge.cells] == ["", "", "n 47, 1 unscored", "", ""]


def test_markup_in_names_and_reasons_is_text(report: dict[str, Any]) -> None:
    evil = '<img src=x onerror="alert(1)">'
    report["methods"][0] |= {"name": evil, "status": "failed", "reason": evil}
    report["verdict"]["text"] = evil
    report["metrics"]["token_f1"]["label"] = evil
    html = render("table", table=present.table(report)) + render("verdict", name=evil, state="", verdict=present.verdict(report))
    assert "<img" not in html and "&lt;img" in html


def test_the_note_under_the_verdict_says_what_it_rests_on(report: dict[str, Any]) -> None:
    note = present.verdict(report).note
    assert "48 test items" in note and "0.09 Token F1" in note


@pytest.mark.parametrize("missing", ["environment", "power", "data", "plan", "metrics", "verdict"])
def test_an_old_report_that_lacks_a_section_is_still_shown(report: dict[str, Any], missing: str) -> None:
    report = copy.deepcopy(report)
    del report[missing]
    assert present.verdict(report).text
    assert len(present.table(report).columns) == 5
    configuration.setup(report)


def test_the_configuration_names_duplicates_and_settings(report: dict[str, Any]) -> None:
    groups = dict(configuration.setup(report))
    assert dict(groups["Methods"])["Few-shot"] == "shots 4, selection similar"
    twice = dict(groups["Test items that also stand elsewhere"])
    assert twice["in training rows, of which all but near ones were taken out"].startswith("exact 0, normalised 0, 13-gram 1")


def test_duplicates_that_were_not_looked_for_are_not_said(report: dict[str, Any]) -> None:
    report["data"]["leakage"]["index"] = {"exact": 2, "normalised": 0, "ngram": 3, "embedding": None, "items": {"exact": ["a"]}}
    twice = dict(dict(configuration.setup(report))["Test items that also stand elsewhere"])
    assert twice["in documents, which stay whole"] == "exact 2, normalised 0, 13-gram 3"


def cells_of(report: dict[str, Any], label: str) -> list[str]:
    return next([cell.text for cell in row.cells] for group in present.table(report).groups for row in group.rows if row.label == label)


def test_the_seconds_of_an_answer_hold_those_of_wording_its_prompt(report: dict[str, Any]) -> None:
    report["methods"][2]["cost"] |= {"generate_s": 96.0, "word_s": 48.0}
    assert cells_of(report, "Answer, each")[2] == "3.00 s"
    del report["methods"][2]["cost"]["word_s"]
    assert cells_of(report, "Answer, each")[2] == "2.00 s"


def test_shortened_prompts_and_the_reports_notes_are_shown(report: dict[str, Any]) -> None:
    report["methods"][2]["shortened_prompts"] = 5
    report["notes"] = ["rag: 30 of 48 answers were cut at 24 tokens <b>."]
    assert cells_of(report, "Prompts shortened") == ["–", "–", "5", "–", "–"]
    html = render("table", table=present.table(report))
    assert "RAG: 30 of 48 answers were cut at 24 tokens &lt;b&gt;." in html


def test_a_bar_stays_within_its_scale(report: dict[str, Any]) -> None:
    report["methods"][4]["scores"]["token_f1"] = {"mean": 1.0, "ci_low": 1.0, "ci_high": 1.0, "n": 48, "unscored": 0}
    assert all(cell.left + cell.width <= 100 for cell in present.table(report).groups[0].rows[0].cells)


@pytest.mark.parametrize(
    ("half", "low", "high", "digits"), [(0.07, 0, 1, 2), (0.004, 0, 1, 3), (0.3, 0, 1, 2), (3.0, 0, 100, 1), (0.3, 1, 5, 1), (0.0, 0, 1, 2)]
)
def test_digits_are_those_that_the_interval_supports(half: float, low: float, high: float, digits: int) -> None:
    assert decimals([half], low, high) == digits


@given(st.floats(0, 1e6))
def test_a_longer_time_never_reads_as_a_shorter_one(seconds: float) -> None:
    assert _seconds(duration(seconds)) == pytest.approx(seconds, rel=0.02, abs=0.6)


def _seconds(text: str) -> float:
    units = {"s": 1.0, "min": 60.0, "h": 3600.0}
    words = text.split()
    return sum(float(n) * units[u] for n, u in zip(words[::2], words[1::2], strict=True)) + (30 if "h" in words else 0)


def test_sizes_and_counts_read_like_a_person_says_them() -> None:
    assert [size(0), size(310_000), size(9_800_000), size(None)] == ["0 B", "303 KB", "9.3 MB", "–"]
    assert [count(0), count(1234), count(2_442_240), count(None)] == ["0", "1,234", "2.4 M", "–"]


def test_nothing_is_bold_where_nothing_can_be_told_apart(report: dict[str, Any]) -> None:
    for method in report["methods"]:
        method["letters"]["token_f1"] = "a"
    assert not any(cell.best for cell in present.table(report).groups[0].rows[0].cells)


def test_method_names_are_said_as_people_say_them() -> None:
    text = "Cannot tell: few_shot and lora_rag. Zero_shot costs 2x. Rag reads more than lora; forage is a word."
    assert (
        present.in_words(text)
        == "Cannot tell: few-shot and LoRA + retrieval. Zero-shot costs 2x. RAG reads more than LoRA; forage is a word."
    )
