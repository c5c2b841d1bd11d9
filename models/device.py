"""What this machine does fast: the device, the number type and the number of threads. Found once, recorded with each result."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import torch

FAST_BF16_FLAGS = {"avx512_bf16", "amx_bf16", "bf16"}  # x86 and, as "bf16", Arm


class Hardware(NamedTuple):
    """`dtype` is a torch name ("bfloat16"), `device` a torch device kind ("cpu", "cuda")."""

    device: str
    dtype: str
    threads: int


def cpu_flags(cpuinfo: Path = Path("/proc/cpuinfo")) -> set[str]:
    """Instruction sets that the processor states; empty where the system does not tell."""
    try:
        lines = cpuinfo.read_text().splitlines()
    except OSError:
        return set()
    return {flag for line in lines if line.lower().startswith(("flags", "features")) for flag in line.partition(":")[2].split()}


def free_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def choose(dtype: str = "auto", threads: int | None = None) -> Hardware:
    """The fastest device there is, and the number type it is fast at.

    Args:
        dtype: "auto", or a torch name that is taken as it is.
        threads: CPU threads, or None for the cores that this process may use.
    """
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    if dtype == "auto":
        fast = torch.cuda.is_bf16_supported() if device == "cuda" else bool(cpu_flags() & FAST_BF16_FLAGS)
        dtype = "bfloat16" if fast else "float32"
    return Hardware(device, dtype, threads or free_cores())


def kind(driver: Path = Path("/dev/nvidiactl")) -> str:
    """The device that `choose` would take; torch is asked only where there is a driver of a GPU."""
    return choose().device if driver.exists() else "cpu"


def gpu_name(device: str) -> str | None:
    """What the GPU calls itself; None on a CPU. bf16 answers differ from one kind to the next."""
    if device != "cuda":
        return None
    import torch

    return torch.cuda.get_device_name()


def torch_dtype(name: str) -> torch.dtype:
    import torch

    return {"bfloat16": torch.bfloat16, "float32": torch.float32, "float16": torch.float16}[name]
