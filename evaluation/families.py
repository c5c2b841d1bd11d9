"""Which family a model belongs to, by its name: judges tend to prefer what their own kind writes (Panickssery et al. 2024).

A family is one maker's line of models with everything tuned or distilled from it, since that is what makes texts alike. A name that says
two ("DeepSeek-R1-Distill-Qwen") belongs to both. A name that says none is of no known family, and then nothing can be said.
"""

from __future__ import annotations

import re

FAMILIES: dict[str, str] = {
    "SmolLM": r"smol(lm|vlm)",
    "Llama": r"llama|vicuna|alpaca|nemotron|tulu|codellama|wizardlm",
    "Qwen": r"qwen|qwq|qvq",
    "Mistral": r"mi[sx]tral|ministral|magistral|codestral|devstral|pixtral|zephyr|mathstral|openorca",
    "Gemma and Gemini": r"gemma|gemini|palm-?2",
    "GPT": r"\bgpt-?[345o]|chatgpt|\bo[134](-mini|-preview|-pro)?\b|gpt-oss|davinci",
    "Claude": r"claude",
    "DeepSeek": r"deepseek",
    "Phi": r"\bphi-?[1-9]|phi-mini|phi-moe",
    "Command": r"command-(r|a)|aya-|c4ai|tiny-aya",
    "Falcon": r"falcon",
    "OLMo": r"olmo",
    "Granite": r"granite",
    "Yi": r"\byi-(1\.5-)?\d|\byi-(large|lightning|coder)",
    "GLM": r"\b(chat)?glm-?\d|glm-z1",
    "Kimi": r"kimi|moonlight",
    "Grok": r"grok",
    "InternLM": r"internlm",
    "MiniCPM": r"minicpm",
    "EXAONE": r"exaone",
    "Jamba": r"jamba",
    "Nova": r"amazon.*nova|\bnova-(micro|lite|pro|premier)",
    "Pythia and GPT-NeoX": r"pythia|gpt-neox|dolly|gpt-j|stablelm-base-alpha",
    "GPT-2": r"\bgpt-?2|distilgpt2",
    "BLOOM": r"bloom",
    "OPT": r"\bopt-(125m|350m|1\.3b|2\.7b|6\.7b|13b|30b|66b)",
    "T5": r"\b(flan-)?t5\b|flan-ul2",
    "StarCoder": r"starcoder|starchat",
    "LFM": r"\blfm-?\d",
}


def families(model_id: str) -> set[str]:
    """The families that a model's name speaks of; empty where it speaks of none.

    Args:
        model_id: a Hub id, a folder's name, or a server's name of the model.
    """
    text = model_id.lower().replace("_", "-")
    return {name for name, pattern in FAMILIES.items() if re.search(pattern, text)}


def family_warning(judge: str, candidate: str) -> str:
    """What a reader should know of the judge's kinship with the model that it judges; "" where there is nothing to say."""
    if _plain(judge) == _plain(candidate):
        return "The judge is the very model whose answers it marks: it may prefer what it would write itself."
    shared = sorted(families(judge) & families(candidate))
    if shared:
        return f"Judge and judged model are of one family ({shared[0]}): such judges tend to prefer their own kind."
    return ""


def _plain(model_id: str) -> str:
    return re.sub(r"[^a-z0-9]", "", model_id.lower().rstrip("/").rpartition("/")[2])
