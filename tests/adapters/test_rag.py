from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from adapters.base import Bound, Progress, Setting
from adapters.rag import Rag, RagSpec
from adapters.retrieved import PassageFinder, index_recipe
from core.errors import MethodError, PlanError, StoreError
from core.records import Document, Example
from core.specs import read_spec
from models.fake import FakeCodec, HashEmbedder
from retrieval.chunking import TokenChunkerSpec

MakeSetting = Callable[..., Setting]


def indexed(setting: Setting, folder: Path) -> Path:
    list(index_recipe(setting, TokenChunkerSpec(kind="tokens")).build(folder, ()))
    return folder


def test_the_passage_with_the_fact_stands_first(setting: Setting, bound: Callable[..., Bound], questions: list[Example]) -> None:
    prompts = bound("rag", setting).prompts(questions)
    assert len(prompts) == len(questions)
    for place, prompt in enumerate(prompts):
        assert prompt.passages[0].passage.document == f"{place}.md"
        assert [r.rank for r in prompt.passages] == [0, 1, 2]
        assert prompt.messages[-1].content.partition("Text:\n")[2].startswith(f"# Note {place}")


def test_no_documents_is_refused_and_the_advice_is_a_line_of_the_plan(make_setting: MakeSetting) -> None:
    with pytest.raises(MethodError, match=r"rag needs documents to search; got 0\..*add `knowledge: \{path: …\}`"):
        Rag(RagSpec(kind="rag")).check(make_setting(documents=[]))


def test_building_the_index_tells_its_progress_in_passages(setting: Setting, tmp_path: Path) -> None:
    (recipe,) = Rag(RagSpec(kind="rag")).recipes(setting)
    steps = list(recipe.build(tmp_path, ()))
    assert recipe.kind == "index"
    assert steps[-1] == Progress("preparing index", 8, 8, "passages")


def test_the_index_is_shared_by_all_that_cut_alike(setting: Setting) -> None:
    def key(**settings: Any) -> str:
        return Rag(RagSpec(kind="rag", **settings)).recipes(setting)[0].fingerprint

    assert key(top_k=3) == key(top_k=7)
    assert len({key(), key(chunk_size=64), key(chunk_overlap=8)}) == 3
    assert len({key(chunker=kind) for kind in ("tokens", "sentences", "markdown", "meaning")}) == 4
    assert key(chunker="meaning") == key(chunker="meaning", chunk_overlap=8), "it has no overlap"
    assert key(chunker="tokens") == key()


def test_long_passages_are_dropped_until_the_prompt_fits(make_setting: MakeSetting, tmp_path: Path, questions: list[Example]) -> None:
    """E7: the question is whole, the number dropped is kept."""
    long = [Document(f"{i}.md", f"crate bird {i} " * 40) for i in range(4)]
    setting = make_setting(documents=long, context=64 + 900)
    for example, prompt in zip(
        questions, PassageFinder(setting, [indexed(setting, tmp_path)], RagSpec(top_k=4)).prompts(questions), strict=True
    ):
        assert prompt.dropped_passages == 4 - len(prompt.passages) > 0
        assert prompt.messages[-1].content.endswith(f"Question: {example.input}\nAnswer:")
        assert len(FakeCodec().prompt_ids(prompt.messages)) <= 900


def test_a_cap_keeps_every_prompt_with_passages_short(setting: Setting, tmp_path: Path, train: list[Example]) -> None:
    finder = PassageFinder(setting, [indexed(setting, tmp_path)], RagSpec(), token_cap=160)
    prompts = finder.prompts(train)
    assert any(prompt.passages for prompt in prompts)
    assert all(len(FakeCodec().prompt_ids(prompt.messages)) <= 160 for prompt in prompts)


def test_all_questions_are_embedded_in_one_call_as_queries(make_setting: MakeSetting, tmp_path: Path, questions: list[Example]) -> None:
    calls: list[tuple[int, str]] = []

    class Listening(HashEmbedder):
        def embed(self, texts: Sequence[str], kind: str = "passage") -> np.ndarray:
            calls.append((len(texts), kind))
            return super().embed(texts, kind)

    import dataclasses

    setting = dataclasses.replace(make_setting(), embedder=Listening)
    PassageFinder(setting, [indexed(make_setting(), tmp_path)], RagSpec()).prompts(questions)
    assert calls == [(8, "query")]


def test_an_index_made_with_another_embedder_is_refused(setting: Setting, tmp_path: Path, questions: list[Example]) -> None:
    """E18"""
    import dataclasses

    class Other(HashEmbedder):
        id = "fake/other"

    folder = indexed(setting, tmp_path)
    with pytest.raises(StoreError, match="must have been made with fake/other"):
        PassageFinder(dataclasses.replace(setting, embedder=Other), [folder], RagSpec()).prompts(questions)


def test_too_much_overlap_is_refused_in_plain_words() -> None:
    with pytest.raises(PlanError, match=r"methods\.2\.chunk_overlap must be at most half of chunk_size \(32\); got 40\."):
        read_spec(RagSpec, {"kind": "rag", "chunk_size": 64, "chunk_overlap": 40}, "methods.2")
