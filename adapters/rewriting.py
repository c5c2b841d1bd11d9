"""Questions rewritten by the comparison's own model before they are searched for.

    multi_query  three other wordings, each searched for; the rankings are fused (as in RAG-Fusion, Rackauckas 2024, arXiv:2402.03367)
    hyde         a passage that could answer the question; its vector is averaged with the question's (Gao et al. 2022, arXiv:2212.10496)

The untuned model answers greedily, by the one inference path. What it writes to the questions of a run is an artefact: written once, resumable,
with its seconds and tokens. A question that is not in it (typed on the page, say) is rewritten when it is asked, alone.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from adapters import answered
from adapters.base import Progress, Recipe, Setting
from adapters.searching import REWRITE_VERSION, Rewrite
from core.files import write_json
from core.records import Example, Message
from models.base import GenerationConfig
from retrieval.search.pipeline import Query

WORDINGS = 3
ASKS: dict[Rewrite, str] = {
    "multi_query": "Write three other ways to ask this question, each on a line of its own.\n\nQuestion: {question}",
    "hyde": "Write a short passage that answers this question.\n\nQuestion: {question}",
}
LONGEST = GenerationConfig(max_new_tokens=96)
TOKENS = "tokens.json"
"""What stands beside the answers: how many there are, and the tokens of the questions that are asked."""
STAGE = "rewriting questions"
_MARK = re.compile(r"^\s*(?:[-*•#>]+|\(?\d{1,2}[.):])\s*")


def asked_for(question: str, rewrite: Rewrite) -> tuple[Message, ...]:
    """What the model is asked, as one turn of the user."""
    return (Message("user", ASKS[rewrite].format(question=question)),)


def as_query(question: str, rewrite: Rewrite, said: str) -> Query:
    """The question with what the model made of it; alone where that is nothing of use."""
    if rewrite == "hyde":
        return Query(question, imagined=said.strip())
    lines = dict.fromkeys(_MARK.sub("", line).strip() for line in said.splitlines())
    own = question.strip().casefold()
    return Query(question, further=tuple(line for line in lines if len(line.split()) > 1 and line.casefold() != own)[:WORDINGS])


def key_of(question: str) -> str:
    return hashlib.sha256(question.encode("utf-8", "surrogatepass")).hexdigest()[:24]


def _author(setting: Setting) -> answered.LocalAuthor:
    return answered.LocalAuthor(setting.model_key, setting.language_model, LONGEST)


def queries_recipe(setting: Setting, rewrite: Rewrite, asked: Sequence[str], trained_on: Sequence[str] = ()) -> Recipe:
    """What the model writes to the questions that are asked, and to those that are trained on."""
    rows = [Example(key_of(q), "", q, "") for q in dict.fromkeys([*trained_on, *asked]) if q.strip()]
    names = {key_of(q) for q in asked if q.strip()}
    chats = [(row.id, asked_for(row.input, rewrite)) for row in rows]
    about = {"rewrite": rewrite, "version": REWRITE_VERSION, "asked": len(names)}
    inner = answered.answers_recipe(replace(setting, train=rows), _author(setting), about, lambda earlier: chats, STAGE)

    def build(folder: Path, earlier: Sequence[Path]) -> Iterator[Progress]:
        yield from inner.build(folder, earlier)
        codec, said = setting.codec(), answered.read(folder)
        known = [(name, messages) for name, messages in chats if name in said and name in names]
        read = sum(len(codec.prompt_ids(messages)) for _, messages in known)
        written = sum(len(codec.completion_ids(said[name].text)) for name, _ in known)
        spent = {"questions": len(known), "prompt_tokens": read, "completion_tokens": written}
        write_json(folder / TOKENS, {"questions": len(said), "asked": spent})

    return replace(inner, kind="queries", build=build)


class Rewriter:
    """Questions to queries.

    Args:
        folders: of `queries_recipe`; one that is not there knows nothing.
    """

    def __init__(self, setting: Setting, rewrite: Rewrite, folders: Sequence[Path] = ()) -> None:
        self.setting, self.rewrite = setting, rewrite
        self.folders = folders
        self._said: dict[str, str] | None = None

    def queries(self, questions: Sequence[str]) -> list[Query]:
        """One for each question, in order."""
        if self.rewrite == "none":
            return [Query(question) for question in questions]
        return [as_query(question, self.rewrite, self._of(question)) if question.strip() else Query(question) for question in questions]

    def _of(self, question: str) -> str:
        if self._said is None:
            files = [folder for folder in self.folders if (folder / answered.FILE).is_file()]
            self._said = {name: said.text for folder in files for name, said in answered.read(folder).items()}
        name = key_of(question)
        if name not in self._said:
            chat = (name, asked_for(question, self.rewrite))
            found = [said for part in _author(self.setting).answers([chat], {}) for said in part.values()]
            self._said[name] = found[0].text if found else ""
        return self._said[name]


def tokens_of(folder: Path) -> dict[str, Any]:
    """How many questions were rewritten, and what the asked ones took; {} where the folder does not say."""
    path = folder / TOKENS
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}
