"""How large a model's linear layers are, without its weights: a low-rank update cannot have a higher rank than its layer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from models.loading import ModelSpec


class Layer(NamedTuple):
    """A linear layer's name and the smaller of its two sizes."""

    name: str
    size: int


def smallest_layer(model: Any) -> Layer:
    """Of the layers that LoRA stands beside: every linear layer but the output head."""
    import torch
    from transformers.pytorch_utils import Conv1D

    head = model.get_output_embeddings()
    linear = [(name, layer) for name, layer in model.named_modules() if isinstance(layer, (torch.nn.Linear, Conv1D)) and layer is not head]
    sizes = [
        Layer(name, min((layer.in_features, layer.out_features) if isinstance(layer, torch.nn.Linear) else layer.weight.shape))
        for name, layer in linear
    ]
    return min(sizes, key=lambda layer: layer.size, default=Layer("none", 2**31))


def layer_under(rank: int, spec: ModelSpec, home: Path) -> Layer | None:
    """The model's smallest layer where it is smaller than `rank`; None where it is not.

    The config's own sizes settle it for usual ranks. Only where they leave a doubt, the model is built without weights and looked at.

    Raises:
        ModelError: there is no such model.
    """
    from models.weights import locate

    folder = locate(spec.id, spec.revision, home).folder
    if rank <= least_stated(json.loads((folder / "config.json").read_text())):
        return None
    found = smallest_layer(without_weights(folder))
    return found if rank > found.size else None


def least_stated(config: dict[str, Any]) -> int:
    """The smallest size that a config gives to anything that a layer may lead to; 0 where it does not say."""
    text: dict[str, Any] = config.get("text_config", config)
    hidden, heads = text.get("hidden_size") or text.get("n_embd") or text.get("d_model"), text.get("num_attention_heads")
    if not hidden:
        return 0
    size = text.get("head_dim") or text.get("d_kv") or (hidden // heads if heads else hidden)
    sizes = [hidden, text.get("intermediate_size") or text.get("d_ff"), (text.get("num_key_value_heads") or heads or 1) * size]
    return int(min(size for size in sizes if size))


def without_weights(folder: Path) -> Any:
    """A model of this folder's config whose tensors have shapes and no values."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSeq2SeqLM

    config = AutoConfig.from_pretrained(str(folder), trust_remote_code=False)
    kind: Any = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
    with torch.device("meta"):
        return kind.from_config(config, trust_remote_code=False)
