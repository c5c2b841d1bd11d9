"""Causes, groundedness and the oracle's losses as they stand in reports."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from comparison.analyses import Study, analysed, study
from comparison.diagnosis import Diagnosis, cause_counts, method_entry
from comparison.gold import read_gold, write_gold
from comparison.oracle_loss import oracle_entries
from comparison.result import Result, Splits
from comparison.slicing import sliced_report
from core.errors import PlanError
from core.records import Answer, Document, Example, Message, Passage, Prompt, Retrieved, Score, Unscored
from evaluation.causes import CAUSES

ROOT = Path(__file__).resolve().parents[2]
LIGHT = Document("light.md", "The light is kept by the pilot's widow, Ottilie Brandt.")
PIER = Document("pier.md", "The old pier is closed. Its third span has rotted.")
EXAMPLES = (
    Example("a", "", "Who keeps the light?", "Ottilie Brandt"),
    Example("b", "", "Why is the old pier closed?", "Its third span has rotted"),
)


def answer(example: str, text: str, *documents: Document, cut: bool = False) -> Answer:
    found = tuple(Retrieved(Passage(f"{d.id}#0", d.id, d.text, 0, len(d.text)), 0.5, n) for n, d in enumerate(documents))
    return Answer(example, text, (1,), "length" if cut else "stop", Prompt((Message("user", "?"),), passages=found), 5)


def made(**more: Any) -> Study:
    report = {
        "methods": [{"name": "zero_shot"}, {"name": "rag"}],
        "verdict": {"primary": "exact_match"},
        "metrics": {"exact_match": {"low": 0, "high": 1, "higher_is_better": True}},
    }
    answers = {
        "zero_shot": {"a": answer("a", "A gull", cut=True), "b": answer("b", "It is too old")},
        "rag": {"a": answer("a", "Ottilie Brandt", LIGHT), "b": answer("b", "The pilot's widow", LIGHT)},
    }
    scores = {"exact_match": {"zero_shot": {"a": Score(0), "b": Unscored("no")}, "rag": {"a": Score(1), "b": Score(0)}}}
    splits = Splits(EXAMPLES, (), (), (), "", {})
    return Study(report, splits, answers, scores, **more)


def test_each_wrong_answer_has_causes_and_unscored_ones_none() -> None:
    diagnosis = Diagnosis(made(gold=frozenset({"a", "b"})))
    cut = diagnosis.finding("zero_shot", "a")
    assert cut is not None and cut.right is False and [cause.name for cause in cut.causes] == ["knowledge", "cut_off"]
    unscored, right = diagnosis.finding("zero_shot", "b"), diagnosis.finding("rag", "a")
    assert unscored is not None and unscored.right is None and unscored.causes == ()
    assert right is not None and right.right and right.causes == () and (right.retrieved, right.used) == ("yes", True)
    assert right.gold == {"light.md#0"}
    assert diagnosis.finding("rag", "gone") is None and diagnosis.finding("none", "a") is None


@pytest.mark.parametrize(("gold", "state", "cause"), [({"a", "b"}, "no", "retrieval_miss"), ({"a"}, "unknown", "knowledge")])
def test_a_miss_is_one_only_where_the_passage_is_known(gold: set[str], state: str, cause: str) -> None:
    found = Diagnosis(made(gold=frozenset(gold))).finding("rag", "b")
    assert found is not None and found.retrieved == state and [c.name for c in found.causes] == [cause]


def test_without_a_kept_file_the_passages_of_all_prompts_are_what_is_known() -> None:
    assert Diagnosis(made()).known == {"a"}


def test_a_methods_entry_counts_causes_passages_and_support() -> None:
    diagnosis = Diagnosis(made(gold=frozenset({"a", "b"})))
    entry = method_entry(diagnosis, "rag")
    assert entry["causes"] == {"retrieval_miss": 1} and entry["wrong"] == {"n": 1, "of": 2}
    assert entry["groundedness"]["retrieved"] == {"yes": 1, "no": 1, "unknown": 0}
    assert entry["groundedness"]["used"] == {"used": 1, "ignored": 0}
    assert entry["groundedness"]["supported_names"]["mean"] == 1.0 and "abstention" not in entry
    assert "groundedness" not in method_entry(diagnosis, "zero_shot")


def test_abstention_is_there_where_an_item_is_unanswerable() -> None:
    told = made()
    marked = Splits((EXAMPLES[0], Example("b", "", "When?", "x", columns={"answerable": "no"})), (), (), (), "", {})
    entry = method_entry(Diagnosis(Study(told.report, marked, told.answers, told.scores)), "rag")
    assert (entry["abstention"]["mean"], entry["abstention"]["n"]) == (0.5, 2)


def test_places_are_kept_once_and_only_where_there_are_documents(tmp_path: Path) -> None:
    write_gold(tmp_path, EXAMPLES, (), ())
    assert read_gold(tmp_path) is None
    write_gold(tmp_path, EXAMPLES, (LIGHT, PIER), ())
    assert read_gold(tmp_path) == {"a", "b"}
    write_gold(tmp_path, EXAMPLES, (LIGHT,), ())
    assert read_gold(tmp_path) == {"a", "b"}, "what the first start saw stays"


def test_the_losses_add_up_to_the_best_score() -> None:
    """Oracle 1 and 1 against 1 and 0: the retriever lost 0.5, the generator nothing."""
    oracle = {"exact_match": {"rag": {"a": Score(1), "b": Score(1), "c": Unscored("left out")}}}
    entry = oracle_entries(made(oracle=oracle))["rag"]["oracle"]
    assert (entry["metric"], entry["n"], entry["left_out"]) == ("exact_match", 2, 0)
    assert (entry["retrieval_loss"], entry["generator_loss"]) == (0.5, 0.0)
    row = entry["scores"]["exact_match"]
    assert row["actual"] + row["retrieval_loss"] + row["generator_loss"] == 1.0
    assert oracle_entries(made()) == {}


def test_where_lower_is_better_a_loss_is_still_positive() -> None:
    oracle = {"exact_match": {"rag": {"a": Score(0.2), "b": Score(0.2)}}}
    told = made(oracle=oracle)
    told.report["metrics"]["exact_match"] |= {"higher_is_better": False}
    row = oracle_entries(told)["rag"]["oracle"]["scores"]["exact_match"]
    assert row["retrieval_loss"] == pytest.approx(0.3) and row["generator_loss"] == pytest.approx(0.2)


@pytest.mark.parametrize("example", ["support_desk", "ticket_routing", "house_style"])
def test_the_examples_wrong_answers_all_have_causes(example: str) -> None:
    result = Result(ROOT / "examples" / example / "result")
    report = result.report()
    known = study(result, report)
    diagnosis = Diagnosis(known)
    fresh = analysed(result, report, result.scores())
    assert sum(method["wrong"]["n"] for method in fresh["methods"]) > 0
    for method in fresh["methods"]:
        findings = diagnosis.of_method(method["name"])
        wrong = [found for found in findings.values() if found.right is False]
        assert all(found.causes for found in wrong) and method["wrong"] == {"n": len(wrong), "of": len(findings)}
        assert method["causes"] == cause_counts(findings) and set(method["causes"]) <= set(CAUSES)


def test_slices_are_those_of_the_report_and_wrong_ones_are_named() -> None:
    result = Result(ROOT / "examples" / "ticket_routing" / "result")
    report = result.report()
    parts = sliced_report(result, report, "channel", "accuracy")
    assert [part.name for part in parts] == sorted(part.name for part in parts) and sum(part.n for part in parts) == 60
    mean = sum(part.n * (part.cells["lora"].mean or 0) for part in parts) / 60
    assert mean == pytest.approx(next(m for m in report["methods"] if m["name"] == "lora")["scores"]["accuracy"]["mean"])
    with pytest.raises(PlanError, match="--by"):
        sliced_report(result, report, "colour", "accuracy")
    with pytest.raises(PlanError, match="--metric"):
        sliced_report(result, report, "channel", "colour")


def test_a_run_keeps_where_references_stand_and_reports_causes(plan: Any, complete: Callable[..., Any], store: Any) -> None:
    comparison_id, _ = complete(plan)
    assert read_gold(store.folder(comparison_id)) is not None
    report = store.result(comparison_id).report()
    assert report["errors"]["metric"] == "token_f1"
    assert all(method["wrong"]["of"] == method["n"] and (method["causes"] or not method["wrong"]["n"]) for method in report["methods"])
