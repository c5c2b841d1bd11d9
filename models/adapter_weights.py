"""Trained weights on a loaded base model: switched on and off, never loaded into a second copy of the base.

peft only warns when an adapter's keys do not fit, and the model then answers as the base does. So each adapter is checked once when it is
loaded: its keys are exactly the keys that the model has, what was trained is not zero, and the logits differ from the base's.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from core.errors import MethodError


class Adapters:
    """The adapters of one base model.

    Args:
        base: the loaded transformers model. It gets adapter layers when the first adapter is loaded; without an active adapter they do nothing.
    """

    def __init__(self, base: Any) -> None:
        self.base = base
        self.wrapped: Any = None
        self.names: dict[Path, str] = {}
        self.tried = 0

    @contextmanager
    def active(self, folder: Path | None, probe: tuple[int, ...]) -> Iterator[Any]:
        """The model to call while `folder`'s weights are in force; None for the base's own.

        Args:
            probe: ids of any prompt, on which a newly loaded adapter must differ from the base.

        Raises:
            MethodError: the adapter does not fit the model or changes nothing.
        """
        if folder is None:
            if self.wrapped is None:
                yield self.base
            else:
                with self.wrapped.disable_adapter():
                    yield self.base
            return
        if folder not in self.names:
            self._load(folder, probe)
        self.wrapped.set_adapter(self.names[folder])
        yield self.base

    def _load(self, folder: Path, probe: tuple[int, ...]) -> None:
        from peft import PeftModel

        refuse_pickle(folder)
        self.tried += 1
        name = f"adapter_{self.tried}"
        plain = self._logits(probe, None)
        if self.wrapped is None:
            self.wrapped = PeftModel.from_pretrained(self.base, str(folder), adapter_name=name, use_safetensors=True)
        else:
            self.wrapped.load_adapter(str(folder), adapter_name=name, use_safetensors=True)
        self.wrapped.eval()
        check_applied(self.wrapped, name, folder)
        self.names[folder] = name
        self.wrapped.set_adapter(name)
        if bool((self._logits(probe, folder) == plain).all()):
            raise MethodError(
                "The trained weights change nothing: the logits equal the base model's.", "Train for longer or at a higher learning rate."
            )

    def _logits(self, probe: tuple[int, ...], folder: Path | None) -> Any:
        import torch

        with torch.inference_mode(), self.active(folder, probe) as model:
            return model(input_ids=torch.tensor([probe], device=model.device), logits_to_keep=1).logits.clone()


def refuse_pickle(folder: Path) -> None:
    """Raises:
    MethodError: the folder holds pickled weights, or none at all.
    """
    if not (folder / "adapter_model.safetensors").is_file():
        raise MethodError(f"The trained weights in {folder.name} are not safetensors.", "Train again; pickled weights are never loaded.")


def check_applied(wrapped: Any, name: str, folder: Path) -> None:
    """Every saved tensor is in the model and every trainable tensor was saved; at least one LoRA B is not zero.

    Raises:
        MethodError: says which keys are missing.
    """
    from peft import get_peft_model_state_dict
    from safetensors.torch import load_file

    saved = load_file(folder / "adapter_model.safetensors")
    loaded = get_peft_model_state_dict(wrapped, adapter_name=name, save_embedding_layers=False)
    missing, unexpected = set(loaded) - set(saved), set(saved) - set(loaded)
    if missing or unexpected:
        keys = ", ".join(sorted(missing | unexpected)[:3])
        raise MethodError(
            f"The trained weights do not fit this model: {len(missing)} keys missing, {len(unexpected)} unknown ({keys}).",
            "Train again on this base model.",
        )
    trained = [value for key, value in saved.items() if "lora_A" not in key]
    if not any(bool(value.any()) for value in trained):
        raise MethodError("The trained weights are all zero, so nothing was learnt.", "Train for longer or at a higher learning rate.")
