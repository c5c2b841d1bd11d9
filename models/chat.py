"""Messages to ids: the one chat-template call and the one tokenizer path, for inference prompts and for training rows alike.

Four things go wrong here in practice, and each is settled once: the beginning-of-sequence id is there exactly once if the family
uses one; the ids of a training row begin with the ids of the inference prompt, because they are joined as ids and never as text;
the end of the assistant's turn is the id that the template writes, which need not be the tokenizer's EOS; and a template without a
system role gets the system text in front of the first user turn.
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

PLAIN_TEMPLATE = (
    "{% for m in messages %}{% if m.role == 'system' %}{{ m.content }}\n\n{% else %}"
    "{{ 'Question' if m.role == 'user' else 'Answer' }}:\n{{ m.content }}{{ eos_token if m.role == 'assistant' else '' }}\n\n{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}Answer:\n{% endif %}"
)
FIXED_DATE = "01 Jan 2025"  # some templates print today's date, which would change the prompt from day to day
MARK = "xyzzy"
TEMPLATE_FILES = ("chat_template.jinja", "tokenizer_config.json", "tokenizer.json", "special_tokens_map.json")


def template_hash(folder: Path) -> str:
    """Hash of the files that decide how text becomes ids; known without loading the tokenizer."""
    digest = hashlib.sha256(PLAIN_TEMPLATE.encode())
    for name in TEMPLATE_FILES:
        if (folder / name).is_file():
            digest.update(name.encode() + (folder / name).read_bytes())
    return digest.hexdigest()[:16]


class ChatCodec:
    """A Hugging Face tokenizer behind the `Codec` contract.

    Args:
        tokenizer: any `PreTrainedTokenizerBase`; one without a chat template gets a plain question-and-answer one.
        hash_: the template's hash.
        generation_stops: the end ids that the model's own generation config lists; all of them end an answer.
    """

    def __init__(self, tokenizer: Any, hash_: str, generation_stops: Sequence[int] = ()) -> None:
        self.tokenizer = tokenizer
        self.template_hash = hash_
        if not tokenizer.chat_template:
            tokenizer.chat_template = PLAIN_TEMPLATE
        probe = list(tokenizer("a")["input_ids"])
        self.uses_bos = tokenizer.bos_token_id is not None and probe[:1] == [tokenizer.bos_token_id]
        self.turn_end = self._find_turn_end()
        self.stops = frozenset({self.turn_end, *generation_stops} | ({tokenizer.eos_token_id} - {None}))
        self.pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else self.turn_end

    def prompt_ids(self, messages: Sequence[Message]) -> Ids:
        ids: list[int] = list(self.tokenizer(self.prompt_text(messages), add_special_tokens=False)["input_ids"])
        bos = self.tokenizer.bos_token_id
        if self.uses_bos:
            while ids[:1] == [bos]:
                ids = ids[1:]
            ids = [bos, *ids]
        return tuple(ids)

    def prompt_text(self, messages: Sequence[Message]) -> str:
        """The chat as the template writes it, with the head of the assistant's turn."""
        return self._render(messages, add_generation_prompt=True)

    def completion_ids(self, text: str) -> Ids:
        return (*self.tokenizer(text, add_special_tokens=False)["input_ids"], self.turn_end)

    def count(self, text: str) -> int:
        return len(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    def text(self, ids: Sequence[int]) -> str:
        """The words of a completion, without special tokens and outer white space."""
        return str(self.tokenizer.decode(list(ids), skip_special_tokens=True)).strip()

    def _render(self, messages: Sequence[Message], add_generation_prompt: bool) -> str:
        from jinja2 import TemplateError

        chat = [{"role": m.role, "content": m.content} for m in messages]
        options = {"tokenize": False, "add_generation_prompt": add_generation_prompt, "date_string": FIXED_DATE}
        try:
            return str(self.tokenizer.apply_chat_template(chat, **options))
        except TemplateError as error:
            if chat[0]["role"] != "system" or len(chat) < 2:
                raise ModelError(
                    f"The model's chat template refuses this chat: {error}.", "Choose another model, or mend its template."
                ) from error
            merged = {"role": chat[1]["role"], "content": f"{chat[0]['content']}\n\n{chat[1]['content']}"}
            return str(self.tokenizer.apply_chat_template([merged, *chat[2:]], **options))

    def _find_turn_end(self) -> int:
        """The first special id that the template writes after an assistant's words; the tokenizer's EOS where it writes none."""
        text = self._render([Message("user", "a"), Message("assistant", MARK)], add_generation_prompt=False)
        after = self.tokenizer(text.rpartition(MARK)[2], add_special_tokens=False)["input_ids"]
        special = set(self.tokenizer.all_special_ids) | set(getattr(self.tokenizer, "added_tokens_decoder", {}))
        end = next((i for i in after if i in special), self.tokenizer.eos_token_id)
        if end is None:
            raise ModelError("The model's tokenizer has no end-of-sequence token.", "Choose a model whose tokenizer states eos_token.")
        return int(end)


def load_codec(folder: Path, verdicts: Path | None = None) -> ChatCodec:
    """The codec of a model folder.

    Args:
        verdicts: where it is kept which chat templates were found harmless.

    Raises:
        ModelError: the folder has no tokenizer that transformers can read, or its chat template breaks out or never ends.
    """
    from models.template_check import check_template

    tokenizer = load_tokenizer(folder)
    if tokenizer.chat_template:
        check_template(tokenizer.get_chat_template(), dict(tokenizer.special_tokens_map), verdicts)
    return ChatCodec(tokenizer, template_hash(folder), listed_stops(folder))


def load_tokenizer(folder: Path) -> Any:
    """Raises:
    ModelError: the folder has no tokenizer that transformers can read.
    """
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(str(folder), trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise ModelError(f"The tokenizer of {folder.name} cannot be read: {error}.", "Save tokenizer.json beside the weights.") from error


def listed_stops(folder: Path) -> list[int]:
    """The end ids that the model's own generation config lists."""
    config = folder / "generation_config.json"
    stops = json.loads(config.read_text()).get("eos_token_id") if config.is_file() else None
    return stops if isinstance(stops, list) else [stops] if stops is not None else []
