"""Methods' names as people say them, the same on the page, in the terminal, in exports and in sentences. Keys of JSON and CSV stay as they are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

KIND_WORDS = {
    "zero_shot": "Zero-shot",
    "few_shot": "Few-shot",
    "rag": "RAG",
    "lora": "LoRA",
    "lora_rag": "LoRA + retrieval",
    "rslora": "rsLoRA",
    "dora": "DoRA",
    "qlora": "QLoRA",
    "ia3": "IA3",
    "prompt_tuning": "Prompt tuning",
    "prefix_tuning": "Prefix tuning",
    "nearest": "Nearest answer",
    "classifier": "Encoder classifier",
    "tuned_encoder": "Tuned encoder",
    "full": "Full fine-tuning",
    "scratch": "From scratch",
    "dpo": "DPO",
    "grpo": "GRPO",
}

PLAIN = frozenset({"full", "scratch", "nearest", "classifier"})
"""Kinds whose keys are words of the language, too: within sentences they stay as they are."""
_HELD = "(?:_(int8|nf4))?"
_IN_SENTENCES = re.compile(rf"\b({'|'.join(sorted(KIND_WORDS.keys() - PLAIN, key=len, reverse=True))}){_HELD}\b", flags=re.IGNORECASE)
_NUMBERED = re.compile(rf"({'|'.join(KIND_WORDS)})-(\d+)")


def method_label(method: Mapping[str, Any]) -> str:
    """A method's name for people: the kind in words, numbered where there are several, or the name that somebody gave it."""
    name, kind = str(method["name"]), str(method.get("kind", ""))
    if name == kind or name in KIND_WORDS:
        return KIND_WORDS.get(name, name.replace("_", " ").capitalize())
    if held := re.fullmatch(rf"{re.escape(kind)}_(int8|nf4)", name):
        return f"{KIND_WORDS.get(kind, kind)} in {held[1]}"
    if name == f"{kind}_rag":
        return f"{KIND_WORDS.get(kind, kind)} + retrieval"
    numbered = _NUMBERED.fullmatch(name)
    return f"{KIND_WORDS[numbered[1]]} {numbered[2]}" if numbered else name.replace("_", " ")


def said(label: str) -> str:
    """A label within a sentence: "Zero-shot" becomes "zero-shot", "RAG" stays."""
    return label[0].lower() + label[1:] if label[1:].partition(" ")[0].endswith("-shot") else label


def sentence_names(methods: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Names within sentences by key, for `evaluation.verdict`."""
    return {str(method["name"]): said(method_label(method)) for method in methods}


def in_words(text: str) -> str:
    """A sentence with keys turned into names: "zero_shot" becomes "zero-shot", or "Zero-shot" where it begins a sentence."""

    def word(found: re.Match[str]) -> str:
        label = KIND_WORDS[found[1].lower()] + (f" in {found[2].lower()}" if found[2] else "")
        begins = found.start() == 0 or text[: found.start()].rstrip()[-1:] in ".!?"
        return label if begins else said(label)

    return _IN_SENTENCES.sub(word, text)
