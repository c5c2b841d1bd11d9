"""Trained weights that are a whole model: full fine-tuning moves every weight, and a small model from scratch has none of the base's.

The folder is one that transformers reads by itself: config, tokenizer, safetensors in the number type that it answers in. The base stays
loaded as it is beside it, so its logits are back bit for bit; of whole models one at a time is in memory.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from core.errors import MethodError

WEIGHTS, CONFIG, ADAPTER_CONFIG = "model.safetensors", "config.json", "adapter_config.json"
OF_THE_TOKENIZER = (
    "tokenizer*.json", "tokenizer.model", "special_tokens_map.json", "added_tokens.json", "chat_template*", "vocab.*", "merges.txt", "spiece.model"
)  # fmt: skip


def is_whole(folder: Path) -> bool:
    """True where the folder holds a model rather than an adapter of one."""
    return (folder / CONFIG).is_file() and not (folder / ADAPTER_CONFIG).is_file()


def copy_tokenizer(source: Path, target: Path) -> None:
    """The tokenizer and chat template of one model's folder into another's."""
    for path in sorted({path for pattern in OF_THE_TOKENIZER for path in source.glob(pattern) if path.is_file()}):
        shutil.copyfile(path, target / path.name)


def load_whole(folder: Path, base: Any) -> Any:
    """A trained model, on the base's device and in its number type.

    Raises:
        MethodError: it is not safetensors, or lacks weights that its config asks for.
    """
    from models.device import Hardware
    from models.transformers_backend import load_weights
    from models.weights import Source

    if not (folder / WEIGHTS).is_file():
        raise MethodError(f"The trained weights in {folder.name} are not safetensors.", "Train again; pickled weights are never loaded.")
    hardware = Hardware(base.device.type, str(base.dtype).removeprefix("torch."), 1)
    model = load_weights(Source(folder, ""), hardware)
    check_complete(model, folder)
    return model


def check_complete(model: Any, folder: Path) -> None:
    """Every tensor of the model was saved, or shares its memory with one that was: transformers only warns of others, and makes them up.

    Raises:
        MethodError: says which keys are missing.
    """
    from safetensors import safe_open

    with safe_open(folder / WEIGHTS, framework="pt") as file:
        saved = set(file.keys())
    tensors = model.state_dict()
    there = {tensors[name].data_ptr() for name in saved if name in tensors}
    missing = [name for name, tensor in tensors.items() if name not in saved and tensor.data_ptr() not in there]
    unknown = saved - set(tensors)
    if missing or unknown:
        keys = ", ".join(sorted([*missing, *unknown])[:3])
        raise MethodError(
            f"The trained weights do not fit their config: {len(missing)} keys missing, {len(unknown)} unknown ({keys}).", "Train again."
        )
