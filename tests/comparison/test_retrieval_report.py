"""The report's `retrieval`: recall and the rest from the passages of prompts, and quality by what was found."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from comparison.analyses import Study, analysed, study
from comparison.result import Result, Splits
from comparison.retrieval_report import retrieval_entries
from comparison.table import retrieval_cell, rows
from core.records import Answer, Example, Message, Passage, Prompt, Retrieved, Score, Unscored

ROOT = Path(__file__).resolve().parents[2]
LIGHT = Passage("light.md#0", "light.md", "The light is kept by Ottilie Brandt.", 0, 36)
LAMP = Passage("light.md#1", "light.md", "Its lamp burns oil.", 37, 56)
PIER = Passage("pier.md#0", "pier.md", "The old pier is closed.", 0, 23)
QUESTIONS = {
    "a": ("Who keeps the light?", "Ottilie Brandt"),
    "b": ("Who lit the light?", "Ottilie Brandt"),
    "c": ("Who is there?", "Ottilie Brandt"),
}


def examples(**columns: str) -> tuple[Example, ...]:
    return tuple(Example(i, "", asked, reference, columns=columns) for i, (asked, reference) in QUESTIONS.items())


def answer(example: str, *passages: Passage, backwards: bool = False) -> Answer:
    found = [Retrieved(passage, 0.5, rank) for rank, passage in enumerate(passages)]
    return Answer(example, "x", (1,), "stop", Prompt((Message("user", "?"),), passages=tuple(found[::-1] if backwards else found)), 5)


def made(of: tuple[Example, ...] = examples(document="light.md"), **more: Any) -> Study:
    report = {
        "methods": [{"name": "zero_shot", "spec": {}}, {"name": "rag", "spec": {"top_k": 2}}],
        "verdict": {"primary": "token_f1"},
        "metrics": {"token_f1": {"low": 0, "high": 1, "higher_is_better": True}},
    }
    answers = {
        "zero_shot": {i: answer(i) for i in "abc"},
        "rag": {"a": answer("a", LIGHT, PIER), "b": answer("b", PIER, LAMP, backwards=True), "c": answer("c", PIER)},
    }
    scores = {"token_f1": {"rag": {"a": Score(1.0), "b": Score(0.5), "c": Score(0.25)}}}
    return Study(report, Splits(of, (), (), (), "", {}), answers, scores, **{"gold": frozenset("abc"), **more})


def test_found_first_second_and_not_at_all() -> None:
    """Item a finds its document first, b second, c not; a's passage holds the answer, b's does not."""
    entry = retrieval_entries(made())["rag"]["retrieval"]
    assert (entry["k"], entry["by"], entry["n"], entry["without_gold"]) == (2, "document", 3, None)
    means = {name: row["mean"] for name, row in entry.items() if isinstance(row, dict) and "mean" in row}
    assert means == {
        "recall@1": pytest.approx(1 / 3),
        "precision@1": pytest.approx(1 / 3),
        "ndcg@1": pytest.approx(1 / 3),
        "answer@1": pytest.approx(1 / 3),
        "recall@2": pytest.approx(2 / 3),
        "precision@2": pytest.approx(1 / 3),
        "mrr": pytest.approx(1 / 2),
        "ndcg@2": pytest.approx((1 + 0.63093) / 3, abs=1e-5),
        "answer@2": pytest.approx(1 / 3),
    }
    assert entry["recall@2"]["n"] == 3 and entry["recall@2"]["ci_low"] < 2 / 3 < entry["recall@2"]["ci_high"]


def test_quality_is_told_by_hit_partial_and_miss_and_by_the_oracle() -> None:
    oracle = {"token_f1": {"rag": {"a": Score(1.0), "b": Score(0.75), "c": Unscored("left out")}}}
    quality = retrieval_entries(made(oracle=oracle))["rag"]["retrieval"]["quality"]
    assert {name: (row["mean"], row["n"]) for name, row in quality.items() if name != "metric"} == {
        "hit": (1.0, 1),
        "partial": (0.5, 1),
        "miss": (0.25, 1),
        "oracle": (0.875, 2),
    }
    assert quality["metric"] == "token_f1" and quality["hit"]["ci_low"] is None, "one item has no interval"


def test_the_table_shows_them_beside_the_metrics_at_each_methods_own_k() -> None:
    """Only where something is known to be gold; a method that does not retrieve has a dash."""
    entry = retrieval_entries(made())["rag"]["retrieval"]
    assert retrieval_cell(entry, "recall@{k}") == f"0.667 [{entry['recall@2']['ci_low']:.2f}, {entry['recall@2']['ci_high']:.2f}] k=2"
    assert retrieval_cell(entry, "mrr").startswith("0.500 [") and retrieval_cell({}, "mrr") == "–"
    method = {"name": "rag", "kind": "rag", "scores": {}, "letters": {}, "cost": {}}
    shown = rows({"methods": [{**method, "retrieval": entry}, {**method, "name": "zero_shot", "kind": "zero_shot"}], "metrics": {}})
    assert [row[0] for row in shown[1:4]] == ["recall@k ↑", "nDCG@k ↑", "MRR ↑"] and shown[1][2] == "–"
    assert "MRR ↑" not in [row[0] for row in rows({"methods": [{**method, "retrieval": {"k": 2, "n": 0}}], "metrics": {}})]


def test_methods_that_retrieve_nothing_have_no_section() -> None:
    assert list(retrieval_entries(made())) == ["rag"]


def test_without_named_documents_the_answer_in_a_passage_counts() -> None:
    entry = retrieval_entries(made(examples(), gold=frozenset("ab")))["rag"]["retrieval"]
    assert (entry["by"], entry["n"], entry["without_gold"]["n"]) == ("answer", 2, 1)
    assert entry["recall@2"]["mean"] == 0.5 and entry["quality"]["miss"]["n"] == 1


def test_a_column_that_names_no_document_is_no_zero() -> None:
    """`source` may mean where a question came from; then 0 for all would be false."""
    entry = retrieval_entries(made(examples(source="email")))["rag"]["retrieval"]
    assert entry["by"] == "answer" and entry["recall@2"]["mean"] == pytest.approx(1 / 3)


def test_nothing_known_is_no_number() -> None:
    told = made(examples(), gold=frozenset())
    told = replace(told, answers={"rag": {"c": answer("c", PIER)}})
    entry = retrieval_entries(told)["rag"]["retrieval"]
    assert entry["n"] == 0 and entry["without_gold"]["n"] == 1 and "recall@2" not in entry and entry["quality"] == {"metric": "token_f1"}


def test_a_bundled_results_sections_hold_numbers_and_no_texts() -> None:
    result = Result(ROOT / "examples" / "support_desk" / "result")
    fresh = analysed(result, result.report(), result.scores())
    sections = {m["name"]: m["retrieval"] for m in fresh["methods"] if "retrieval" in m}
    assert set(sections) == {"rag", "lora_rag"} == set(retrieval_entries(study(result, result.report())))
    assert sections["rag"]["recall@2"] == sections["lora_rag"]["recall@2"] and 0.7 < sections["rag"]["recall@2"]["mean"] <= 1
    quality = sections["lora_rag"]["quality"]
    assert quality["hit"]["n"] + quality["partial"]["n"] + quality["miss"]["n"] == 51
    assert quality["hit"]["mean"] > quality["miss"]["mean"]
