"""The decoding loop against transformers' own `generate`, and against itself under other batches."""

from pathlib import Path

import pytest
import torch
from tiny_gpt2 import save_tiny_gpt2

from core.records import Message
from models.base import Batch, BatchPolicy, GenerationConfig, OutOfMemory
from models.batching import compose
from models.decoding import GROUP_TOKENS, is_out_of_memory
from models.loading import ModelSpec, load_model

QUESTIONS = [
    "Why?",
    "What does the harbour master do when the tide is out and the boats cannot leave?",
    "Count to five.",
    "Name the longest river.",
    "A short story about a lighthouse keeper who lost his keys in the fog, please, and keep it under ten lines.",
    "Is it late?",
    "Translate good evening.",
]
SYSTEM = Message("system", "Answer in one plain sentence and do not repeat the question that you were asked.")
CONFIG = GenerationConfig(max_new_tokens=24)


@pytest.fixture(scope="module")
def model(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory):
    return load_model(ModelSpec(id=str(tiny_model), dtype="float32", threads=1), tmp_path_factory.mktemp("home"))


def prompts(model, questions=QUESTIONS):
    return [model.codec.prompt_ids([SYSTEM, Message("user", question)]) for question in questions]


def answer(model, ids, policy, config=CONFIG):
    """Completions in the order of the prompts."""
    got = {}
    for batch in compose(ids, policy, config.max_new_tokens):
        got.update(zip(batch.rows, model.generate(batch, config), strict=True))
    return [got[row] for row in range(len(ids))]


def reference(model, ids, new_tokens):
    """Ids that transformers writes for one prompt at a time."""
    written = model.module.generate(
        torch.tensor([ids]),
        attention_mask=torch.ones(1, len(ids), dtype=torch.long),
        max_new_tokens=new_tokens,
        do_sample=False,
        eos_token_id=sorted(model.codec.stops),
        pad_token_id=model.codec.pad,
    )
    return tuple(written[0, len(ids) :].tolist())


@pytest.mark.parametrize("rows", [1, 2, 7])
def test_batch_size_changes_no_answer(model, rows):
    """E5. Mixed lengths, left padding, a shared beginning computed once: the ids are those of one prompt at a time."""
    ids = prompts(model)
    got = answer(model, ids, BatchPolicy(max_rows=rows))
    assert [c.token_ids for c in got] == [reference(model, i, CONFIG.max_new_tokens) for i in ids]


@pytest.mark.parametrize("least_shared", [1, 10_000])
def test_padding_takes_no_place_where_positions_are_learnt(tiny_model, tmp_path, least_shared):
    """E5: missing position ids. A rotary model does not notice them, since it sees differences of places alone."""
    model = load_model(ModelSpec(id=str(save_tiny_gpt2(tmp_path / "tiny-gpt2", tiny_model)), dtype="float32", threads=1), tmp_path)
    ids = prompts(model)
    wanted = [reference(model, i, CONFIG.max_new_tokens) for i in ids]
    got = answer(model, ids, BatchPolicy(max_rows=7, min_shared_prefix=least_shared))
    assert [c.token_ids for c in got] == wanted and len(set(wanted)) > 1


@pytest.mark.parametrize("tokens", [1, 40, 90])
@pytest.mark.parametrize("least_shared", [1, 10_000])
def test_reading_prompts_in_groups_changes_no_answer(model, monkeypatch, tokens, least_shared):
    """E5. Prompts of like length are read together and answered with all others, with and without a shared beginning."""
    ids = prompts(model)
    monkeypatch.setitem(GROUP_TOKENS, "cpu", tokens)
    monkeypatch.setattr(torch.Tensor, "new_empty", lambda like, size: torch.full(size, torch.nan, dtype=like.dtype))
    got = answer(model, ids, BatchPolicy(max_rows=7, min_shared_prefix=least_shared))
    monkeypatch.undo()
    assert [c.token_ids for c in got] == [reference(model, i, CONFIG.max_new_tokens) for i in ids]


@pytest.mark.parametrize("tokens", [40, 10_000])
def test_a_batch_that_is_not_sorted_by_length_gives_the_same_answers(model, monkeypatch, tokens):
    """E5. Reading sorts by length; answers belong to the rows as they came."""
    ids = prompts(model)
    assert [len(i) for i in ids] != sorted(len(i) for i in ids)
    monkeypatch.setitem(GROUP_TOKENS, "cpu", tokens)
    got = model.generate(Batch(tuple(range(len(ids))), tuple(ids), 0), CONFIG)
    assert [c.token_ids for c in got] == [reference(model, i, CONFIG.max_new_tokens) for i in ids]


def test_the_order_of_prompts_changes_no_answer(model):
    """E5."""
    ids = prompts(model)
    there = answer(model, ids, BatchPolicy(max_rows=4))
    back = answer(model, ids[::-1], BatchPolicy(max_rows=4))[::-1]
    assert [c.token_ids for c in there] == [c.token_ids for c in back]


def test_a_computed_prefix_changes_no_answer(model):
    ids = prompts(model)
    shared = compose(ids, BatchPolicy(max_rows=4), 24)
    assert shared[0].shared > 16
    plain = answer(model, ids, BatchPolicy(max_rows=4, min_shared_prefix=10_000))
    assert [c.token_ids for c in answer(model, ids, BatchPolicy(max_rows=4))] == [c.token_ids for c in plain]


def test_log_probabilities_agree_with_one_forward_pass(model):
    """E5: within 1e-4 of the plain computation, for continuations of other lengths in one call."""
    prompt = prompts(model)[1]
    texts = ["yes", "no", "a much longer answer"]
    got = model.logprobs(prompt, [model.codec.completion_ids(t) for t in texts])
    for text, value in zip(texts, got, strict=True):
        ids = model.codec.completion_ids(text)
        with torch.no_grad():
            logits = model.module(torch.tensor([prompt + ids])).logits[0].log_softmax(-1)
        plain = sum(float(logits[len(prompt) - 1 + i, token]) for i, token in enumerate(ids))
        assert value == pytest.approx(plain, abs=1e-4)


def test_the_models_own_generation_config_does_not_leak_in(model):
    """E21. A repository that asks for sampling and a repetition penalty changes nothing."""
    ids = prompts(model)
    before = answer(model, ids, BatchPolicy())
    config = model.module.generation_config
    kept = (config.do_sample, config.repetition_penalty, config.temperature)
    config.do_sample, config.repetition_penalty, config.temperature = True, 5.0, 2.0
    try:
        assert answer(model, ids, BatchPolicy()) == before
    finally:
        config.do_sample, config.repetition_penalty, config.temperature = kept


def test_two_greedy_runs_are_equal_and_sampling_repeats_with_its_seed(model):
    """E21."""
    ids = prompts(model)
    assert answer(model, ids, BatchPolicy()) == answer(model, ids, BatchPolicy())
    sampled = GenerationConfig(max_new_tokens=24, temperature=1.5, top_p=0.9, seed=3)
    once = answer(model, ids, BatchPolicy(), sampled)
    assert once == answer(model, ids, BatchPolicy(), sampled)
    assert once != answer(model, ids, BatchPolicy(), sampled.model_copy(update={"seed": 4}))


def test_any_stop_id_ends_an_answer_and_the_reason_is_kept(model):
    """E4, E8. A cut answer says so; an ended one keeps its stop id among the ids and out of the text."""
    ids = prompts(model)[:1]
    free = answer(model, ids, BatchPolicy())[0]
    assert free.finish_reason == "length" and len(free.token_ids) == 24
    later = next(i for i, token in enumerate(free.token_ids) if i and token not in free.token_ids[:i])
    model.codec.stops = model.codec.stops | {free.token_ids[later]}
    try:
        cut = answer(model, ids, BatchPolicy())[0]
    finally:
        model.codec.stops = model.codec.stops - {free.token_ids[later]}
    assert cut.finish_reason == "stop" and cut.token_ids == free.token_ids[: later + 1]


def test_the_stream_ends_with_the_answer_of_a_batch_of_one(model):
    ids = prompts(model)[2]
    assert list(model.stream(ids, CONFIG))[-1] == model.generate(Batch((0,), (ids,), 0), CONFIG)[0].text


def test_memory_errors_are_known_by_type_and_by_text(model, monkeypatch):
    """F10. CUDA has a type of its own; HIP, MPS and the CPU's allocator only have words."""
    assert is_out_of_memory(RuntimeError("HIP out of memory. Tried to allocate 2 GiB"))
    assert is_out_of_memory(RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory"))
    assert not is_out_of_memory(RuntimeError("shape mismatch"))
    batch = Batch((0,), (prompts(model)[0],), 0)
    for error in (torch.OutOfMemoryError("CUDA"), RuntimeError("MPS backend out of memory")):

        def fail(*args, error=error, **kwargs):
            raise error

        monkeypatch.setattr(type(model.module), "forward", fail)
        with pytest.raises(OutOfMemory):
            model.generate(batch, CONFIG)
    monkeypatch.setattr(type(model.module), "forward", lambda *a, **k: (_ for _ in ()).throw(RuntimeError("a bug")))
    with pytest.raises(RuntimeError, match="a bug"):
        model.generate(batch, CONFIG)


@pytest.mark.real
def test_the_embedded_model_answers_in_batches_as_one_by_one(models_home):
    """The real 135M model in fp32: batched, prefix-shared generation writes the ids of `transformers.generate`."""
    model = load_model(ModelSpec(dtype="float32"), models_home)
    config = GenerationConfig(max_new_tokens=16)
    ids = prompts(model)
    assert compose(ids, BatchPolicy(max_rows=4), 16)[0].shared > 16
    got = answer(model, ids, BatchPolicy(max_rows=4), config)
    assert [c.token_ids for c in got] == [reference(model, i, 16) for i in ids]
