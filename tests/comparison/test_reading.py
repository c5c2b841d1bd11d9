"""Strict beside lenient, the signature beside the name, and one prompt format: what a result must say of its own reading."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from comparison.export import to_csv, to_html, to_markdown
from comparison.legend import legend
from comparison.plan import read_plan
from comparison.reading import reading_notes
from comparison.rescore import rescore
from comparison.share import scores_only
from comparison.store import Store
from comparison.table import text_table
from models.base import Completion
from models.fake import FakeModel, turns
from ui import present

Complete = Callable[..., tuple[str, list[Any]]]


@pytest.fixture
def wordy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that knows half of the answers and says them all in a sentence."""

    def complete_one(self: FakeModel, prompt_ids: Any, config: Any) -> Completion:
        question = turns(prompt_ids)[-1]
        place, number = question.split()[0].lower(), int(question.split()[1].rstrip(":"))
        said = f"Hall {number % 7} of the {place}" if number % 2 else "Hall 99 of the moon"
        return Completion(f"The answer is {said}.", (1,), "stop")

    monkeypatch.setattr(FakeModel, "_complete", complete_one)


def test_a_note_warns_where_strict_and_lenient_reading_are_far_apart(
    complete: Complete, mapping: dict[str, Any], task: Path, store: Store, wordy: None
) -> None:
    """E9: all answers are full sentences; both readings are shown, and re-scoring does not say it twice."""
    comparison_id, _ = complete(read_plan({**mapping, "metrics": ["exact_match"]}, task))
    report = store.result(comparison_id).report()
    for method in report["methods"]:
        read = method["reading"]["exact_match"]
        assert read["strict"] == method["scores"]["exact_match"]["mean"] == 0.0
        assert read["lenient"] > 0.2 and read["n"] == report["data"]["counts"]["test"]
    [warning] = [note for note in report["notes"] if "Strict and lenient" in note]
    assert "zero_shot exact match 0.00 strict" in warning and "few_shot" in warning
    lenient = report["methods"][0]["reading"]["exact_match"]["lenient"]
    assert f"(lenient {lenient:.3f})" in text_table(report)
    assert present.table(report).groups[0].rows[0].cells[0].small == f"lenient {lenient:.2f}"

    list(rescore(store, comparison_id, ["exact_match_lenient"]))
    again = store.result(comparison_id).report()
    assert again["methods"][0]["scores"]["exact_match_lenient"]["mean"] == pytest.approx(lenient)
    assert sum("Strict and lenient" in note for note in again["notes"]) == 1
    assert "(lenient" not in text_table(again), "it has a row of its own now"


@pytest.mark.parametrize(("lenient", "warned"), [(0.50, False), (0.60, False), (0.61, True), (0.30, True)])
def test_the_warning_begins_above_ten_points(lenient: float, warned: bool) -> None:
    """E9"""
    found = {"rag": {"accuracy": {"strict": 0.50, "lenient": lenient, "n": 100}}}
    assert bool(reading_notes(found)) is warned


def test_a_result_states_that_there_is_one_prompt_format(complete: Complete, mapping: dict[str, Any], task: Path, store: Store) -> None:
    """E30: on the page, in the terminal, in exports, and on a shared page that shows scores only."""
    result = store.result(complete(read_plan(mapping, task))[0])
    report = result.report()
    assert report["prompt_format"]["formats"] == 1
    said = "One prompt format"
    assert said in text_table(report) and said in to_html(result, report) and said in to_markdown(result, report)
    for shown in (report, scores_only(report)):
        assert any(note.startswith(said) for note in present.table(shown).notes)


def test_variant_tokeniser_and_signature_stand_with_the_name_wherever_it_is_shown_in_full(
    complete: Complete, mapping: dict[str, Any], task: Path, store: Store
) -> None:
    """E13, E15"""
    metrics = ["rougeL", "bleu", "answer_words", "cut"]
    result = store.result(complete(read_plan({**mapping, "metrics": metrics}, task))[0])
    report = result.report()
    page = to_html(result, report)
    for text in (text_table(report), page, to_markdown(result, report).replace("\\", "")):
        assert "Porter stemmer" in text and "tok:13a" in text and "version:" in text
    assert [line.partition(":")[0] for line in legend(report)] == metrics
    rows = {row.label: row for group in present.table(report).groups for row in group.rows}
    assert "Porter stemmer" in rows["ROUGE-L"].hint and "tok:13a" in rows["BLEU"].hint
    assert to_csv(result, report).splitlines()[0].endswith("rougeL,bleu,answer_words,cut")


def test_a_length_has_no_direction_and_no_best(complete: Complete, mapping: dict[str, Any], task: Path, store: Store) -> None:
    report = store.result(complete(read_plan({**mapping, "metrics": ["token_f1", "answer_words", "cut"]}, task))[0]).report()
    rows = {row.label: row for group in present.table(report).groups for row in group.rows}
    words = rows["Words per answer"]
    assert (words.arrow, words.arrow_words, any(cell.best for cell in words.cells)) == ("", "", False)
    assert rows["Share of answers cut"].arrow == "↓"
    [line] = [line for line in text_table(report).splitlines() if line.startswith("answer_words (")]
    assert "*" not in line and "↓" not in line and "↑" not in line
