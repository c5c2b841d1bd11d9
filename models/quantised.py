"""Base weights in 8 or 4 bits: less memory, and answers that are a little different. What they cost in score is measured, not assumed.

    int8   LLM.int8 (Dettmers et al. 2022, arXiv:2208.07339): rows of 8-bit integers, columns with outliers in 16 bits
    nf4    4-bit NormalFloat with its scales quantised once more (Dettmers et al. 2023, arXiv:2305.14314), as QLoRA trains on

Both come from bitsandbytes: one well-kept library that runs either on a CPU and on a GPU, that transformers loads, and that peft trains and
merges on. QLoRA needs it anyway; torchao's int8 would be a second one, and torch's own dynamic quantisation is deprecated.
Embeddings and the output head keep their number type, and so does everything that is computed. bitsandbytes is optional.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

from core import versions
from core.errors import ModelError

if TYPE_CHECKING:
    from transformers import BitsAndBytesConfig

    from models.device import Hardware

Weights = Literal["auto", "int8", "nf4"]
LIBRARY = "bitsandbytes"
FUSED = "support_avx512bf16_for_cpu"
REMEDY = "Install it: pip install bitsandbytes. Or leave `weights` at auto."


def check(weights: Weights, model_id: str) -> None:
    """Refuse what cannot be loaded so; imports nothing.

    Raises:
        ModelError: the library is not installed, or the model has no weights.
    """
    if weights == "auto":
        return
    if model_id.startswith("fake/"):
        raise ModelError(
            f"weights: {weights} needs a model with weights; got {model_id}.", "Leave `weights` at auto, or choose another model."
        )
    if versions.installed(LIBRARY) is None:
        raise ModelError(f"weights: {weights} needs the library {LIBRARY}, which is not installed.", REMEDY)


def stated(dtype: str, weights: Weights) -> str:
    """The number type as identities state it: with the library that quantised, since another version may round otherwise."""
    return dtype if weights == "auto" else f"{weights} by {LIBRARY} {versions.installed(LIBRARY)}, computing in {dtype}"


def options(weights: Weights, hardware: Hardware) -> dict[str, Any]:
    """What transformers is told beside the rest when it loads; nothing for weights as they are."""
    # The library, which peft imports where it is there, would say for each layer that it computes in another number type.
    logging.getLogger(LIBRARY).setLevel(logging.ERROR)
    if weights == "auto":
        return {}
    place: int | str = "cpu"
    if hardware.device == "cuda":
        import torch

        place = torch.cuda.current_device()  # accelerate compares it with the device that it trains on, by index
    return {"quantization_config": _config(weights, hardware.dtype), "device_map": {"": place}}


def _config(weights: Weights, dtype: str) -> BitsAndBytesConfig:
    from transformers import BitsAndBytesConfig

    from models.device import torch_dtype

    make: Callable[..., BitsAndBytesConfig] = BitsAndBytesConfig
    if weights == "int8":
        return make(load_in_8bit=True)
    return make(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=torch_dtype(dtype))


def unfused(model: Any) -> Any:
    """Have 4-bit layers compute in the same way in training, in validation and when asked, in the number type that they were given.

    On processors with AVX512-BF16, bitsandbytes would lay the weights out anew at the first forward pass outside training, with coarser scales,
    compute in bfloat16 whatever was asked for, and from then on pass no gradient back: a validation would end a training without a word.
    """
    for module in model.modules():
        if hasattr(module, FUSED):
            setattr(module, FUSED, False)
    return model


def weights_of(model: Any) -> Weights:
    """How a loaded model's weights are held."""
    if getattr(model, "is_loaded_in_8bit", False):
        return "int8"
    return "nf4" if getattr(model, "is_loaded_in_4bit", False) else "auto"


def weight_bytes(model: Any) -> int:
    """Bytes of a loaded model's weights, scales of quantised ones included; shared tensors count once."""
    tensors: dict[int, Any] = {tensor.data_ptr(): tensor for tensor in model.parameters()}
    for module in model.modules():
        for tensor in scales(module):
            tensors[tensor.data_ptr()] = tensor
    return sum(tensor.nbytes for tensor in tensors.values())


def scales(module: Any) -> list[Any]:
    """The tensors that a quantised layer holds beside its parameters."""
    weight = getattr(module, "weight", None)
    found = [getattr(weight, "SCB", None), getattr(getattr(module, "state", None), "SCB", None)]
    state = getattr(weight, "quant_state", None)
    if state is not None:
        found += [state.absmax, getattr(state.state2, "absmax", None) if state.nested else None]
    return [tensor for tensor in found if tensor is not None]


def held_apart(model: Any) -> dict[int, Any]:
    """What quantised layers hold beside parameters and buffers, by identity: a copy of the modules shares it, as it shares the weights."""
    names = ("state", "quant_state")
    found = [value for module in model.modules() for name in names if (value := vars(module).get(name)) is not None]
    return {id(value): value for value in found}
