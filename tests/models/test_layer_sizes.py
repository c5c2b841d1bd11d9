"""Sizes of layers: stated by the config where that is enough, looked up in a model without weights where it is not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from models import layer_sizes
from models.layer_sizes import Layer, layer_under, least_stated
from models.loading import ModelSpec


def test_the_configs_own_sizes_settle_it_for_usual_ranks(tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tiny Llama's keys are 2 heads of 16: the smallest layer by its config and in fact."""
    spec = ModelSpec(id=str(tiny_model))
    assert layer_under(33, spec, tmp_path) == Layer("model.layers.0.self_attn.k_proj", 32)
    monkeypatch.setattr(layer_sizes, "without_weights", lambda folder: pytest.fail("the model was built"))
    assert layer_under(32, spec, tmp_path) is None


@pytest.mark.parametrize(
    ("config", "least"),
    [
        ({"hidden_size": 576, "num_attention_heads": 9, "num_key_value_heads": 3, "intermediate_size": 1536}, 192),
        ({"n_embd": 768, "num_attention_heads": 12}, 768),
        ({"d_model": 512, "d_kv": 64, "num_attention_heads": 6, "d_ff": 1024}, 384),
        ({"text_config": {"hidden_size": 64, "num_attention_heads": 4, "head_dim": 32}}, 64),
        ({"vocab_size": 10}, 0),
    ],
)
def test_sizes_are_read_under_the_names_that_configs_give_them(config: dict[str, object], least: int) -> None:
    assert least_stated(json.loads(json.dumps(config))) == least
