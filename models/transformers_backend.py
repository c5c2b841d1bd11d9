"""The transformers backend: any causal language model in safetensors, on the CPU or one GPU.

One object serves all methods of a comparison: the base is loaded once, and trained weights are switched on top of it.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import ModelError
from models import device
from models.base import Batch, Completion, GenerationConfig, Ids, ModelIdentity
from models.chat import ChatCodec, load_codec, template_hash
from models.one_thread import in_one_thread
from models.quiet import no_progress_bars
from models.weights import Source, locate

if TYPE_CHECKING:
    import torch

    from models.loading import ModelSpec


def identify_weights(spec: ModelSpec, home: Path) -> ModelIdentity:
    """The identity that `TransformersModel` will have; reads small files only (an embedded model is unpacked if it was not)."""
    source = locate(spec.id, spec.revision, home)
    hardware = device.choose(spec.dtype, spec.threads)
    return ModelIdentity(
        spec.id,
        source.revision,
        hardware.dtype,
        hardware.device,
        hardware.threads,
        template_hash(source.folder),
        context_length(source.folder),
    )


def context_length(folder: Path) -> int:
    """Most tokens that the model was made for, from its config."""
    config: dict[str, Any] = json.loads((folder / "config.json").read_text())
    text = config.get("text_config", config)
    return int(text.get("max_position_embeddings") or text.get("n_positions") or 2048)


def load_chat_codec(spec: ModelSpec, home: Path) -> ChatCodec:
    return load_codec(locate(spec.id, spec.revision, home).folder)


def load_weights(source: Source, hardware: device.Hardware) -> Any:
    """A causal language model in evaluation mode on its device, without gradients.

    Raises:
        ModelError: transformers cannot read it as a causal language model.
    """
    from transformers import AutoModelForCausalLM

    no_progress_bars()
    try:
        model: Any = AutoModelForCausalLM.from_pretrained(
            str(source.folder),
            dtype=device.torch_dtype(hardware.dtype),
            use_safetensors=True,
            trust_remote_code=False,
            attn_implementation="sdpa",
        )
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(
            f"The model in {source.folder.name} cannot be loaded as a causal language model: {error}.", "Choose a decoder-only model."
        ) from error
    model.requires_grad_(False)
    model.get_output_embeddings().register_forward_pre_hook(contiguous_input)
    return model.to(hardware.device).eval()


def contiguous_input(module: Any, inputs: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
    """Keep the last columns of the hidden states from reaching the output layer as a strided view.

    PyTorch multiplies such a view as a batch and copies the whole output matrix once for each row: measured on two cores, 774 ms
    instead of 13 ms for 16 rows of a vocabulary of 49,152.
    """
    return (inputs[0].contiguous(), *inputs[1:])


class TransformersModel:
    """A `LanguageModel` on transformers. One call at a time: a lock keeps the page's threads apart, since adapters are switched in place."""

    def __init__(self, spec: ModelSpec, home: Path, on_note: Callable[[str], None] = lambda note: None) -> None:
        import torch

        from models.adapter_weights import Adapters
        from models.decoding import Prefix

        self.source = locate(spec.id, spec.revision, home)
        self.hardware = device.choose(spec.dtype, spec.threads)
        torch.set_num_threads(self.hardware.threads)
        self.codec = load_codec(self.source.folder)
        self.identity = identify_weights(spec, home)
        self.module = load_weights(self.source, self.hardware)
        self.adapters = Adapters(self.module)
        self.prefix = Prefix()
        self.lock = threading.RLock()

    def generate(self, batch: Batch, config: GenerationConfig, adapter: Path | None = None) -> list[Completion]:
        from models.decoding import decode, memory_errors

        self._check_length(max(map(len, batch.prompt_ids)) + config.max_new_tokens, adapter)
        with memory_errors(), self.lock, self.adapters.active(adapter, batch.prompt_ids[0]) as model:
            start = self.adapters.beginning(adapter)
            written = decode(model, batch, config, self.codec.stops, self.codec.pad, self.prefix, adapter, start)
        return [self._completion(ids) for ids in written]

    def stream(self, prompt_ids: Ids, config: GenerationConfig, adapter: Path | None = None) -> Iterator[str]:
        self._check_length(len(prompt_ids) + config.max_new_tokens, adapter)
        yield from in_one_thread(lambda: self._written(prompt_ids, config, adapter))

    def _written(self, prompt_ids: Ids, config: GenerationConfig, adapter: Path | None) -> Generator[str, None, None]:
        from models.decoding import stream_ids

        with self.lock, self.adapters.active(adapter, prompt_ids) as model:
            for written in stream_ids(model, prompt_ids, config, self.codec.stops, self.codec.pad, self.adapters.beginning(adapter)):
                yield self.codec.text(written)

    def logprobs(self, prompt_ids: Ids, continuations: Sequence[Ids], adapter: Path | None = None) -> list[float]:
        from models.decoding import memory_errors
        from models.likelihood import continuation_logprobs

        with memory_errors(), self.lock, self.adapters.active(adapter, prompt_ids) as model:
            return continuation_logprobs(model, prompt_ids, continuations, self.codec.pad, self.adapters.beginning(adapter))

    def _completion(self, ids: Ids) -> Completion:
        ended = bool(ids) and ids[-1] in self.codec.stops
        return Completion(self.codec.text(ids[:-1] if ended else ids), ids, "stop" if ended else "length")

    def _check_length(self, tokens: int, adapter: Path | None) -> None:
        from models.virtual_tokens import virtual_tokens

        tokens += virtual_tokens(adapter)
        if tokens > self.identity.context_length:
            raise ModelError(
                f"Prompt and answer must fit the model's context of {self.identity.context_length} tokens; got {tokens}.",
                "Lower max_new_tokens, shots or top_k, or choose a model with a longer context.",
            )
