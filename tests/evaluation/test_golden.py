"""Golden values: every metric that can be worked out by hand has a table that can be read without knowing Python. Each table states its source."""

import json
from pathlib import Path
from typing import Any

import pytest

from core.records import Unscored
from evaluation.base import Item, Resources, metrics
from evaluation.perplexity import perplexity

FOLDER = Path(__file__).parent / "golden"
PAIRED = ("overlap", "rouge", "bleu", "json_fields", "extraction", "form")
"""Tables of answer and reference with a column for each metric."""
ELSEWHERE = {
    "accuracy": "labels",
    "accuracy_lenient": "labels",
    "exact_match_lenient": "extraction",
    "accuracy_loglikelihood": "loglikelihood",
    "label_probability": "loglikelihood",
    "choice_accuracy": "loglikelihood",
    "choice_accuracy_norm": "loglikelihood",
    "reference_nll": "loglikelihood",
}
BY_MODEL = {"semantic_similarity", "answer_relevancy", "judge", "reward"}


def number(scored: Any) -> float | None:
    return None if isinstance(scored, Unscored) else scored.value


def columns() -> list[tuple[str, str]]:
    """Table and metric, for each column of a paired table that is named like a metric."""
    found = []
    for table in PAIRED:
        rows = json.loads((FOLDER / f"{table}.json").read_text("utf-8"))["cases"]
        found += [(table, name) for name in metrics.names() if any(name in row for row in rows)]
    return found


@pytest.mark.parametrize(("table", "name"), columns())
def test_a_column_of_a_table_has_the_values_that_stand_there(table: str, name: str, golden: Any, item: Any) -> None:
    """E8, E13, E14, E15"""
    for case in golden(table)["cases"]:
        if name in case:
            row = item(case["answer"], case.get("reference", ""), finish_reason=case.get("finish_reason", "stop"))
            got = number(metrics.get(name).score([row], Resources())[0])
            assert (
                got is None if case[name] is None else got == pytest.approx(case[name], abs=1e-3 if name in ("bleu", "chrf") else 1e-9)
            ), case


@pytest.mark.parametrize("name", ["accuracy_loglikelihood", "label_probability"])
def test_likelihoods_of_labels_have_the_values_of_the_table(name: str, golden: Any, item: Any) -> None:
    for case in golden("loglikelihood")["labels"]:
        row = item("whatever", case["reference"], label_logprobs=tuple(case["logprobs"]))
        got = number(metrics.get(name).score([row], Resources(tuple(case["labels"]), tuple(case["tokens"])))[0])
        assert got is None if case[name] is None else got == pytest.approx(case[name]), case


@pytest.mark.parametrize("name", ["choice_accuracy", "choice_accuracy_norm"])
def test_likelihoods_of_options_have_the_values_of_the_table(name: str, golden: Any, item: Any) -> None:
    for case in golden("loglikelihood")["choices"]:
        row = item("whatever", case["reference"], choices=tuple(case["choices"]), choice_logprobs=tuple(case["logprobs"]))
        assert number(metrics.get(name).score([row], Resources())[0]) == case[name], case


def test_the_references_loss_and_perplexity_have_the_values_of_the_table(golden: Any, item: Any) -> None:
    for case in golden("loglikelihood")["references"]:
        row: Item = item("whatever", "x", reference_logprob=case["logprob"], reference_tokens=case["tokens"])
        got = number(metrics.get("reference_nll").score([row], Resources())[0])
        assert got is None if case["reference_nll"] is None else got == pytest.approx(case["reference_nll"]), case
        assert got is None or perplexity(got) == pytest.approx(case["perplexity"], rel=1e-6), case


def test_every_metric_that_asks_no_embedder_or_judge_has_a_table() -> None:
    paired = {name for _, name in columns()}
    passages = {
        name for name in metrics.names() if {"passages", "answerable"} & set(metrics.get(name).info.needs)
    }  # in tables of their own
    missing = set(metrics.names()) - paired - set(ELSEWHERE) - BY_MODEL - passages
    assert missing == set()
    for name, table in ELSEWHERE.items():
        assert name in metrics.names() and (FOLDER / f"{table}.json").exists()


@pytest.mark.parametrize("table", [*PAIRED, "labels", "loglikelihood", "scripts"])
def test_each_table_says_what_it_is_and_where_its_values_are_from(table: str, golden: Any) -> None:
    found = golden(table)
    assert len(found["about"]) > 40 and len(found["source"]) > 10
