"""The settings of search: each changes the prompts as it says, the defaults change nothing, and questions are rewritten once."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adapters.base import Bound, Setting, methods
from adapters.lora import Lora, LoraSpec
from adapters.rag import Rag, RagSpec
from adapters.retrieved import FIRST, RetrievalSettings, passages_inputs
from adapters.rewriting import ASKS, TOKENS, Rewriter, as_query, queries_recipe, tokens_of
from core.errors import MethodError, PlanError
from core.records import Document, Example, Prompt
from core.specs import read_spec
from models.base import Batch, Completion, GenerationConfig
from models.fake import FakeModel
from retrieval.search.pipeline import Query

MakeSetting = Callable[..., Setting]
Make = Callable[..., Bound]
GUIDES = [
    Document("guides/pump.md", "The pump is primed with water before it starts.", about=(("author", "Ada"),)),
    Document("notes/pump.md", "The pump was painted green before it starts.", about=(("author", "Bo"),)),
]
ASK = Example("q", "Answer.", "What is done to the pump before it starts?", "primed")


def documents(prompt: Prompt) -> list[str]:
    return [found.passage.document for found in prompt.passages]


def test_each_setting_has_a_default_that_is_left_out_of_keys() -> None:
    assert RagSpec().unset() == set(RetrievalSettings.model_fields) - FIRST
    assert {"retriever", "candidates", "reranker", "diversity", "rewrite", "min_score", "where"} <= RagSpec().unset()
    assert {"retriever", "where"}.isdisjoint(RagSpec(retriever="bm25", where={"document": "a*"}).unset())
    held = LoraSpec(with_retrieval=True).trained_with()
    assert "top_k" in held and RagSpec().unset().isdisjoint(held)
    assert LoraSpec(with_retrieval=True, retriever="bm25").trained_with()["retriever"] == "bm25"
    assert "retriever" not in LoraSpec(retriever="bm25").trained_with(), "without retrieval it means nothing"


def test_what_passages_depend_on_is_their_number_and_what_was_set(make_setting: MakeSetting) -> None:
    assert passages_inputs(RagSpec(), make_setting()) == {"top_k": 3}
    found = passages_inputs(RagSpec(retriever="hybrid", diversity=0.3, name="mine"), make_setting())
    assert found == {"top_k": 3, "retriever": "hybrid", "diversity": 0.3}


def test_variants_share_the_index_and_differ_in_weights(make_setting: MakeSetting) -> None:
    setting = make_setting()
    plain, other = (Lora(LoraSpec(with_retrieval=True, **more)).recipes(setting) for more in ({}, {"retriever": "bm25"}))
    assert plain[0].fingerprint == other[0].fingerprint
    assert plain[-1].fingerprint != other[-1].fingerprint


@pytest.mark.parametrize("retriever", ["dense", "bm25", "hybrid"])
def test_every_retriever_is_a_field_of_the_spec(retriever: str, setting: Setting, bound: Make, questions: list[Example]) -> None:
    prompts = bound("rag", setting, retriever=retriever, diversity=0.2, candidates=5).prompts(questions)
    assert all(prompt.passages for prompt in prompts)
    assert [bound("rag", setting, retriever=retriever, diversity=0.2, candidates=5).prompts([q])[0] for q in questions] == prompts


def test_a_filter_searches_the_documents_that_fit_alone(make_setting: MakeSetting, bound: Make) -> None:
    setting = make_setting(documents=GUIDES)
    for where, expected in (({"document": "guides/*"}, ["guides/pump.md"]), ({"author": ["Bo"]}, ["notes/pump.md"])):
        assert documents(bound("rag", setting, where=where).prompts([ASK])[0]) == expected


def test_where_nothing_is_found_the_prompt_says_so(make_setting: MakeSetting, bound: Make) -> None:
    setting = make_setting(documents=GUIDES)
    for settings in ({"where": {"author": "Cy"}}, {"min_score": 1.0}, {"retriever": "bm25", "where": {"document": "*.txt"}}):
        prompt = bound("rag", setting, **settings).prompts([ASK])[0]
        assert prompt.passages == () and "No passage was found." in prompt.messages[-1].content
        assert ASK.input in prompt.messages[-1].content


def test_a_filter_by_what_no_document_states_is_refused(make_setting: MakeSetting) -> None:
    with pytest.raises(MethodError, match=r"rag\.where must ask for what the documents state \(author, document\); got 'auther'"):
        Rag(RagSpec(where={"auther": "Ada"})).check(make_setting(documents=GUIDES))
    with pytest.raises(PlanError, match="at least one value"):
        read_spec(RagSpec, {"kind": "rag", "where": {"author": []}})


def test_a_re_ranker_that_is_not_there_is_refused_with_the_plan(make_setting: MakeSetting) -> None:
    with pytest.raises(MethodError, match=r"rag\.reranker: The re-ranker '/no/such/folder' is not there"):
        Rag(RagSpec(reranker="/no/such/folder")).check(make_setting(documents=GUIDES))


def test_questions_that_the_embedder_does_not_read_to_their_end_are_counted(make_setting: MakeSetting, bound: Make) -> None:
    setting = make_setting(documents=GUIDES)
    long = replace(ASK, input="word " * 5000)
    assert bound("rag", setting).finder.cut([ASK, long]) == 1  # type: ignore[attr-defined]
    assert bound("rag", setting, retriever="bm25").finder.cut([ASK, long]) == 0  # type: ignore[attr-defined]
    assert documents(bound("rag", setting).prompts([replace(ASK, input="pump " * 300)])[0])


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (
            "1. How is it primed?\n2) What primes it?\n- Who primes it?\n* A fourth one?",
            ("How is it primed?", "What primes it?", "Who primes it?"),
        ),
        ("what is done to the pump before it starts?\n\nPump\n", ()),
        ("", ()),
    ],
)
def test_other_wordings_are_read_from_lines_without_marks_repeats_and_single_words(said: str, expected: tuple[str, ...]) -> None:
    assert as_query(ASK.input, "multi_query", said) == Query(ASK.input, further=expected)
    assert as_query(ASK.input, "hyde", f" {said}\n") == Query(ASK.input, imagined=said.strip())


class Scripted(FakeModel):
    """Answers each rewriting by a script, and counts."""

    def __init__(self) -> None:
        super().__init__("fake/echo")
        self.asked = 0

    def generate(self, batch: Batch, config: GenerationConfig, adapter: Path | None = None) -> list[Completion]:
        self.asked += len(batch.prompt_ids)
        text = "How is the pump primed with water?"
        return [Completion(text, self.codec.completion_ids(text), "stop") for _ in batch.prompt_ids]


def rewriting(setting: Setting, model: FakeModel, questions: Sequence[str]) -> Setting:
    return replace(setting, language_model=lambda: model, questions=tuple(questions))


def test_questions_are_rewritten_once_for_all_variants_and_cost_tokens(make_setting: MakeSetting, tmp_path: Path) -> None:
    model = Scripted()
    setting = rewriting(make_setting(documents=GUIDES), model, [ASK.input, "Who painted the pump?", ASK.input, " "])
    index, queries = Rag(RagSpec(rewrite="hyde")).recipes(setting)
    assert (index.kind, queries.kind) == ("index", "queries")
    assert Rag(RagSpec(rewrite="hyde", retriever="bm25", top_k=1)).recipes(setting)[1].fingerprint == queries.fingerprint
    assert Rag(RagSpec(rewrite="multi_query")).recipes(setting)[1].fingerprint != queries.fingerprint
    folder = tmp_path / "queries"
    folder.mkdir()
    list(queries.build(folder, ()))
    assert model.asked == 2
    asked = [len(model.codec.prompt_ids(rewritten)) for rewritten in _chats(setting)]
    written = 2 * len(model.codec.completion_ids("How is the pump primed with water?"))
    assert tokens_of(folder) == {"questions": 2, "asked": {"questions": 2, "prompt_tokens": sum(asked), "completion_tokens": written}}
    list(queries.build(folder, ()))
    assert model.asked == 2, "what is there is not asked again"
    rewriter = Rewriter(setting, "hyde", [folder])
    assert [query.imagined for query in rewriter.queries([ASK.input, ""])] == ["How is the pump primed with water?", ""]
    assert model.asked == 2
    rewriter.queries(["Is it new?"])
    rewriter.queries(["Is it new?"])
    assert model.asked == 3, "a question that is not in the artefact is asked alone, once"
    assert json.loads((folder / TOKENS).read_text())["questions"] == 2


def _chats(setting: Setting) -> list[Any]:
    from adapters.rewriting import asked_for

    return [asked_for(question, "hyde") for question in dict.fromkeys(setting.questions) if question.strip()]


@pytest.mark.parametrize("rewrite", sorted(ASKS))
def test_a_rewritten_question_finds_what_its_own_words_do_not(rewrite: str, make_setting: MakeSetting, bound: Make) -> None:
    setting = rewriting(make_setting(documents=GUIDES), Scripted(), [])
    ask = replace(ASK, input="Which fluid goes in first?")
    assert documents(bound("rag", setting, retriever="bm25", top_k=1).prompts([ask])[0]) == []
    prompt = bound("rag", setting, retriever="bm25", top_k=1, rewrite=rewrite).prompts([ask])[0]
    assert documents(prompt) == ["guides/pump.md"]
    assert prompt.messages[-1].content.removesuffix("\nAnswer:").endswith(ask.input), "the model is asked the question itself"


def test_weights_do_not_depend_on_what_is_asked_later(make_setting: MakeSetting) -> None:
    made = Lora(LoraSpec(with_retrieval=True, rewrite="hyde"))
    one, other = (made.recipes(replace(make_setting(), questions=questions)) for questions in (("a b",), ("c d",)))
    assert [recipe.kind for recipe in one] == ["index", "queries", "weights"]
    assert one[1].fingerprint != other[1].fingerprint
    assert one[2].fingerprint == other[2].fingerprint


@pytest.mark.parametrize("kind", [name for name in methods.names() if "with_retrieval" in methods.get(name).Spec.model_fields])
def test_every_method_with_retrieval_rewrites_before_its_weights(kind: str, make_setting: MakeSetting) -> None:
    spec = read_spec(methods.get(kind).Spec, {"kind": kind, "with_retrieval": True, "rewrite": "multi_query"})
    kinds = [recipe.kind for recipe in methods.get(kind)(spec).recipes(make_setting())]
    assert kinds[:2] == ["index", "queries"] and kinds[-1] == "weights"


def test_recipes_are_those_of_before_where_nothing_is_set(make_setting: MakeSetting) -> None:
    assert [recipe.kind for recipe in Lora(LoraSpec(with_retrieval=True)).recipes(make_setting())] == ["index", "weights"]
    one, other = (queries_recipe(make_setting(), "hyde", asked) for asked in (["a"], ["a", "a", ""]))
    assert one.fingerprint == other.fingerprint
