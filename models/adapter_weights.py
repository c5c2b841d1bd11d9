"""Trained weights on a loaded base model: switched on and off, never loaded into a second copy of the base.

Each kind of layer that peft adds gets modules of its own over the base's weights, so LoRA, IA3 and the plain base never stand in each
other's way. Virtual tokens need no modules: they are keys and values that every prompt begins with.

peft only warns when an adapter's keys do not fit, and the model then answers as the base does. So each adapter is checked once when it is
loaded: its keys are exactly the keys that the model has, what was trained is not what it started from, and the logits differ from the base's.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from core.errors import MethodError
from models.quantised import held_apart
from models.whole_weights import is_whole, load_whole

if TYPE_CHECKING:
    from models.kv_cache import RoomyCache


class Loaded(NamedTuple):
    """Trained weights that are ready.

    Attributes:
        model: what is called.
        beginning: keys and values that each prompt begins with; None for most kinds.
        wrapped, name: peft's model and the name that the weights have there; None where peft has no part in it.
    """

    model: Any
    beginning: RoomyCache | None = None
    wrapped: Any = None
    name: str = ""


class Adapters:
    """The adapters of one base model.

    Args:
        base: the loaded transformers model. It stays as it is.
    """

    def __init__(self, base: Any) -> None:
        self.base = base
        self.wrapped: dict[str, Any] = {}
        self.loaded: dict[Path, Loaded] = {}
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
            yield self.base
            return
        if folder not in self.loaded:
            self._load(folder, probe)
        loaded = self.loaded[folder]
        if loaded.wrapped is not None:
            loaded.wrapped.set_adapter(loaded.name)
        yield loaded.model

    def beginning(self, folder: Path | None) -> RoomyCache | None:
        """What each prompt begins with under these weights, once `active` has loaded them."""
        return self.loaded[folder].beginning if folder else None

    def _load(self, folder: Path, probe: tuple[int, ...]) -> None:
        loaded = self._instead(folder) if is_whole(folder) else self._beside(folder)
        self.loaded[folder] = loaded
        checked = False
        try:
            checked = not bool((self._logits(probe, folder) == self._logits(probe, None)).all())
        finally:
            if not checked:  # where the device had no room for it, too: whoever asks again checks again
                del self.loaded[folder]
        if not checked:
            raise MethodError(
                "The trained weights change nothing: the logits equal the base model's.", "Train for longer or at a higher learning rate."
            )
        forget_products(loaded)

    def _instead(self, folder: Path) -> Loaded:
        """A whole model in the base's place; the one before it makes room."""
        for other in [path for path in self.loaded if is_whole(path)]:
            del self.loaded[other]
        return Loaded(load_whole(folder, self.base))

    def _beside(self, folder: Path) -> Loaded:
        from models.virtual_tokens import FORMS, adapter_config, load_virtual

        refuse_pickle(folder)
        form = str(adapter_config(folder).get("peft_type"))
        virtual = load_virtual(self.base, folder) if form in FORMS else None
        return Loaded(self.base, virtual.beginning()) if virtual else self._with_peft(folder, form)

    def _with_peft(self, folder: Path, form: str) -> Loaded:
        from peft import PeftModel
        from peft.helpers import DoraCaching

        self.tried += 1
        name = f"adapter_{self.tried}"
        if form not in self.wrapped:
            own = own_modules(self.base)
            self.wrapped[form] = PeftModel.from_pretrained(own, str(folder), adapter_name=name, use_safetensors=True)
        else:
            self.wrapped[form].load_adapter(str(folder), adapter_name=name, use_safetensors=True)
        wrapped = self.wrapped[form].eval()
        check_applied(wrapped, name, folder)
        DoraCaching()(enabled=True)
        return Loaded(wrapped.get_base_model(), None, wrapped, name)

    def _logits(self, probe: tuple[int, ...], folder: Path | None) -> Any:
        import torch

        from models.kv_cache import RoomyCache

        with torch.inference_mode(), self.active(folder, probe) as model:
            start = self.beginning(folder)
            room = len(probe) + (start.get_seq_length() if start else 0)
            cache = RoomyCache(model.config, room=room, start=start)
            tokens = torch.tensor([probe], device=model.device)
            return model(input_ids=tokens, past_key_values=cache, use_cache=True, logits_to_keep=1).logits.clone()


def own_modules(base: Any) -> Any:
    """The same model with modules of its own over the same weights: layers can be put into it, and the base does not notice."""
    shared: dict[int, Any] = {id(tensor): tensor for tensor in (*base.parameters(), *base.buffers())} | held_apart(base)
    return copy.deepcopy(base, shared)


def forget_products(loaded: Loaded) -> None:
    """DoRA needs the length of each column of base plus update; peft keeps that and the update itself, which is as large as the base.

    The lengths alone are enough from the second call on.
    """
    from peft.tuners.lora.dora import DoraLinearLayer

    for module in loaded.wrapped.modules() if loaded.wrapped is not None else ():
        kept = module._dora_cache if isinstance(module, DoraLinearLayer) else {}
        for key in [key for key in kept if key.startswith("lora-weight")]:
            kept[key] = kept[key].new_empty(0)


def refuse_pickle(folder: Path) -> None:
    """Raises:
    MethodError: the folder holds pickled weights, or none at all.
    """
    if not (folder / "adapter_model.safetensors").is_file():
        raise MethodError(f"The trained weights in {folder.name} are not safetensors.", "Train again; pickled weights are never loaded.")


def check_applied(wrapped: Any, name: str, folder: Path) -> None:
    """Every saved tensor is in the model and every trainable tensor was saved; not all of them are what they started from.

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
    if not any(changed(key, value) for key, value in saved.items()):
        raise MethodError("The trained weights are all zero, so nothing was learnt.", "Train for longer or at a higher learning rate.")


def changed(key: str, value: Any) -> bool:
    """True where a trained tensor is not what it started from: LoRA's B from 0, IA3's factors from 1. LoRA's A starts at random."""
    if "lora_" in key:
        return "lora_B" in key and bool(value.any())
    return bool((value != 1).any()) if "ia3_l" in key else bool(value.any())
