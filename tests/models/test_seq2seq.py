"""Encoder-decoder models behind the contracts of every model, on a tiny random T5 that stands in for the family (no weights of it are here)."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tiny_t5 import save_tiny_t5

from core.errors import ModelError
from core.records import Message
from models.base import Batch, BatchPolicy, GenerationConfig
from models.batching import compose
from models.decoding import GROUP_TOKENS
from models.loading import ModelSpec, identify, load_codec, load_model
from models.seq2seq import Seq2SeqModel
from models.text_codec import flattened, is_encoder_decoder, start_id

QUESTIONS = [
    "Why?",
    "What does the harbour master do when the tide is out and the boats cannot leave?",
    "Count to five.",
    "Name the longest river.",
    "A short story about a lighthouse keeper who lost his keys in the fog, please.",
    "Is it late?",
    "Translate good evening.",
]
SYSTEM = Message("system", "Answer in one plain sentence.")
CONFIG = GenerationConfig(max_new_tokens=12)
END = 1


@pytest.fixture(scope="module")
def tiny_t5(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_t5(tmp_path_factory.mktemp("t5") / "tiny-t5", spread=2.0)


@pytest.fixture(scope="module")
def spec(tiny_t5: Path) -> ModelSpec:
    return ModelSpec(id=str(tiny_t5), dtype="float32", threads=1)


@pytest.fixture(scope="module")
def model(spec: ModelSpec, tmp_path_factory: pytest.TempPathFactory) -> Seq2SeqModel:
    found = load_model(spec, tmp_path_factory.mktemp("home"))
    assert isinstance(found, Seq2SeqModel)
    return found


def prompts(model, questions=QUESTIONS):
    return [model.codec.prompt_ids([SYSTEM, Message("user", question)]) for question in questions]


def answer(model, ids, rows, config=CONFIG):
    """Completions in the order of the prompts, in batches of this many."""
    got = {}
    for batch in compose(ids, BatchPolicy(max_rows=rows), config.max_new_tokens):
        got.update(zip(batch.rows, model.generate(batch, config), strict=True))
    return [got[row] for row in range(len(ids))]


def reference(model, ids, new_tokens):
    """What transformers writes for one prompt at a time."""
    written = model.module.generate(torch.tensor([ids]), max_new_tokens=new_tokens, do_sample=False, eos_token_id=END, pad_token_id=0)
    return tuple(written[0, 1:].tolist())


def test_a_chat_is_one_text_for_the_encoder():
    """E2: a single question as it is, below its instruction; with demonstrations each turn is named."""
    ask = [Message("user", "What is a tide?")]
    assert flattened(ask) == "What is a tide?"
    assert flattened([SYSTEM, *ask]) == "Answer in one plain sentence.\n\nWhat is a tide?"
    shown = [SYSTEM, Message("user", "One?"), Message("assistant", "1"), *ask]
    assert flattened(shown) == "Answer in one plain sentence.\n\nQuestion:\nOne?\n\nAnswer:\n1\n\nQuestion:\nWhat is a tide?\n\nAnswer:"


def test_prompt_and_answer_end_with_the_familys_end_of_sequence_once(spec, tmp_path):
    """E1, E3, E4: T5 has no BOS; `</s>` ends the encoder's text and the decoder's."""
    codec = load_codec(spec, tmp_path)
    for ids in (codec.prompt_ids([SYSTEM, Message("user", "Why?")]), codec.completion_ids("yes"), codec.completion_ids("")):
        assert ids[-1] == END and ids.count(END) == 1
    assert codec.turn_end == END and codec.stops == {END} and codec.pad == 0
    assert codec.text(codec.completion_ids(" high water ")) == "high water" and codec.count("hi") == 2


def test_a_codec_needs_no_weights_and_what_is_typed_is_no_template(spec, tmp_path):
    """F24."""
    typed = "{{ 7 * 7 }}{% for a in range(9) %}"
    assert load_codec(spec, tmp_path).prompt_text([Message("user", typed)]) == typed


def test_the_identity_says_how_chats_are_flattened_and_what_fits(spec, tiny_t5, tiny_model, tmp_path, monkeypatch):
    """E2, E22: the hash covers the flattening, so that another wording is another model's answers."""
    found = identify(spec, tmp_path)
    assert found == load_model(spec, tmp_path).identity and found.context_length == 512
    assert found.template_hash == load_codec(spec, tmp_path).template_hash
    monkeypatch.setattr("models.text_codec.FLAT_VERSION", "changed")
    assert identify(spec, tmp_path).template_hash != found.template_hash
    assert is_encoder_decoder(tiny_t5) and not is_encoder_decoder(tiny_model)


@pytest.mark.parametrize("rows", [1, 2, 7])
def test_batch_size_changes_no_answer(model, rows):
    """E5: mixed lengths padded on the right; the ids are those of transformers' own loop on one prompt at a time."""
    ids = prompts(model)
    wanted = [reference(model, i, CONFIG.max_new_tokens) for i in ids]
    assert len(set(wanted)) > 1
    assert [c.token_ids for c in answer(model, ids, rows)] == wanted


def test_reading_in_groups_and_another_order_change_no_answer(model, monkeypatch):
    """E5."""
    ids = prompts(model)
    wanted = [c.token_ids for c in answer(model, ids, 1)]
    assert [c.token_ids for c in answer(model, ids[::-1], 7)][::-1] == wanted
    monkeypatch.setitem(GROUP_TOKENS, "cpu", 60)
    assert [c.token_ids for c in model.generate(Batch(tuple(range(7)), tuple(ids), 0), CONFIG)] == wanted


def test_rows_that_have_ended_leave_the_batch_and_change_no_other(model, monkeypatch):
    """E4, E5, E8: any stop id ends a row, says so and keeps the id; the rest goes on in a smaller batch."""
    ids = prompts(model)
    free = answer(model, ids, 7)
    assert {c.finish_reason for c in free} == {"length"}
    stop = free[0].token_ids[3]
    monkeypatch.setattr(model.codec, "stops", frozenset({stop}))
    for whole, cut in zip(free, answer(model, ids, 7), strict=True):
        first = whole.token_ids.index(stop) + 1 if stop in whole.token_ids else len(whole.token_ids)
        assert cut.token_ids == whole.token_ids[:first]
        assert cut.finish_reason == ("stop" if stop in whole.token_ids else "length")


def test_the_repositorys_generation_config_does_not_leak_in(model):
    """E21."""
    ids = prompts(model)[:3]
    before = answer(model, ids, 3)
    config = model.module.generation_config
    config.do_sample, config.repetition_penalty, config.num_beams = True, 5.0, 3
    try:
        assert answer(model, ids, 3) == before
    finally:
        config.do_sample, config.repetition_penalty, config.num_beams = False, 1.0, 1


def test_sampling_repeats_with_its_seed(model):
    """E21."""
    ids, sampled = prompts(model)[:3], GenerationConfig(max_new_tokens=12, temperature=1.5, top_p=0.9, seed=3)
    once = answer(model, ids, 3, sampled)
    assert once == answer(model, ids, 3, sampled) != answer(model, ids, 3, sampled.model_copy(update={"seed": 4}))


def test_the_stream_ends_with_the_answer_of_a_batch_of_one(model):
    ids = prompts(model)[2]
    assert list(model.stream(ids, CONFIG))[-1] == model.generate(Batch((0,), (ids,), 0), CONFIG)[0].text


def test_log_probabilities_agree_with_one_forward_pass_each(model):
    """E5: within 1e-4, for continuations of other lengths in one call; the label's log-likelihood."""
    prompt = prompts(model)[1]
    continuations = [model.codec.completion_ids(text) for text in ("yes", "no", "a much longer answer")]
    for ids, value in zip(continuations, model.logprobs(prompt, continuations), strict=True):
        with torch.no_grad():
            logits = model.module(input_ids=torch.tensor([prompt]), labels=torch.tensor([ids])).logits[0].log_softmax(-1)
        assert value == pytest.approx(sum(float(logits[i, token]) for i, token in enumerate(ids)), abs=1e-4)
    assert model.logprobs(prompt, []) == []


def test_prompt_and_answer_have_the_contexts_room_each(model):
    """E7: nothing is cut off a prompt that is too long."""
    with pytest.raises(ModelError, match="must each fit the model's context of 512 tokens; got 513 and 12"):
        model.generate(Batch((0,), ((5,) * 513,), 0), CONFIG)
    with pytest.raises(ModelError, match="got 5 and 513"):
        list(model.stream((5,) * 5, GenerationConfig(max_new_tokens=513)))


def test_a_config_without_a_start_id_is_said_plainly():
    from types import SimpleNamespace

    assert start_id(SimpleNamespace(decoder_start_token_id=None, pad_token_id=0)) == 0
    with pytest.raises(ModelError, match="names no decoder_start_token_id"):
        start_id(SimpleNamespace(decoder_start_token_id=None, pad_token_id=None))


def test_a_tokenizer_without_an_end_is_refused():
    """E4."""
    from types import SimpleNamespace

    from models.text_codec import TextCodec

    with pytest.raises(ModelError, match="no end-of-sequence token"):
        TextCodec(SimpleNamespace(eos_token_id=None), "h")
