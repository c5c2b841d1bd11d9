"""Why two of our shortcuts are taken: `python -m benchmarks.layers`. Both are about PyTorch on a CPU; nothing here needs weights.

    output layer   a strided view of the last hidden states against a contiguous copy of them (models/transformers_backend.py)
    attention      one layer's fused attention against plain matrix products, forward and backward (training/loop.py)

Shapes are SmolLM2-135M's: 576 hidden, 9 heads of 64, a vocabulary of 49,152.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Sequence

import torch

from benchmarks import common
from models.device import choose

HIDDEN, HEADS, HEAD, VOCABULARY = 576, 9, 64, 49_152
ROWS_WRITTEN, ROWS_TRAINED = 16, 8
WIDTHS = (64, 128, 256, 512)


def milliseconds(work: Callable[[], object], rounds: int) -> float:
    """Median time of a call, the first one not counted."""
    work()
    taken = []
    for _ in range(rounds):
        begun = time.perf_counter()
        work()
        taken.append(1000 * (time.perf_counter() - begun))
    return statistics.median(taken)


def back(result: torch.Tensor) -> None:
    result.sum().backward()  # type: ignore[no-untyped-call]


def output_layer(dtype: torch.dtype, rounds: int) -> dict[str, float | str]:
    """Logits of the last column of 16 rows of 200 hidden states."""
    states, matrix = torch.randn(ROWS_WRITTEN, 200, HIDDEN, dtype=dtype), torch.randn(VOCABULARY, HIDDEN, dtype=dtype)
    view = states[:, -1:]
    with torch.inference_mode():
        strided = milliseconds(lambda: torch.nn.functional.linear(view, matrix), rounds)
        contiguous = milliseconds(lambda: torch.nn.functional.linear(view.contiguous(), matrix), rounds)
    return {"output layer": f"{ROWS_WRITTEN} rows", "view, ms": strided, "contiguous, ms": contiguous, "×": strided / contiguous}


def attention(dtype: torch.dtype, width: int, rounds: int) -> dict[str, float | str]:
    """8 rows of `width` tokens with a causal mask, forward and backward."""
    mask = torch.full((width, width), float("-inf"), dtype=dtype).triu(1).expand(ROWS_TRAINED, 1, width, width)
    query, key, value = (torch.randn(ROWS_TRAINED, HEADS, width, HEAD, dtype=dtype, requires_grad=True) for _ in range(3))

    def fused() -> None:
        back(torch.nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=mask))

    def plain() -> None:
        weights = torch.softmax(query @ key.transpose(2, 3) / HEAD**0.5 + mask, dim=-1, dtype=torch.float32).to(dtype)
        back(weights @ value)

    taken = milliseconds(fused, rounds), milliseconds(plain, rounds)
    return {"attention": f"{ROWS_TRAINED} rows of {width}", "fused, ms": taken[0], "plain, ms": taken[1], "×": taken[0] / taken[1]}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dtype", default="auto", help="auto, bfloat16 or float32; auto takes what the processor does fast")
    parser.add_argument("--threads", type=int, help="CPU threads; by default all that this process may use")
    parser.add_argument("--rounds", type=int, default=9, help="calls of each side; medians are shown")
    options = parser.parse_args(arguments)
    hardware = choose(options.dtype, options.threads)
    torch.set_num_threads(hardware.threads)
    dtype: torch.dtype = getattr(torch, hardware.dtype)
    print(common.describe(common.machine(hardware)))
    print("\n" + common.markdown([output_layer(dtype, options.rounds)]))
    print("\n" + common.markdown([attention(dtype, width, options.rounds) for width in WIDTHS]))


if __name__ == "__main__":
    main()
