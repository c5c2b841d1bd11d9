"""What a language model and an embedder must do. A backend is one file that implements this, and one line in `loading.py`.

Tokens are plain lists of ids here, so that a prompt can be planned, hashed and batched without any weights in memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from pydantic import Field

from core.records import FinishReason, Message
from core.specs import Spec

Ids = tuple[int, ...]


class GenerationConfig(Spec):
    """How answers are decoded. This is the whole effective config: a model repository's own defaults never leak in."""

    max_new_tokens: int = Field(
        64, ge=1, le=4096, description="Longest answer, in tokens; usual 16 to 512. An answer that reaches it is marked as cut."
    )
    temperature: float = Field(
        0.0, ge=0.0, le=2.0, description="0 decodes greedily (the default: the same answer each time); above 0 samples."
    )
    top_p: float = Field(
        1.0, gt=0.0, le=1.0, description="Sample from the smallest set of tokens that holds this probability; only used with a temperature."
    )
    seed: int = Field(0, ge=0, description="Seed of the sampling; only used with a temperature.")


class BatchPolicy(Spec):
    """How prompts are put into batches. A function of this and of the prompts alone, since bf16 answers depend on the batch."""

    max_rows: int = Field(48, ge=1, le=4096, description="Most prompts in one batch; usual 16 to 64 on a CPU.")
    max_padded_tokens: int = Field(
        24_576,
        ge=16,
        description="Most tokens that one batch keeps in memory, padding and the answers' room included; lower it for a large model.",
    )
    min_shared_prefix: int = Field(
        16, ge=1, description="A beginning that all prompts share is computed once if it has at least this many tokens."
    )


@dataclass(frozen=True)
class ModelIdentity:
    """Everything about a model that an answer depends on; part of each batch's key."""

    id: str
    revision: str
    dtype: str
    device: str
    threads: int
    template_hash: str
    context_length: int


class Batch(NamedTuple):
    """Prompts that are answered together.

    Attributes:
        rows: positions in the list of prompts that was composed.
        prompt_ids: one prompt each, same order as `rows`.
        shared: how many leading ids all of them share and are computed once; 0 for none.
    """

    rows: tuple[int, ...]
    prompt_ids: tuple[Ids, ...]
    shared: int


class Completion(NamedTuple):
    """One answer as the model wrote it. `token_ids` keeps the end-of-turn id, `text` does not."""

    text: str
    token_ids: Ids
    finish_reason: FinishReason


class Codec(Protocol):
    """Text to ids and back: one chat-template call, one tokenizer path, for inference and for training data. Needs no weights."""

    template_hash: str

    def prompt_ids(self, messages: Sequence[Message]) -> Ids:
        """Ids of a chat up to and including the header of the assistant's turn; exactly one BOS where the family has one."""
        ...

    def completion_ids(self, text: str) -> Ids:
        """Ids of an assistant's whole turn: the text, then the end-of-turn id."""
        ...

    def count(self, text: str) -> int:
        """How many tokens a plain text has, without special tokens."""
        ...


class LanguageModel(Protocol):
    """A model that answers. `adapter` is the folder of trained weights to answer with; None answers with the base model."""

    @property
    def identity(self) -> ModelIdentity: ...

    @property
    def codec(self) -> Codec: ...

    def generate(self, batch: Batch, config: GenerationConfig, adapter: Path | None = None) -> list[Completion]:
        """One completion for each prompt, in the batch's order.

        Raises:
            OutOfMemory: the batch does not fit; the caller composes smaller ones.
        """
        ...

    def stream(self, prompt_ids: Ids, config: GenerationConfig, adapter: Path | None = None) -> Iterator[str]:
        """The answer's text so far, each time it grows. The last one equals `generate` on the same prompt alone."""
        ...

    def logprobs(self, prompt_ids: Ids, continuations: Sequence[Ids], adapter: Path | None = None) -> list[float]:
        """Sum of log-probabilities (natural log) of each continuation after the prompt. No temperature."""
        ...


class Prefixes(NamedTuple):
    """What an embedding model wants before a query and before a passage; "" for nothing."""

    query: str = ""
    passage: str = ""


class Embedder(Protocol):
    """Texts to unit vectors."""

    id: str
    dimension: int
    max_tokens: int
    """Most tokens of a passage that it reads, special tokens and its prefix aside; it ignores the rest."""
    prefixes: Prefixes
    """What `embed` puts before a text of either kind."""

    def embed(self, texts: Sequence[str], kind: str = "passage") -> np.ndarray:
        """Shape (len(texts), dimension), float32, L2-normalised. `kind` is "query" or "passage", for models that prefix them."""
        ...

    def offsets(self, text: str) -> list[tuple[int, int]]:
        """Character span (start, end) of each of the embedder's own tokens in `text`, in order; for cutting passages to its length."""
        ...


class OutOfMemory(Exception):
    """The device had no room for a batch."""
