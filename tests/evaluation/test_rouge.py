import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rouge_score import rouge_scorer

from core.records import Unscored
from evaluation.base import Item, Resources, metrics
from evaluation.rouge import UnicodeTokenizer

VARIANTS = ["rouge1", "rouge2", "rougeL", "rougeLsum"]


def test_rouge_has_the_values_worked_out_by_hand(golden: Any, item: Any, value: Any) -> None:
    """E13, E14"""
    for case in golden("rouge")["cases"]:
        for variant in VARIANTS:
            got = value(metrics.get(variant).score([item(case["answer"], case["reference"])], Resources())[0])
            expected = case[variant]
            assert got is None if expected is None else got == pytest.approx(expected), (variant, case)


@given(st.text(alphabet="abcdefgh INGSed.,\n-'", max_size=60), st.text(alphabet="abcdefgh INGSed.,\n-'", min_size=3, max_size=60))
def test_on_ascii_text_the_numbers_are_rouge_scores_own(answer: str, reference: str) -> None:
    """E13"""
    official = rouge_scorer.RougeScorer(VARIANTS, use_stemmer=True).score(reference, answer)
    for variant in VARIANTS:
        scored = metrics.get(variant).score([Item("id", "", answer, reference)], Resources())[0]
        if isinstance(scored, Unscored):
            assert len(re.findall("[a-z0-9]+", reference.lower())) < (2 if variant == "rouge2" else 1), "too few words to be scored"
        else:
            assert scored.value == official[variant].fmeasure


def test_the_default_tokenizer_would_give_identical_chinese_nothing() -> None:
    """E14: why there is a tokenizer of ours at all."""
    text = "咖啡馆今晚九点关门"
    assert rouge_scorer.RougeScorer(["rouge1"], use_stemmer=True).score(text, text)["rouge1"].fmeasure == 0.0
    ours = rouge_scorer.RougeScorer(["rouge1"], use_stemmer=True, tokenizer=UnicodeTokenizer())
    assert ours.score(text, text)["rouge1"].fmeasure == 1.0


@pytest.mark.parametrize("variant", VARIANTS)
def test_variant_stemmer_and_words_are_stated(variant: str) -> None:
    """E13"""
    info = metrics.get(variant).info
    assert info.label.startswith("ROUGE-") and "Porter stemmer" in info.label and "Unicode" in info.label
    assert "use_stemmer=True" in info.how
