"""The transformers backend: any causal language model in safetensors, on the CPU or one GPU. `models.seq2seq` adds encoder-decoders.

One object serves all methods of a comparison: the base is loaded once, and trained weights are switched on top of it.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import ModelError
from models import device, quantised
from models.architecture import refuse_encoder
from models.base import Batch, Completion, GenerationConfig, Ids, ModelIdentity
from models.chat import ChatCodec, load_codec
from models.one_thread import in_one_thread
from models.quiet import no_progress_bars
from models.text_codec import TextCodec, is_encoder_decoder, load_text_codec, wording_hash
from models.weights import Source, locate

if TYPE_CHECKING:
    import torch

    from models.loading import ModelSpec
    from models.quantised import Weights


def identify_weights(spec: ModelSpec, home: Path) -> ModelIdentity:
    """The identity that `TransformersModel` will have; reads small files only (an embedded model is unpacked if it was not).

    Raises:
        ModelError: there is no such model, or it is an encoder.
    """
    source = locate(spec.id, spec.revision, home)
    refuse_encoder(source.folder, spec.id)
    hardware = device.choose(spec.dtype, spec.threads)
    return ModelIdentity(
        spec.id,
        source.revision,
        quantised.stated(hardware.dtype, spec.weights),
        hardware.device,
        hardware.threads,
        wording_hash(source.folder),
        context_length(source.folder),
    )


def context_length(folder: Path) -> int:
    """Most tokens that the model was made for, from its config."""
    config: dict[str, Any] = json.loads((folder / "config.json").read_text())
    text = config.get("text_config", config)
    return int(text.get("max_position_embeddings") or text.get("n_positions") or 2048)


def load_chat_codec(spec: ModelSpec, home: Path) -> ChatCodec | TextCodec:
    return codec_of(locate(spec.id, spec.revision, home).folder, home)


def codec_of(folder: Path, home: Path | None) -> ChatCodec | TextCodec:
    """The codec that fits what stands in the folder. `home` remembers which chat templates were found harmless."""
    return load_text_codec(folder) if is_encoder_decoder(folder) else load_codec(folder, home)


def load_weights(source: Source, hardware: device.Hardware, weights: Weights = "auto") -> Any:
    """A language model in evaluation mode on its device, without gradients.

    Args:
        weights: in how many bits its layers are held; see `models.quantised`.

    Raises:
        ModelError: transformers cannot read it as a causal or encoder-decoder language model.
    """
    from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM

    no_progress_bars()
    kind: Any = AutoModelForSeq2SeqLM if is_encoder_decoder(source.folder) else AutoModelForCausalLM
    try:
        model: Any = kind.from_pretrained(
            str(source.folder),
            dtype=device.torch_dtype(hardware.dtype),
            use_safetensors=True,
            trust_remote_code=False,
            attn_implementation="sdpa",
            **quantised.options(weights, hardware),
        )
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(
            f"The model in {source.folder.name} cannot be loaded as a language model: {error}.",
            "Choose a decoder-only model, or an encoder-decoder of the T5 family.",
        ) from error
    model.requires_grad_(False)
    model.get_output_embeddings().register_forward_pre_hook(contiguous_input)
    return (model.to(hardware.device) if weights == "auto" else quantised.unfused(model)).eval()


def contiguous_input(module: Any, inputs: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
    """Keep the last columns of the hidden states from reaching the output layer as a strided view.

    PyTorch multiplies such a view as a batch and copies the whole output matrix once for each row: on two cores 983 ms
    instead of 5 ms for 16 rows of a vocabulary of 49,152 (`python -m benchmarks.layers`).
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
        self.codec = codec_of(self.source.folder, home)
        self.identity = identify_weights(spec, home)
        self.module = load_weights(self.source, self.hardware, spec.weights)
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

    def weight_bytes(self, adapter: Path | None = None) -> int:
        """Bytes of the weights that answer, as they are held: the base's and the adapter's, or those of a whole trained model."""
        found = self.adapters.loaded.get(adapter) if adapter else None
        if found is None or adapter is None:
            return quantised.weight_bytes(self.module)
        if found.model is not self.module and found.wrapped is None:
            return quantised.weight_bytes(found.model)
        return quantised.weight_bytes(self.module) + sum(path.stat().st_size for path in adapter.glob("*.safetensors"))

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
