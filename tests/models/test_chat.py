"""Messages to ids, for tokenizers with the special-token layouts of six model families (built here: the hub is not needed)."""

import json
import shutil

import pytest
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from core.records import Message
from models.chat import ChatCodec, load_codec

CHATML = (
    "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
LLAMA3 = (
    "{{ bos_token }}{% for m in messages %}{{ '<|start_header_id|>' + m.role + '<|end_header_id|>\n\n' + m.content + '<|eot_id|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}"
)
LLAMA2 = (
    "{% for m in messages %}{% if m.role == 'user' %}{{ bos_token + '[INST] ' + m.content + ' [/INST]' }}"
    "{% elif m.role == 'assistant' %}{{ ' ' + m.content + eos_token }}{% else %}{{ raise_exception('no system') }}{% endif %}{% endfor %}"
)
GEMMA = (
    "{{ bos_token }}{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    "{{ '<start_of_turn>' + ('model' if m.role == 'assistant' else m.role) + '\n' + m.content + '<end_of_turn>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}"
)
PHI = (
    "{% for m in messages %}{{ '<|' + m.role + '|>\n' + m.content + '<|end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}"
)
# family: template, special tokens, bos, eos, does the tokenizer itself add BOS, id name that ends a turn
FAMILIES = {
    "chatml without bos (Qwen, SmolLM)": (CHATML, ["<|im_start|>", "<|im_end|>"], None, "<|im_end|>", False, "<|im_end|>"),
    "llama 3, bos in template and tokenizer": (
        LLAMA3,
        ["<|begin|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>", "<|end_of_text|>"],
        "<|begin|>",
        "<|end_of_text|>",
        True,
        "<|eot_id|>",
    ),
    "llama 2, bos in each user turn": (LLAMA2, ["<s>", "</s>"], "<s>", "</s>", True, "</s>"),
    "gemma, no system role": (
        GEMMA,
        ["<bos>", "<eos>", "<start_of_turn>", "<end_of_turn>"],
        "<bos>",
        "<eos>",
        True,
        "<end_of_turn>",
    ),
    "phi 3, bos by the tokenizer only": (
        PHI,
        ["<s>", "<|endoftext|>", "<|system|>", "<|user|>", "<|assistant|>", "<|end|>"],
        "<s>",
        "<|endoftext|>",
        True,
        "<|end|>",
    ),
    "base model without a template": (None, ["<|endoftext|>"], None, "<|endoftext|>", False, "<|endoftext|>"),
}


def build(family: str) -> PreTrainedTokenizerFast:
    template, special, bos, eos, adds_bos, _ = FAMILIES[family]
    vocabulary = {token: i for i, token in enumerate([*special, *sorted(pre_tokenizers.ByteLevel.alphabet())])}
    raw = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    raw.decoder = decoders.ByteLevel()
    raw.add_special_tokens([AddedToken(token, special=True) for token in special])
    if adds_bos:
        raw.post_processor = processors.TemplateProcessing(single=f"{bos} $A", special_tokens=[(bos, vocabulary[bos])])
    return PreTrainedTokenizerFast(tokenizer_object=raw, bos_token=bos, eos_token=eos, chat_template=template)


CHATS = {
    "zero shot": [Message("user", "What is a tide?")],
    "system": [Message("system", "Answer briefly."), Message("user", "What is a tide?")],
    "few shot": [
        Message("system", "Answer."),
        Message("user", "One?"),
        Message("assistant", "1"),
        Message("user", "Two?"),
    ],
    "passages": [Message("user", "Passages:\n[1] The sea rises.\n\nQuestion: What is a tide?")],
}


@pytest.fixture(params=FAMILIES)
def family(request):
    return request.param


@pytest.mark.parametrize("chat", CHATS)
def test_a_prompt_has_exactly_one_bos_where_the_family_has_one_and_none_where_not(family, chat):
    """E1. Llama 2 writes one before each user turn, which is its own format: there it is one at the start and one a turn."""
    tokenizer = build(family)
    ids = ChatCodec(tokenizer, "h").prompt_ids(CHATS[chat])
    bos = tokenizer.bos_token_id
    if bos is None:
        assert tokenizer.eos_token_id is not None and ids[0] != tokenizer.eos_token_id
        return
    turns = sum(m.role == "user" for m in CHATS[chat]) if family.startswith("llama 2") else 1
    assert ids[0] == bos and ids[1] != bos and ids.count(bos) == turns


def test_the_ids_of_a_training_row_begin_with_the_ids_of_the_inference_prompt(family):
    """E2. Also: the row says the same as the template does when it renders the answered chat."""
    codec = ChatCodec(build(family), "h")
    prompt, completion = codec.prompt_ids(CHATS["few shot"]), codec.completion_ids("2")
    row = (*prompt, *completion)
    assert row[: len(prompt)] == prompt and len(completion) == 2
    answered = codec._render([*CHATS["few shot"], Message("assistant", "2")], add_generation_prompt=False)
    rendered = codec.tokenizer(answered, add_special_tokens=False)["input_ids"]
    assert "".join(codec.text(row).split()) == "".join(codec.text(rendered).split())


def test_an_answer_ends_with_the_id_that_the_template_writes(family):
    """E3, E4. The end of a turn is supervised, and it is in the stop set beside EOS and what the generation config lists."""
    tokenizer = build(family)
    codec = ChatCodec(tokenizer, "h", generation_stops=[7])
    end = tokenizer.convert_tokens_to_ids(FAMILIES[family][5])
    assert codec.completion_ids("yes")[-1] == end
    assert codec.stops == {end, tokenizer.eos_token_id, 7}


@pytest.mark.parametrize(("listed", "more"), [([1, 9], {9}), (9, {9}), (None, set())])
def test_every_end_that_the_models_generation_config_lists_ends_an_answer(listed, more, tiny_model, tmp_path):
    """E4: read from the folder; several of them, one, or none."""
    folder = shutil.copytree(tiny_model, tmp_path / "model")
    (folder / "generation_config.json").write_text(json.dumps({"eos_token_id": listed}))
    codec = load_codec(folder)
    assert codec.stops == {codec.turn_end, *more}
    (folder / "generation_config.json").unlink()
    assert load_codec(folder).stops == {codec.turn_end}


def test_a_template_without_a_system_role_gets_the_system_text_before_the_first_question():
    codec = ChatCodec(build("gemma, no system role"), "h")
    assert "user\nAnswer briefly.\n\nWhat is a tide?<end_of_turn>" in codec.prompt_text(CHATS["system"])


def test_special_tokens_do_not_reach_the_answers_text(family):
    codec = ChatCodec(build(family), "h")
    assert codec.text(codec.completion_ids(" high water ")) == "high water"
