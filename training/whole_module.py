"""A model of which every weight is trained. Weights are float32 while they are trained; `training.whole_files` has its checkpoints' files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from core.errors import MethodError
from core.files import write_whole
from models.whole_weights import CONFIG, WEIGHTS, copy_tokenizer


class WholeModel(torch.nn.Module):
    """Called like the model that it holds.

    Args:
        model: what is trained; it becomes float32.
        dtype: the number type that it will answer in.
        tokenizer: folder of the base, whose tokenizer and template go with the weights.
    """

    def __init__(self, model: Any, dtype: torch.dtype, tokenizer: Path) -> None:
        super().__init__()
        self.model = model.float().requires_grad_(True)
        self.dtype, self.tokenizer = dtype, tokenizer

    def forward(self, **inputs: Any) -> Any:
        return self.model(**inputs)

    def get_base_model(self) -> Any:
        return self.model

    def save_pretrained(self, folder: str, safe_serialization: bool = True) -> None:
        """Weights as they are trained, and a config that states what they will answer in."""
        from safetensors.torch import save_file

        save_file(self._each_once(), Path(folder) / WEIGHTS, {"format": "pt"})
        named = {"architectures": [type(self.model).__name__], "dtype": str(self.dtype).removeprefix("torch."), "_name_or_path": None}
        stated = {key: value for key, value in {**self.model.config.to_diff_dict(), **named}.items() if value is not None}
        write_whole(Path(folder) / CONFIG, json.dumps(stated, indent=1))
        copy_tokenizer(self.tokenizer, Path(folder))

    def _each_once(self) -> dict[str, torch.Tensor]:
        """The weights; of names that share a tensor (embedding and head) the first, from which transformers ties the others."""
        found: dict[int, tuple[str, torch.Tensor]] = {}
        for name, tensor in self.model.state_dict().items():
            found.setdefault(tensor.data_ptr(), (name, tensor.contiguous()))
        return dict(found.values())

    def put_back(self, tensors: dict[str, torch.Tensor]) -> None:
        """Take over what was saved; of tensors that share their memory one was.

        Raises:
            MethodError: it is not what this model has.
        """
        own = self.model.state_dict()
        there = {own[name].data_ptr() for name in tensors if name in own}
        missing = [name for name, tensor in own.items() if name not in tensors and tensor.data_ptr() not in there]
        wrong = [name for name, tensor in tensors.items() if name not in own or own[name].shape != tensor.shape]
        if missing or wrong:
            keys = ", ".join(sorted([*missing, *wrong])[:3])
            raise MethodError(f"The checkpoint does not fit this model: {len(missing) + len(wrong)} keys ({keys}).", "Train again.")
        self.model.load_state_dict(tensors, strict=False)
