"""How trained weights are used by somebody who has the folder and a few libraries: the last part of a model card."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from models.whole_weights import ADAPTER_CONFIG, CONFIG

HEADS = frozenset({"classifier", "tuned_encoder"})
"""Kinds whose weights are of an encoder and its head, not of a language model."""

CLASSIFIER = """\
import json
from safetensors.numpy import load_file
from sentence_transformers import SentenceTransformer

labels = json.load(open("FOLDER/training.json"))["labels"]
head = load_file("FOLDER/head.safetensors")
vectors = SentenceTransformer("{base}").encode(["A text"], normalize_embeddings=True)
print(labels[int((vectors @ head["weights"].T + head["bias"])[0].argmax())])"""

ENCODER = """\
import json
from safetensors.torch import load_file
from sentence_transformers import SentenceTransformer

labels = json.load(open("FOLDER/training.json"))["labels"]
tensors = load_file("FOLDER/encoder.safetensors")
encoder = SentenceTransformer("{base}", device="cpu")
encoder.load_state_dict({{n.removeprefix("encoder."): t for n, t in tensors.items() if n.startswith("encoder.")}})
vectors = encoder.encode(["A text"], normalize_embeddings=True, convert_to_tensor=True)
print(labels[int((vectors @ tensors["head.weight"].T + tensors["head.bias"])[0].argmax())])"""

WHOLE = """\
from transformers import {model}, AutoTokenizer

model = {model}.from_pretrained("FOLDER")
tokenizer = AutoTokenizer.from_pretrained("FOLDER")"""

ADAPTER = """\
from peft import PeftModel
from transformers import {model}, AutoTokenizer

base = {model}.from_pretrained("{base}"{quantised})
model = PeftModel.from_pretrained(base, "FOLDER")
tokenizer = AutoTokenizer.from_pretrained("{base}")"""

QUANTISED = """, quantization_config=BitsAndBytesConfig(
    load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True)"""


def how_to_use(kind: str, spec: Mapping[str, Any], base: str, weights: Path, *, whole: bool) -> str:
    """Code to load it, and in which words to ask.

    Args:
        whole: it is a model of its own, or is merged into one.
        weights: the folder that was trained.
    """
    if kind in HEADS:
        code = (ENCODER if kind == "tuned_encoder" else CLASSIFIER).format(base=base)
        return f"```python\n{code}\n```\n\nGive it the text of a question as it stands in the data, without an instruction."
    model = "AutoModelForSeq2SeqLM" if _is_seq2seq(weights) else "AutoModelForCausalLM"
    code = (WHOLE if whole else ADAPTER).format(model=model, base=base, quantised=QUANTISED if kind == "qlora" else "")
    if kind == "qlora" and not whole:
        code = code.replace("import AutoModel", "import BitsAndBytesConfig, AutoModel", 1)
    return f"```python\n{code}\n```\n\n{_asked(spec)}"


def _is_seq2seq(weights: Path) -> bool:
    config = next((weights / name for name in (ADAPTER_CONFIG, CONFIG) if (weights / name).is_file()), None)
    told = json.loads(config.read_text(encoding="utf-8")) if config else {}
    return told.get("task_type") == "SEQ_2_SEQ_LM" or bool(told.get("is_encoder_decoder"))


def _asked(spec: Mapping[str, Any]) -> str:
    how = (
        "Ask with the Alpaca prompt as the only user turn of the tokenizer's chat template"
        if spec.get("template") == "alpaca"
        else "Ask in the tokenizer's chat template, with the task's instruction as the system turn"
    )
    return how + (", and with retrieved passages in the prompt." if spec.get("with_retrieval") else ".")
