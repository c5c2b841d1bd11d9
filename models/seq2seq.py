"""The backend of encoder-decoder models (the T5 and FLAN-T5 family): the prompt is read by the encoder, the answer written by the decoder.

All that a comparison asks of a model is the same as for a decoder-only one: batches, stop ids, streams, log-probabilities, trained
weights switched on one base. Prompts are padded on the right and masked, and answers begin in the same column, so that a row's ids do
not depend on who shares its batch. A beginning that prompts share is not computed once, since an encoder reads in both directions.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from core.errors import ModelError
from models.adapter_weights import Adapters
from models.base import Batch, Completion, GenerationConfig, Ids
from models.decoding import Decoder, memory_errors
from models.text_codec import start_id
from models.transformers_backend import TransformersModel

if TYPE_CHECKING:
    import torch

    from models.loading import ModelSpec


class Seq2SeqModel(TransformersModel):
    """A `LanguageModel` on an encoder-decoder of transformers."""

    def __init__(self, spec: ModelSpec, home: Path, on_note: Callable[[str], None] = lambda note: None) -> None:
        super().__init__(spec, home, on_note)
        self.start = start_id(self.module.config, self.codec.pad)
        self.adapters = Seq2SeqAdapters(self.module, self.start)

    def generate(self, batch: Batch, config: GenerationConfig, adapter: Path | None = None) -> list[Completion]:
        import torch

        self._check_room(max(map(len, batch.prompt_ids)), config.max_new_tokens)
        with memory_errors(), self.lock, self.adapters.active(adapter, batch.prompt_ids[0]) as model, torch.inference_mode():
            written = self._writer(model, batch.prompt_ids, config).run()
        return [self._completion(ids) for ids in written]

    def stream(self, prompt_ids: Ids, config: GenerationConfig, adapter: Path | None = None) -> Iterator[str]:
        from models.one_thread import in_one_thread

        self._check_room(len(prompt_ids), config.max_new_tokens)
        yield from in_one_thread(lambda: self._written(prompt_ids, config, adapter))

    def _written(self, prompt_ids: Ids, config: GenerationConfig, adapter: Path | None) -> Generator[str, None, None]:
        import torch

        with self.lock, self.adapters.active(adapter, prompt_ids) as model, torch.inference_mode():
            writer = self._writer(model, [prompt_ids], config)
            for _ in writer.steps():
                yield self.codec.text(writer.written[0])

    def logprobs(self, prompt_ids: Ids, continuations: Sequence[Ids], adapter: Path | None = None) -> list[float]:
        with memory_errors(), self.lock, self.adapters.active(adapter, prompt_ids) as model:
            return answer_logprobs(model, prompt_ids, continuations, self.start, self.codec.pad)

    def _writer(self, model: Any, prompts: Sequence[Ids], config: GenerationConfig) -> _Writer:
        return _Writer(model, prompts, config, self.codec.stops, self.codec.pad, self.start)

    def _check_room(self, prompt: int, answer: int) -> None:
        """Encoder and decoder have the context's room each."""
        if max(prompt, answer) > self.identity.context_length:
            raise ModelError(
                f"Prompt and answer must each fit the model's context of {self.identity.context_length} tokens; got {prompt} and {answer}.",
                "Lower max_new_tokens, shots or top_k, or choose a model with a longer context.",
            )


class Seq2SeqAdapters(Adapters):
    """Trained weights on an encoder-decoder; what a probe is compared by are the decoder's first logits."""

    def __init__(self, base: Any, start: int) -> None:
        super().__init__(base)
        self.start = start

    def _logits(self, probe: tuple[int, ...], folder: Path | None) -> Any:
        import torch

        with torch.inference_mode(), self.active(folder, probe) as model:
            ids, begin = (torch.tensor([row], device=model.device) for row in (list(probe), [self.start]))
            return model(input_ids=ids, decoder_input_ids=begin, use_cache=False).logits.clone()


class Read(NamedTuple):
    """What the encoder made of a batch. Shapes: hidden (rows, width, size), mask (rows, width)."""

    hidden: torch.Tensor
    mask: torch.Tensor


class _Writer(Decoder):
    """One batch while it is written. Reading and choosing are grouped and done as for a decoder-only model."""

    def __init__(self, model: Any, prompts: Sequence[Ids], config: GenerationConfig, stops: frozenset[int], pad: int, start: int) -> None:
        import torch
        from transformers.cache_utils import DynamicCache, EncoderDecoderCache

        self.model, self.config, self.stops, self.pad, self.start_id = model, config, stops, pad, start
        self.suffixes = list(prompts)
        self.written: list[list[int]] = [[] for _ in prompts]
        self.alive = list(range(len(prompts)))
        self.caches: Any = EncoderDecoderCache(DynamicCache(), DynamicCache())
        self.random = torch.Generator(device="cpu").manual_seed(config.seed)

    def steps(self) -> Iterator[None]:
        """One new id for each living row, until none lives or the answers are full."""
        import torch

        self.seen = self.encode()
        chosen = torch.full((len(self.suffixes),), self.start_id, device=self.model.device)
        for count in range(1, self.config.max_new_tokens + 1):
            out = self.model(
                encoder_outputs=(self.seen.hidden,),
                attention_mask=self.seen.mask,
                decoder_input_ids=chosen[:, None],
                past_key_values=self.caches,
                use_cache=True,
            )
            chosen = self.choose(out.logits[:, -1])
            for place, token in zip(self.alive, chosen.tolist(), strict=True):
                if not self.has_ended(self.written[place]):
                    self.written[place].append(token)
            yield
            if count == self.config.max_new_tokens or not (chosen := self.drop_finished(chosen)).numel():
                return

    def encode(self) -> Read:
        """Prompts of like length are read together and stand in one right-padded tensor."""
        import torch

        width = max(map(len, self.suffixes))
        mask = torch.tensor([[1] * len(ids) + [0] * (width - len(ids)) for ids in self.suffixes], device=self.model.device)
        hidden: torch.Tensor | None = None
        for rows in self.groups():
            found = read(self.model, [self.suffixes[row] for row in rows], self.pad).hidden
            if hidden is None:
                hidden = found.new_zeros((len(self.suffixes), width, found.shape[-1]))
            hidden[rows, : found.shape[1]] = found
        assert hidden is not None  # a batch has rows
        return Read(hidden, mask)

    def keep_rows(self, keep: torch.Tensor) -> None:
        """As for a decoder-only model, from the tensors that there are here."""
        self.caches.batch_select_indices(keep)
        self.seen = Read(self.seen.hidden[keep], self.seen.mask[keep])


def read(model: Any, prompts: Sequence[Ids], pad: int) -> Read:
    """The encoder's output for prompts that are padded on the right."""
    import torch

    width = max(map(len, prompts))
    tokens = torch.tensor([[*ids, *[pad] * (width - len(ids))] for ids in prompts], device=model.device)
    mask = torch.tensor([[1] * len(ids) + [0] * (width - len(ids)) for ids in prompts], device=model.device)
    return Read(model.get_encoder()(input_ids=tokens, attention_mask=mask).last_hidden_state, mask)


def answer_logprobs(model: Any, prompt_ids: Ids, continuations: Sequence[Ids], start: int, pad: int) -> list[float]:
    """Summed natural-log probabilities, one for each continuation; the prompt is read once."""
    import torch

    if not continuations:
        return []
    longest, rows = max(map(len, continuations)), len(continuations)
    with torch.inference_mode():
        seen = read(model, [prompt_ids], pad)
        answers = torch.tensor([[*ids, *[pad] * (longest - len(ids))] for ids in continuations], device=model.device)
        begun = torch.cat([answers.new_full((rows, 1), start), answers[:, :-1]], dim=1)
        out = model(
            encoder_outputs=(seen.hidden.expand(rows, -1, -1),),
            attention_mask=seen.mask.expand(rows, -1),
            decoder_input_ids=begun,
            use_cache=False,
        )
        each = torch.log_softmax(out.logits.float(), dim=-1).gather(-1, answers[..., None])[..., 0]
        return [float(each[row, : len(ids)].sum()) for row, ids in enumerate(continuations)]
