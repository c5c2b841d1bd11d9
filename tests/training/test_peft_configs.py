"""What tells the kinds that peft adds from each other: the scale of the update, learnt lengths, factors; and what of the base is trained: nothing."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoModelForCausalLM

from training.peft_configs import kinds


def made(kind: str, tiny_model: Path, **settings: Any) -> Any:
    base = AutoModelForCausalLM.from_pretrained(tiny_model).requires_grad_(False)
    return kinds.get(kind).wrap(base, kinds.get(kind).Settings(**settings))


def trained(model: Any) -> dict[str, Any]:
    return {name: weight for name, weight in model.named_parameters() if weight.requires_grad}


@pytest.mark.parametrize(("kind", "scale"), [("lora", 16 / 4), ("dora", 16 / 4), ("rslora", 16 / math.sqrt(4))])
def test_the_update_is_scaled_by_alpha_over_rank_and_for_rslora_over_its_root(kind: str, scale: float, tiny_model: Path) -> None:
    layers = [module for module in made(kind, tiny_model, rank=4, alpha=16).modules() if hasattr(module, "lora_A")]
    assert len(layers) == 2 * 7, "two layers of seven matrices each, and not the output head"
    assert {layer.scaling["default"] for layer in layers} == {scale}


def test_dora_alone_learns_the_length_of_each_column(tiny_model: Path) -> None:
    lengths = {kind: [n for n in trained(made(kind, tiny_model, rank=2)) if "magnitude" in n] for kind in ("lora", "rslora", "dora")}
    assert {kind: len(names) for kind, names in lengths.items()} == {"lora": 0, "rslora": 0, "dora": 14}


def test_ia3_learns_one_factor_for_each_key_value_and_inner_feature_which_all_begin_as_1(tiny_model: Path) -> None:
    factors = trained(made("ia3", tiny_model))
    assert {name.split(".")[-3] for name in factors} == {"k_proj", "v_proj", "down_proj"}
    assert all(bool((weight == 1).all()) for weight in factors.values())
    assert sum(weight.numel() for weight in factors.values()) == 2 * (32 + 32 + 128)


@pytest.mark.parametrize("kind", ["lora", "rslora", "dora", "ia3"])
def test_no_weight_of_the_base_is_trained(kind: str, tiny_model: Path) -> None:
    names = [name for name in trained(made(kind, tiny_model))]
    assert names and all("lora_" in name or "ia3_" in name for name in names)
