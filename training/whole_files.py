"""The checkpoints of a model of which every weight is trained, as files. torch is loaded only where weights are written.

A checkpoint that training goes on from holds the weights as they are trained, in float32, and the optimiser: 12 bytes a parameter. Of the
best epoch, once it is not the last any more, only what it would answer with is kept: 2 or 4 bytes a parameter.
"""

from __future__ import annotations

import json
from pathlib import Path

from core.files import manifest_about, write_manifest, write_whole
from models.whole_weights import CONFIG, WEIGHTS

OF_THE_RUN = ("optimizer.safetensors", "state.json", "MANIFEST.json")
SLIM = "slim"


def is_slim(folder: Path) -> bool:
    """True for a checkpoint that can be answered with, but not trained on from."""
    return bool(manifest_about(folder).get(SLIM))


def slim(folder: Path) -> None:
    """Keep of a checkpoint only what it would answer with. Killed at any moment, what is left can still be answered with."""
    optimizer = folder / OF_THE_RUN[0]
    if not optimizer.exists():
        return
    whole, smaller = folder / WEIGHTS, folder / f".{WEIGHTS}.tmp"
    _in_its_number_type(folder, smaller)
    smaller.replace(whole)
    optimizer.unlink()
    write_manifest(folder, {"epoch": manifest_about(folder).get("epoch"), SLIM: True})


def settle(best: Path, out: Path) -> None:
    """Put a checkpoint's model at the top of `out`, as one that transformers reads by itself."""
    _in_its_number_type(best, out / WEIGHTS)
    for path in best.iterdir():
        if path.is_file() and path.name not in (*OF_THE_RUN, WEIGHTS):
            write_whole(out / path.name, path.read_bytes())


def _in_its_number_type(folder: Path, target: Path) -> None:
    from safetensors import safe_open
    from safetensors.torch import save_file

    from models.device import torch_dtype

    dtype = torch_dtype(json.loads((folder / CONFIG).read_text())["dtype"])
    with safe_open(folder / WEIGHTS, framework="pt") as file:
        tensors = {
            name: tensor.to(dtype) if (tensor := file.get_tensor(name)).is_floating_point() else tensor for name in list(file.keys())
        }
    save_file(tensors, target, {"format": "pt"})
