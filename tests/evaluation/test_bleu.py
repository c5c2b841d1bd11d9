from typing import Any

import pytest
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

from evaluation.base import Resources, metrics


def test_sentence_scores_have_the_values_worked_out_by_hand(golden: Any, item: Any, value: Any) -> None:
    """E15"""
    for case in golden("bleu")["cases"]:
        for kind in {"bleu", "chrf"} & set(case):
            got = value(metrics.get(kind).score([item(case["answer"], case["reference"])], Resources())[0])
            assert got == pytest.approx(case[kind], abs=1e-3), (kind, case)


@pytest.mark.parametrize(("kind", "scorer"), [("bleu", BLEU(effective_order=True)), ("chrf", CHRF())])
def test_the_stored_signature_is_sacrebleus_own(kind: str, scorer: Any) -> None:
    """E15"""
    scorer.sentence_score("a b", ["a b"])
    assert metrics.get(kind).info.signature == str(scorer.get_signature())


@pytest.mark.parametrize("kind", ["bleu", "chrf"])
def test_it_says_that_it_is_not_corpus_bleu_and_ends_at_100(kind: str) -> None:
    info = metrics.get(kind).info
    assert "not the corpus score" in info.how and (info.low, info.high) == (0.0, 100.0)
