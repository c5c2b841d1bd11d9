"""A cross-encoder by its folder. The one here is a tiny one with random weights, made on the spot: what it likes means nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.errors import ModelError
from models.cross_encoder import CrossScorer, cross_encoder_key


@pytest.fixture(scope="module")
def tiny_cross_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("cross") / "random-stand-in", labels=1)


def save_tiny(folder: Path, labels: int) -> Path:
    """A BERT of one layer with random weights, and a tokenizer of letters."""
    import torch
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers, processors
    from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

    marks = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    vocabulary = {token: i for i, token in enumerate([*marks, *"abcdefghijklmnopqrstuvwxyz?."])}
    raw = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    raw.pre_tokenizer = pre_tokenizers.Split(Regex("."), "isolated")
    raw.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    PreTrainedTokenizerFast(
        tokenizer_object=raw, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]", model_max_length=64
    ).save_pretrained(folder)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(vocabulary), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32,
        max_position_embeddings=64, num_labels=labels, initializer_range=0.5,
    )  # fmt: skip
    BertForSequenceClassification(config).save_pretrained(folder)
    return folder


def test_pairs_are_scored_and_what_is_read_beside_one_changes_nothing(tiny_cross_encoder: Path, tmp_path: Path) -> None:
    scorer = CrossScorer(str(tiny_cross_encoder), tmp_path, threads=1)
    texts = ["pears keep.", "plums", "a passage that is longer than the model can read. " * 8, ""]
    scores = scorer.scores("what keeps?", texts)
    assert scores.shape == (4,) and np.isfinite(scores).all() and len({round(float(s), 4) for s in scores}) == 4
    assert np.allclose(scores, [scorer.scores("what keeps?", [text])[0] for text in texts], atol=1e-4)
    assert scorer.scores("what keeps?", []).shape == (0,)


def test_a_re_ranker_that_is_not_there_is_one_clear_message(tmp_path: Path) -> None:
    for call in (
        lambda: cross_encoder_key("/no/such/folder", tmp_path),
        lambda: CrossScorer("/no/such/folder", tmp_path).scores("?", ["a"]),
    ):
        with pytest.raises(ModelError, match=r"The re-ranker '/no/such/folder' is not there\..*Name a sentence-transformers CrossEncoder"):
            call()


def test_a_classifier_of_several_labels_is_no_re_ranker(tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "three-labels", labels=3)
    with pytest.raises(ModelError, match="must give one score for a pair; it gives 3"):
        CrossScorer(str(folder), tmp_path, threads=1).scores("?", ["a"])


def test_the_key_names_the_weights(tiny_cross_encoder: Path, tmp_path: Path) -> None:
    assert cross_encoder_key(str(tiny_cross_encoder), tmp_path).startswith(f"{tiny_cross_encoder}@local-")
