"""A tiny random GPT-2: its positions are learnt, so that a padded column that counts as a place changes every answer."""

from __future__ import annotations

from pathlib import Path

from models.whole_weights import copy_tokenizer


def save_tiny_gpt2(folder: Path, tokenizer: Path) -> Path:
    """The folder of the model, with the tokenizer of another one of 258 tokens."""
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=258, n_embd=32, n_layer=2, n_head=4, n_positions=512, initializer_range=0.3, bos_token_id=0, eos_token_id=1, pad_token_id=1,
        embd_pdrop=0.0, attn_pdrop=0.0, resid_pdrop=0.0,
    )  # fmt: skip
    GPT2LMHeadModel(config).save_pretrained(folder)
    copy_tokenizer(tokenizer, folder)
    return folder
