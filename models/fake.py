"""A language model and an embedder without weights, for tests and for trying the page before anything is installed.

The model answers with the sentence of its prompt that shares the most words with the question, which makes prompts with
demonstrations or passages answer differently from prompts without, and it answers the same whatever its batch is.
`fake/slow-200` does the same and takes 200 ms for each batch. Nothing here may be mistaken for a result: ids begin with "fake/".
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from core.errors import ModelError
from core.records import Message
from models.base import Batch, Completion, GenerationConfig, Ids, ModelIdentity, Prefixes

BOS, END, USER, ASSISTANT, SYSTEM = 256, 257, 258, 259, 260
ROLE_IDS = {"user": USER, "assistant": ASSISTANT, "system": SYSTEM}


class FakeCodec:
    """UTF-8 bytes as ids 0-255, and one id for each turn's head and end."""

    template_hash = "fake-bytes-1"

    def prompt_ids(self, messages: Sequence[Message]) -> Ids:
        ids = [BOS]
        for message in messages:
            ids += [ROLE_IDS[message.role], *message.content.encode(), END]
        return (*ids, ASSISTANT)

    def completion_ids(self, text: str) -> Ids:
        return (*text.encode(), END)

    def count(self, text: str) -> int:
        return len(text.encode())


def turns(prompt_ids: Ids) -> list[str]:
    """The texts of a fake prompt's turns, in order."""
    texts, current = [], bytearray()
    for token in prompt_ids:
        if token < 256:
            current.append(token)
        elif token == END:
            texts.append(current.decode("utf-8", "replace"))
            current = bytearray()
    return texts


def words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.lower()))


def reply(prompt_ids: Ids) -> str:
    """The earlier line of the prompt that shares the most words with its last line; a demonstration's answer stands for its question."""
    texts = turns(prompt_ids)
    lines = [line for text in texts for line in re.split(r"\n+|(?<=[.!?])\s+", text) if line.strip()]
    if len(lines) < 2:
        return "".join(lines)
    question = words(lines[-1])
    best, most = lines[-1], 0
    for line, following in zip(lines[:-1], [*lines[1:-1], ""], strict=True):
        shared = len(words(line) & question)
        if shared > most:
            best, most = (following or line) if line.rstrip().endswith("?") else line, shared
    return best


class FakeModel:
    """See the module's docstring. Context of 8,192 bytes."""

    def __init__(self, model_id: str) -> None:
        found = re.fullmatch(r"fake/(?:echo|slow-(\d+))", model_id)
        if not found:
            raise ModelError(f"There is no fake model '{model_id}'.", "Use fake/echo, or fake/slow-200 for one that takes 200 ms a batch.")
        self.delay_s = int(found[1] or 0) / 1000
        self.codec = FakeCodec()
        self.batches = 0
        self.identity = ModelIdentity(model_id, "1", "none", "cpu", 1, FakeCodec.template_hash, 8192)

    def generate(self, batch: Batch, config: GenerationConfig, adapter: Path | None = None) -> list[Completion]:
        self.batches += 1
        time.sleep(self.delay_s)
        return [self._complete(ids, config) for ids in batch.prompt_ids]

    def stream(self, prompt_ids: Ids, config: GenerationConfig, adapter: Path | None = None) -> Iterator[str]:
        text = self._complete(prompt_ids, config).text
        for end in range(1, len(text) + 1):
            yield text[:end]

    def logprobs(self, prompt_ids: Ids, continuations: Sequence[Ids], adapter: Path | None = None) -> list[float]:
        """The more of a continuation's words stand in the prompt, the likelier it is."""
        known = words(" ".join(turns(prompt_ids)))
        texts = [bytes(i for i in ids if i < 256).decode("utf-8", "replace") for ids in continuations]
        return [-0.1 * len(text) / (1 + len(words(text) & known)) for text in texts]

    def _complete(self, prompt_ids: Ids, config: GenerationConfig) -> Completion:
        whole = self.codec.completion_ids(reply(prompt_ids))
        ids = whole[: config.max_new_tokens]
        text = bytes(i for i in ids if i < 256).decode("utf-8", "ignore")
        return Completion(text, ids, "stop" if ids == whole else "length")


class HashEmbedder:
    """Bag of hashed words, L2-normalised: texts that share words are near. No weights, same vectors on every machine."""

    id = "fake/hash-64"
    dimension = 64
    max_tokens = 4096
    prefixes = Prefixes()

    def embed(self, texts: Sequence[str], kind: str = "passage") -> np.ndarray:
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        for row, text in enumerate(texts):
            for word in re.findall(r"\w+", text.lower()):
                digest = hashlib.blake2b(word.encode(), digest_size=8).digest()
                vectors[row, digest[0] % self.dimension] += 1.0 if digest[1] % 2 else -1.0
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        vectors[norms[:, 0] == 0, 0] = 1.0
        return vectors / np.where(norms == 0, 1.0, norms)

    def offsets(self, text: str) -> list[tuple[int, int]]:
        return [m.span() for m in re.finditer(r"\w+|[^\w\s]", text)]
