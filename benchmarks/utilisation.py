"""How much of a chip LoRA training uses: public model shapes with random weights, the arithmetic that a step needs, and what the chip can do.

Model-FLOPs utilisation is the arithmetic that the task needs, divided by the time it took and by the chip's rate at large bfloat16 matrix
products, *measured* here rather than read off a data sheet. What a trainer computes in vain does not count: padding, recomputed activations,
logits that no label asks for.

    matrices    4 × parameters × tokens: forward 2, and 2 for the gradient on the way back through frozen weights, which have none of their
                own (a full fine-tune needs 6; Kaplan et al. 2020, arXiv:2001.08361). The output head counts for supervised tokens alone.
    attention   6 × layers × width × length² a row: scores and sums of values are 4 × width × length² forward, half of it causal; twice
                that backward. LoRA's own matrices are left out: under 1 % of it.
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from training.job import TrainingRow


class Public(NamedTuple):
    """A published shape; `source` says where its figures stand."""

    source: str
    family: str
    sizes: dict[str, int | float]


PUBLIC = {
    "1b": Public(
        "TinyLlama 1.1B, Zhang et al. 2024, arXiv:2401.02385, table 2",
        "llama",
        {
            "hidden_size": 2048, "intermediate_size": 5632, "num_hidden_layers": 22, "num_attention_heads": 32, "num_key_value_heads": 4,
            "vocab_size": 32000, "max_position_embeddings": 2048,
        },
    ),
    "7b": Public(
        "Mistral 7B, Jiang et al. 2023, arXiv:2310.06825, table 1",
        "mistral",
        {
            "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8,
            "vocab_size": 32000, "max_position_embeddings": 8192, "sliding_window": 4096,
        },
    ),
    "tiny": Public(
        "no publication: a shape for trying this command without a GPU",
        "llama",
        {
            "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
            "vocab_size": 300, "max_position_embeddings": 1024,
        },
    ),
}  # fmt: skip


class Shape(NamedTuple):
    """What the arithmetic depends on. `body` are the parameters of matrices that each token passes, `head` those of the output layer."""

    body: int
    head: int
    layers: int
    width: int


def shape_of(sizes: dict[str, int | float]) -> Shape:
    """Of a decoder with gated feed-forward layers and grouped queries (Llama, Mistral)."""
    hidden, inner, layers = int(sizes["hidden_size"]), int(sizes["intermediate_size"]), int(sizes["num_hidden_layers"])
    heads, shared = int(sizes["num_attention_heads"]), int(sizes["num_key_value_heads"])
    keys = hidden // heads * shared
    return Shape(layers * (2 * hidden * hidden + 2 * hidden * keys + 3 * hidden * inner), hidden * int(sizes["vocab_size"]), layers, hidden)


def lora_flops(shape: Shape, rows: Sequence[TrainingRow]) -> float:
    """Floating-point operations that one pass over these rows needs."""
    tokens, supervised = sum(row.length for row in rows), sum(len(row.completion_ids) for row in rows)
    attention = sum(6 * shape.layers * shape.width * row.length**2 for row in rows)
    return float(4 * (shape.body * tokens + shape.head * supervised) + attention)


def utilisation(flops: float, seconds: float, matrix_rate: float) -> float:
    """Share of the measured rate."""
    return flops / seconds / matrix_rate


def matrix_rate(device: str, size: int | None = None, repeats: int = 20) -> float:
    """Operations a second in products of two square bfloat16 matrices; the median of several."""
    import torch

    size = size or (8192 if device == "cuda" else 512)
    left, right = (torch.randn(size, size, device=device, dtype=torch.bfloat16) for _ in range(2))
    taken = []
    for _ in range(repeats + 3):
        begun = time.perf_counter()
        product = left @ right
        if device == "cuda":
            torch.cuda.synchronize()
        taken.append(time.perf_counter() - begun)
    del product
    return 2 * size**3 / statistics.median(taken[3:])


def save_random_model(folder: Path, name: str, device: str = "cpu") -> Path:
    """A folder with random bfloat16 weights of a public shape and a tokenizer of single bytes, whose words nobody reads."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedTokenizerFast

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    raw = Tokenizer(models.BPE(vocab={"<end>": 0, **{letter: n + 1 for n, letter in enumerate(letters)}}, merges=[]))
    raw.pre_tokenizer, raw.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False), decoders.ByteLevel()
    PreTrainedTokenizerFast(tokenizer_object=raw, eos_token="<end>", pad_token="<end>").save_pretrained(folder)
    public = PUBLIC[name]
    config = AutoConfig.for_model(public.family, **public.sizes, eos_token_id=0, bos_token_id=0, pad_token_id=0, tie_word_embeddings=False)
    torch.manual_seed(0)
    with torch.device(device):
        AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16).save_pretrained(folder)
    return folder


def random_rows(vocabulary: int, count: int, longest: int, seed: int = 0) -> tuple[TrainingRow, ...]:
    """Rows of random ids: a half to a whole of `longest` tokens, an eighth to a quarter of them answered."""
    source = random.Random(seed)
    rows: list[TrainingRow] = []
    for place in range(count):
        length = source.randint(longest // 2, longest)
        answer = max(2, length // source.randint(4, 8))
        ids = tuple(source.randrange(1, vocabulary) for _ in range(length - 1))
        rows.append(TrainingRow(id=f"{place:05d}", prompt_ids=ids[: length - answer], completion_ids=(*ids[length - answer :], 0)))
    return tuple(rows)


def profile(work: Any, device: str, lines: int = 15) -> str:
    """Where the time of `work()` goes, operation by operation."""
    from torch.profiler import ProfilerActivity, profile

    chosen = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if device == "cuda" else [])]
    with profile(activities=chosen) as found:
        work()
    return str(found.key_averages().table(sort_by=f"self_{device}_time_total", row_limit=lines))
