"""Messages to ids for encoder-decoder models (T5, FLAN-T5, mT5, ByT5): one text for the encoder, in place of a chat.

These models know no turns: the encoder reads a text, the decoder writes one. A chat is flattened here, and only here, for asking and for
training alike. A single question stays as it is, below its instruction, which is the form that FLAN-T5 was tuned on (Chung et al. 2022,
arXiv:2210.11416); with demonstrations each turn is named. The tokenizer frames the text as the family does (T5: `</s>` at its end).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from core.errors import ModelError
from core.records import Message
from models.base import Ids
from models.chat import listed_stops, template_hash

FLAT_VERSION = "1"  # part of the template's hash; bumped by hand when the same chat gives another text
FAMILIES = {"t5", "mt5", "umt5", "longt5", "switch_transformers"}  # whose configs may leave `is_encoder_decoder` out


def is_encoder_decoder(folder: Path) -> bool:
    """Whether a model folder's config describes an encoder-decoder; a folder without one is no such model."""
    path = folder / "config.json"
    config: dict[str, Any] = json.loads(path.read_text()) if path.is_file() else {}
    return bool(config.get("is_encoder_decoder", config.get("model_type") in FAMILIES))


def wording_hash(folder: Path) -> str:
    """Hash of all that decides how text becomes ids: the chat template's, and for an encoder-decoder that of the flattening, too."""
    found = template_hash(folder)
    return hashlib.sha256(f"flat {FLAT_VERSION} {found}".encode()).hexdigest()[:16] if is_encoder_decoder(folder) else found


def flattened(messages: Sequence[Message]) -> str:
    """A chat as one text: the system's words, then the question; with demonstrations, each turn under "Question:" or "Answer:"."""
    before = [m.content for m in messages if m.role == "system"]
    turns = [m for m in messages if m.role != "system"]
    if len(turns) == 1:
        return "\n\n".join([*before, turns[0].content])
    named = [f"{'Answer' if m.role == 'assistant' else 'Question'}:\n{m.content}" for m in turns]
    return "\n\n".join([*before, *named, "Answer:"])


def start_id(config: Any, pad: int | None = None) -> int:
    """The id that the decoder begins with; T5's is its padding id.

    Raises:
        ModelError: the config names none, and no padding id either.
    """
    found = getattr(config, "decoder_start_token_id", None)
    found = found if found is not None else getattr(config, "pad_token_id", None)
    if found is None and pad is None:
        raise ModelError("The model's config names no decoder_start_token_id.", "Add it to config.json; for T5 it is pad_token_id.")
    return int(found if found is not None else pad or 0)


class TextCodec:
    """The tokenizer of an encoder-decoder behind the `Codec` contract. No template is compiled.

    Args:
        tokenizer: any `PreTrainedTokenizerBase` with an EOS.
        hash_: what `wording_hash` gives.
        generation_stops: the end ids that the model's own generation config lists; all of them end an answer.

    Raises:
        ModelError: the tokenizer has no EOS, so no answer could end.
    """

    def __init__(self, tokenizer: Any, hash_: str, generation_stops: Sequence[int] = ()) -> None:
        if tokenizer.eos_token_id is None:
            raise ModelError("The model's tokenizer has no end-of-sequence token.", "Choose a model whose tokenizer states eos_token.")
        self.tokenizer = tokenizer
        self.template_hash = hash_
        self.turn_end = int(tokenizer.eos_token_id)
        self.stops = frozenset({self.turn_end, *generation_stops})
        self.pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else self.turn_end

    def prompt_ids(self, messages: Sequence[Message]) -> Ids:
        """Ids of the encoder's text."""
        return self._ended(self.tokenizer(flattened(messages))["input_ids"])

    def prompt_text(self, messages: Sequence[Message]) -> str:
        return flattened(messages)

    def completion_ids(self, text: str) -> Ids:
        """Ids of the decoder's whole text; the start id, which no model writes, is not among them."""
        return self._ended(self.tokenizer(text_target=text)["input_ids"])

    def count(self, text: str) -> int:
        return len(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    def text(self, ids: Sequence[int]) -> str:
        """The words of an answer, without special tokens and outer white space."""
        return str(self.tokenizer.decode(list(ids), skip_special_tokens=True)).strip()

    def _ended(self, ids: Sequence[int]) -> Ids:
        return tuple(ids) if ids and ids[-1] == self.turn_end else (*ids, self.turn_end)


def load_text_codec(folder: Path) -> TextCodec:
    """The codec of an encoder-decoder's folder.

    Raises:
        ModelError: the folder has no tokenizer that transformers can read.
    """
    from models.chat import load_tokenizer

    return TextCodec(load_tokenizer(folder), wording_hash(folder), listed_stops(folder))
