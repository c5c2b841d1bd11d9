"""The end of a model card: code that loads the weights of each sort, and the words to ask in."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from comparison.card_use import how_to_use


def told(folder: Path, kind: str = "lora", *, whole: bool = False, **spec: object) -> str:
    text = how_to_use(kind, spec, "me/base", folder, whole=whole)
    code = text.partition("```python\n")[2].partition("```")[0]
    compile(code, "card", "exec")
    return text


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("classifier", "head.safetensors"),
        ("tuned_encoder", "encoder.load_state_dict"),
        ("qlora", "load_in_4bit=True"),
        ("lora", "PeftModel"),
    ],
)
def test_each_sort_of_weights_is_loaded_by_code_of_its_own(tmp_path: Path, kind: str, said: str) -> None:
    text = told(tmp_path, kind)
    assert said in text and "me/base" in text
    assert ("BitsAndBytesConfig" in text) == (kind == "qlora")


def test_an_encoder_decoder_is_named_by_its_own_class(tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text(json.dumps({"task_type": "SEQ_2_SEQ_LM"}))
    assert "AutoModelForSeq2SeqLM.from_pretrained" in told(tmp_path)
    (tmp_path / "adapter_config.json").unlink()
    (tmp_path / "config.json").write_text(json.dumps({"is_encoder_decoder": True}))
    assert 'AutoModelForSeq2SeqLM.from_pretrained("FOLDER")' in told(tmp_path, "full", whole=True)


def test_the_words_to_ask_in_are_those_of_training(tmp_path: Path) -> None:
    assert "as the system turn." in told(tmp_path)
    assert "Alpaca prompt" in told(tmp_path, template="alpaca")
    assert told(tmp_path, with_retrieval=True).endswith("with retrieved passages in the prompt.")
