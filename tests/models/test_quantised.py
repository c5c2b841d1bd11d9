"""Base weights in 8 and 4 bits: what they are called, how much they weigh, and that one base is in memory at a time."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path
from typing import Any

import pytest
import torch

from comparison.loaded import Loaded
from core import versions
from core.errors import ModelError
from core.records import Message
from models import quantised
from models.base import Batch, GenerationConfig
from models.loading import ModelSpec, identify, load_model

SHORT = GenerationConfig(max_new_tokens=6)
HELD = ("auto", "int8", "nf4")


@pytest.fixture(scope="module")
def specs(tiny_model: Path) -> dict[str, ModelSpec]:
    pytest.importorskip("bitsandbytes")
    return {held: ModelSpec(id=str(tiny_model), dtype="float32", threads=1, weights=held) for held in HELD}  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def models(specs: dict[str, ModelSpec], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return {held: load_model(spec, tmp_path_factory.mktemp("home")) for held, spec in specs.items()}


def test_fewer_bits_are_fewer_bytes_and_near_answers(models: dict[str, Any]) -> None:
    """The bytes are those of the tensors as they are held; the embedding and the head keep their number type."""
    bytes_of = {held: model.weight_bytes() for held, model in models.items()}
    assert bytes_of["nf4"] < bytes_of["int8"] < bytes_of["auto"] == sum(p.nbytes for p in models["auto"].module.parameters())
    ids = torch.tensor([models["auto"].codec.prompt_ids([Message("user", "My stove went window-side up")])])
    with torch.inference_mode():
        logits = {held: model.module(input_ids=ids).logits for held, model in models.items()}
    spread = logits["auto"].std()
    errors = {held: float((logits[held] - logits["auto"]).abs().mean() / spread) for held in HELD}
    assert 0 < errors["int8"] < 0.05 and errors["int8"] < errors["nf4"] < 0.5


def test_a_quantised_base_gives_the_same_answers_twice_and_in_any_batch(models: dict[str, Any]) -> None:
    """E5: rows do not depend on who shares their batch, where the number type is float32 and 4 bits are only how weights are held."""
    model = models["nf4"]
    prompts = [model.codec.prompt_ids([Message("user", text)]) for text in ("Why?", "Count to five.", "Name the longest river, please.")]
    together = model.generate(Batch((0, 1, 2), tuple(prompts), 0), SHORT)
    assert together == model.generate(Batch((0, 1, 2), tuple(prompts), 0), SHORT)
    assert together == [model.generate(Batch((0,), (ids,), 0), SHORT)[0] for ids in prompts]


def test_how_weights_are_held_is_part_of_the_models_identity(specs: dict[str, ModelSpec], tmp_path: Path, monkeypatch: Any) -> None:
    """E22: by another version of the library, too; an unquantised model's identity is what it was before there were others."""
    found = {held: identify(spec, tmp_path) for held, spec in specs.items()}
    assert len(set(found.values())) == 3 and found["auto"].dtype == "float32"
    monkeypatch.setattr(versions, "installed", lambda name: "0.0.1")
    later = {held: identify(spec, tmp_path) for held, spec in specs.items()}
    assert {held for held in HELD if later[held] == found[held]} == {"auto"}


def test_of_a_base_that_is_held_in_several_ways_one_is_in_memory(specs: dict[str, ModelSpec], tmp_path: Path) -> None:
    loaded = Loaded(specs["auto"], tmp_path)
    small = loaded.held_in("nf4")
    first: Any = loaded.model()
    gone = weakref.ref(first.module)
    assert small.weight_bytes(None) == 0 < loaded.weight_bytes(None)
    del first
    second: Any = small.model()
    gc.collect()
    assert gone() is None
    assert second.identity == identify(specs["nf4"], tmp_path)
    assert loaded.codec() is small.codec()
    assert small.model() is second and loaded.model() is not second


def test_a_library_that_is_not_installed_is_named_with_the_command(tiny_model: Path, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(versions, "installed", lambda name: None)
    for held in ("int8", "nf4"):
        with pytest.raises(
            ModelError, match=rf"weights: {held} needs the library bitsandbytes, which is not installed.*pip install bitsandbytes"
        ):
            identify(ModelSpec(id=str(tiny_model), weights=held), tmp_path)  # type: ignore[arg-type]
    assert identify(ModelSpec(id=str(tiny_model)), tmp_path).dtype in ("float32", "bfloat16")


def test_a_fake_model_has_no_weights_to_hold() -> None:
    with pytest.raises(ModelError, match="needs a model with weights; got fake/echo"):
        identify(ModelSpec(id="fake/echo", weights="nf4"), Path("nowhere"))
    assert quantised.stated("float32", "auto") == "float32"
