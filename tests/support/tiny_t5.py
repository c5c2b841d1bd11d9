"""A T5 of two layers with random weights: no weights of the family are to be had here, so this one stands in for it.

The tokenizer is ByT5's (Xue et al. 2022, arXiv:2105.13626), which reads bytes and needs no file: real code of the family, `</s>` included.
"""

from __future__ import annotations

from pathlib import Path


def save_tiny_t5(folder: Path, seed: int = 0, spread: float = 1.0, **settings: int) -> Path:
    """`spread` is the size of its first weights: more makes answers less alike, and learning less smooth."""
    import torch
    from transformers import ByT5Tokenizer, T5Config, T5ForConditionalGeneration

    tokenizer = ByT5Tokenizer()
    tokenizer.save_pretrained(folder)
    torch.manual_seed(seed)
    sizes = {"d_model": 64, "d_kv": 16, "d_ff": 128, "num_layers": 2, "num_heads": 4, "n_positions": 512, **settings}
    config = T5Config(vocab_size=len(tokenizer), decoder_start_token_id=0, dropout_rate=0.0, initializer_factor=spread, **sizes)
    T5ForConditionalGeneration(config).save_pretrained(folder)
    return folder
