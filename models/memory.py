"""The most memory that work on a device has held: of the GPU where it computes there, else of the process. Never a mixture of both."""

from __future__ import annotations

from core import memory


def reset_peak(device: str) -> None:
    """Begin anew. `device` is a torch device kind ("cpu", "cuda")."""
    if device != "cuda":
        memory.reset_peak()
        return
    import torch

    torch.cuda.reset_peak_memory_stats()


def peak_mb(device: str) -> float:
    """Peak since `reset_peak`, in MB of 2**20 bytes: what torch has allocated on the GPU, or the process's resident memory."""
    if device != "cuda":
        return memory.peak_mb()
    import torch

    return round(torch.cuda.max_memory_allocated() / 2**20, 1)


def free_mb(device: str) -> float | None:
    """Memory that a further process could take there, in MB of 2**20 bytes; None where that cannot be told."""
    if device != "cuda":
        return memory.free_mb()
    import torch

    return round(torch.cuda.mem_get_info()[0] / 2**20, 1)
