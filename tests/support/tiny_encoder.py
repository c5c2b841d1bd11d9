"""A sentence encoder of two small layers with random weights and a vocabulary of the words it is given: real code, milliseconds to train."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path


def save_tiny_encoder(folder: Path, words: Iterable[str], seed: int = 0) -> Path:
    """Write it as sentence-transformers does, with a MiniLM's modules: a BERT, the mean of its tokens, unit length."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.base.modules import Normalize, Transformer
    from sentence_transformers.sentence_transformer.modules import Pooling
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    vocabulary = {word: place for place, word in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *sorted(set(words))])}
    raw = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    raw.pre_tokenizer = pre_tokenizers.Whitespace()
    raw.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    marks = {"unk_token": "[UNK]", "pad_token": "[PAD]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    base = folder / "base"
    PreTrainedTokenizerFast(tokenizer_object=raw, model_max_length=32, **marks).save_pretrained(base)
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=40,
    )
    BertModel(config).save_pretrained(base)
    encoder = Transformer(str(base), max_seq_length=32)
    modules = [encoder, Pooling(encoder.get_embedding_dimension(), "mean"), Normalize()]
    whole = folder / "encoder"
    SentenceTransformer(modules=modules, device="cpu").save_pretrained(str(whole), create_model_card=False)
    return whole
