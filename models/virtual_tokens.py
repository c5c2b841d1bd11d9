"""Learnt tokens that stand before every prompt: soft prompts (Lester et al. 2021) and prefixes (Li and Liang 2021), for training and asking alike.

Nothing in the base changes. What is learnt becomes the keys and values of a beginning that every row attends to, and the prompt's own
tokens are counted on from there. Both are our own rather than peft's forward, which counts positions anew where rows are padded on the
left. The files are peft's, so that peft reads them.

    soft prompt   the virtual tokens' embeddings are learnt; the base makes keys and values of them
    prefix        the keys and values of each layer are learnt as they are
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import torch
from transformers.cache_utils import DynamicCache

from core.errors import MethodError
from models.kv_cache import RoomyCache

WEIGHTS, CONFIG, KEY, START_IDS = "adapter_model.safetensors", "adapter_config.json", "prompt_embeddings", "start_ids"


class VirtualTokens(torch.nn.Module, ABC):
    """A frozen base behind learnt tokens; in training it is called like the base.

    Args:
        base: the loaded transformers model.
        start_ids: real tokens whose own values the virtual ones start from, one each.

    Raises:
        MethodError: the base is not decoder-only.
    """

    peft_type: ClassVar[str]

    def __init__(self, base: Any, start_ids: Sequence[int]) -> None:
        super().__init__()
        if getattr(base.config, "is_encoder_decoder", False):
            raise MethodError(
                f"{self.peft_type.lower()} needs a decoder-only model; got an encoder-decoder ({base.config.model_type}).",
                "Choose lora for this model, or another model.",
            )
        self.base = base
        self.start_ids = tuple(start_ids)
        self.prompt_embeddings = torch.nn.Parameter(self.values_of(self.start_ids))

    @property
    def count(self) -> int:
        return len(self.prompt_embeddings)

    @abstractmethod
    def values_of(self, ids: Sequence[int]) -> torch.Tensor:
        """What these real tokens would be as virtual ones, shape (tokens, size), float32."""

    @abstractmethod
    def layers(self) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """Keys and values of the virtual tokens at each layer, shape (1, heads, tokens, head size) each."""

    def start_from(self, ids: Sequence[int]) -> None:
        """Start from other real tokens, one for each virtual one."""
        self.start_ids = tuple(ids)
        with torch.no_grad():
            self.prompt_embeddings.copy_(self.values_of(ids))

    def forward(self, *, input_ids: torch.Tensor, attention_mask: torch.Tensor, position_ids: torch.Tensor, **options: Any) -> Any:
        """The base's output for rows behind the virtual tokens. A mask of four dimensions (rows, 1, queries, keys) is widened, too, be it
        of what is seen or of what is added to the scores.

        Raises:
            MethodError: gradient checkpointing is on; transformers then drops every key and value that was not computed in this call.
        """
        if self.training and any(getattr(module, "gradient_checkpointing", False) for module in self.base.modules()):
            raise MethodError("Virtual tokens cannot be trained with gradient checkpointing.", "Turn it off, or lower micro_batch_size.")
        rows, cache = len(input_ids), DynamicCache()
        for place, (keys, values) in enumerate(self.layers()):
            cache.update(keys.expand(rows, -1, -1, -1), values.expand(rows, -1, -1, -1), place)
        shape, visible = (*attention_mask.shape[:-1], self.count), 0 if attention_mask.is_floating_point() else 1
        seen = torch.cat([attention_mask.new_full(shape, visible), attention_mask], dim=-1)
        return self.base(
            input_ids=input_ids,
            attention_mask=seen,
            position_ids=position_ids + self.count,
            past_key_values=cache,
            **{**options, "use_cache": True},
        )

    def beginning(self) -> RoomyCache:
        """The virtual tokens as a beginning for decoding, one row."""
        cache = RoomyCache(self.base.config, room=self.count)
        with torch.inference_mode():
            for place, (keys, values) in enumerate(self.layers()):
                cache.update(keys, values, place)
        return cache

    def get_base_model(self) -> Any:
        return self.base

    def put_back(self, tensors: dict[str, torch.Tensor]) -> None:
        """Take over what was saved.

        Raises:
            MethodError: it is not what this model has.
        """
        found = tensors.get(KEY)
        if set(tensors) != {KEY} or found is None or found.shape != self.prompt_embeddings.shape:
            raise MethodError(
                f"The trained weights do not fit this model: they must be {KEY} of shape {tuple(self.prompt_embeddings.shape)}; "
                f"got {', '.join(f'{name} {tuple(tensor.shape)}' for name, tensor in sorted(tensors.items())) or 'nothing'}.",
                "Train again on this base model.",
            )
        with torch.no_grad():
            self.prompt_embeddings.copy_(found)

    def save_pretrained(self, folder: str, safe_serialization: bool = True) -> None:
        """Write the learnt tensor and a config that peft reads. The ids that it started from stand in the header of the tensors."""
        from safetensors.torch import save_file

        learnt = {KEY: self.prompt_embeddings.detach().cpu().contiguous()}
        save_file(learnt, Path(folder) / WEIGHTS, {"format": "pt", START_IDS: json.dumps(self.start_ids)})
        config = {"peft_type": self.peft_type, "task_type": "CAUSAL_LM", "num_virtual_tokens": self.count, "inference_mode": True}
        (Path(folder) / CONFIG).write_text(json.dumps({**config, **self.shape()}, indent=1))

    def shape(self) -> dict[str, int]:
        """Sizes as peft's config names them."""
        keys = self.layers()[0][0]
        return {
            "num_layers": len(self.layers()),
            "num_attention_heads": keys.shape[1],
            "token_dim": keys.shape[1] * keys.shape[3],
            "num_transformer_submodules": 1,
        }

    def check_learnt(self) -> None:
        """Raises:
        MethodError: the virtual tokens are zero or still what they started from.
        """
        with torch.no_grad():
            start = self.values_of(self.start_ids)
        if not bool(self.prompt_embeddings.any()) or torch.equal(self.prompt_embeddings.detach(), start):
            raise MethodError(
                "The virtual tokens are still what they started from, so nothing was learnt.",
                "Train for longer or at a higher learning rate.",
            )


class SoftPrompt(VirtualTokens):
    """Learnt embeddings, shape (tokens, hidden size)."""

    peft_type = "PROMPT_TUNING"

    def values_of(self, ids: Sequence[int]) -> torch.Tensor:
        embed = self.base.get_input_embeddings()
        with torch.no_grad():
            found: torch.Tensor = embed(torch.tensor([list(ids)], device=self.base.device))[0].float()
        return found.clone()

    def layers(self) -> list[tuple[torch.Tensor, torch.Tensor]]:
        return keys_and_values(self.base, inputs_embeds=self.prompt_embeddings[None].to(self.base.dtype))

    def shape(self) -> dict[str, int]:
        return {**super().shape(), "token_dim": self.prompt_embeddings.shape[1]}


class Prefix(VirtualTokens):
    """Learnt keys and values, shape (tokens, layers · 2 · heads · head size): each layer's keys, then its values."""

    peft_type = "PREFIX_TUNING"

    heads: int
    depth: int

    def values_of(self, ids: Sequence[int]) -> torch.Tensor:
        with torch.no_grad():
            found = keys_and_values(self.base, input_ids=torch.tensor([list(ids)], device=self.base.device))
        if len({keys.shape for keys, _ in found}) > 1:
            raise MethodError("prefix_tuning needs a model whose layers have heads of one size.", "Choose prompt_tuning or lora.")
        self.heads, self.depth = found[0][0].shape[1], len(found)
        return torch.cat([part[0].transpose(0, 1).flatten(1) for pair in found for part in pair], dim=1).float()

    def layers(self) -> list[tuple[torch.Tensor, torch.Tensor]]:
        parts = self.prompt_embeddings.to(self.base.dtype).view(1, self.count, self.depth * 2, self.heads, -1).permute(2, 0, 3, 1, 4)
        return [(parts[2 * place], parts[2 * place + 1]) for place in range(self.depth)]


def keys_and_values(base: Any, **tokens: torch.Tensor) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """What one row of tokens or embeddings leaves in the cache at each layer; with gradients where they are on."""
    cache = DynamicCache()
    base(**tokens, past_key_values=cache, use_cache=True, logits_to_keep=1)
    layers: Any = cache.layers
    return [(layer.keys, layer.values) for layer in layers]


FORMS: dict[str, type[VirtualTokens]] = {SoftPrompt.peft_type: SoftPrompt, Prefix.peft_type: Prefix}


def virtual_tokens(folder: Path | None) -> int:
    """How many virtual tokens the weights in this folder put before a prompt; 0 for weights of another kind and for none."""
    return int(adapter_config(folder).get("num_virtual_tokens") or 0) if folder else 0


def adapter_config(folder: Path) -> dict[str, Any]:
    """The small file that says what kind of weights these are; empty where there is none."""
    path = folder / CONFIG
    found: dict[str, Any] = json.loads(path.read_text()) if path.is_file() else {}
    return found


def load_virtual(base: Any, folder: Path) -> VirtualTokens:
    """Saved virtual tokens on this base.

    Raises:
        MethodError: they do not fit this model, or are still what they started from.
    """
    from safetensors import safe_open

    config = adapter_config(folder)
    with safe_open(folder / WEIGHTS, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
        start_ids = json.loads((file.metadata() or {}).get(START_IDS, "[]"))
    vocabulary = base.get_input_embeddings().num_embeddings
    fitting = [token for token in start_ids if token < vocabulary][: config["num_virtual_tokens"]]
    loaded = FORMS[config["peft_type"]](base, fitting + [0] * (config["num_virtual_tokens"] - len(fitting)))
    loaded.put_back(tensors)
    loaded.check_learnt()
    return loaded.eval()
