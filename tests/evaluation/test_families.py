import pytest

from evaluation.families import families, family_warning

KNOWN = {
    "embedded/smollm2-135m-instruct": {"SmolLM"},
    "HuggingFaceTB/SmolLM3-3B": {"SmolLM"},
    "meta-llama/Llama-3.2-1B-Instruct": {"Llama"},
    "lmsys/vicuna-7b-v1.5": {"Llama"},
    "nvidia/Llama-3.1-Nemotron-70B-Instruct": {"Llama"},
    "Qwen/Qwen3-8B": {"Qwen"},
    "Qwen/QwQ-32B": {"Qwen"},
    "deepseek-ai/DeepSeek-R1-Distill-Qwen-7B": {"DeepSeek", "Qwen"},
    "deepseek-ai/DeepSeek-R1-Distill-Llama-8B": {"DeepSeek", "Llama"},
    "mistralai/Mixtral-8x7B-Instruct-v0.1": {"Mistral"},
    "HuggingFaceH4/zephyr-7b-beta": {"Mistral"},
    "google/gemma-3-4b-it": {"Gemma and Gemini"},
    "gemini-2.5-flash": {"Gemma and Gemini"},
    "gpt-4o-mini": {"GPT"},
    "openai/gpt-oss-20b": {"GPT"},
    "o3-mini": {"GPT"},
    "openai-community/gpt2": {"GPT-2"},
    "EleutherAI/gpt-neox-20b": {"Pythia and GPT-NeoX"},
    "claude-sonnet-4-5": {"Claude"},
    "microsoft/Phi-3.5-mini-instruct": {"Phi"},
    "CohereLabs/c4ai-command-r-v01": {"Command"},
    "tiiuae/falcon-7b-instruct": {"Falcon"},
    "allenai/OLMo-2-1124-7B": {"OLMo"},
    "ibm-granite/granite-3.3-2b-instruct": {"Granite"},
    "01-ai/Yi-1.5-9B-Chat": {"Yi"},
    "THUDM/glm-4-9b-chat": {"GLM"},
    "google/flan-t5-base": {"T5"},
    "facebook/opt-125m": {"OPT"},
    "bigscience/bloom-560m": {"BLOOM"},
    "bigcode/starcoder2-3b": {"StarCoder"},
    "my-company/support-model": set(),
    "fake/echo": set(),
}


@pytest.mark.parametrize("model", KNOWN)
def test_a_models_family_is_read_from_its_name(model: str) -> None:
    """E26"""
    assert families(model) == KNOWN[model]


@pytest.mark.parametrize(
    ("judge", "candidate", "words"),
    [
        ("embedded/smollm2-135m-instruct", "embedded/smollm2-135m-instruct", "very model"),
        ("HuggingFaceTB/SmolLM2-135M-Instruct", "embedded/smollm2-135m-instruct", "very model"),
        ("Qwen/Qwen3-32B", "Qwen/Qwen2.5-0.5B-Instruct", "one family (Qwen)"),
        ("deepseek-ai/DeepSeek-R1-Distill-Qwen-7B", "Qwen/Qwen3-8B", "one family (Qwen)"),
        ("gpt-4o", "Qwen/Qwen3-8B", ""),
        ("gpt-4o", "my-company/support-model", ""),
        ("my-company/judge", "my-company/support-model", ""),
    ],
)
def test_a_judge_of_the_candidates_own_family_is_warned_of(judge: str, candidate: str, words: str) -> None:
    """E26"""
    warning = family_warning(judge, candidate)
    assert (words in warning) if words else warning == ""
