"""What a model folder from elsewhere may not hold: code, pickles, and settings that would have transformers load either.

transformers sets whatever it finds in a config as an attribute of it, private names too, and some of these name code: a class in the
repository (`auto_map`), a compiled kernel to download (`_attn_implementation_internal`, CVE-2026-4372). So private names are allowed one by
one, the settings that choose an implementation may name a built-in one only, and everything else is data. Weights are safetensors, wherever
an index or a module list points.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from core.errors import ModelError

PRIVATE = frozenset(
    {
        "_name_or_path",
        "_model_name_or_path",
        "_commit_hash",
        "_from_model_config",
        "_attn_implementation_autoset",
        "_num_labels",
        "_diffusers_version",
        "_sliding_window_pattern",
    }
)
"""Names with a leading underscore that a config may have; all others are refused."""
OF_CONFIGS = frozenset({"config.json", "generation_config.json"})  # a tokenizer's marks its tokens with "__type", which is data
CODE = frozenset({"auto_map", "custom_pipelines", "custom_code", "trust_remote_code", "use_kernels", "kernel_config"})
IMPLEMENTATIONS = frozenset({"attn_implementation", "experts_implementation", "_attn_implementation", "_experts_implementation"})
BUILT_IN = frozenset({None, "eager", "sdpa", "flash_attention_2", "flex_attention", "grouped_mm", "batched_mm"})
DEEPEST = 20
PICKLES = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".joblib", ".npy", ".npz", ".h5", ".msgpack")
MODULES = "sentence_transformers."


def refuse_unsafe(folder: Path, model_id: str) -> None:
    """Refuse a folder that cannot be loaded without trusting its author.

    Raises:
        ModelError: no config, a config that asks for code, an adapter in place of a model, or weights that are not safetensors.
    """
    if not (folder / "config.json").is_file():
        raise ModelError(f"The folder of model '{model_id}' has no config.json.", "Name a folder that `save_pretrained` wrote.")
    for name in ("config.json", "generation_config.json", "tokenizer_config.json", "processor_config.json", "preprocessor_config.json"):
        if (folder / name).is_file():
            _refuse_code(read_json(folder / name, model_id), model_id, name)
    if (folder / "adapter_config.json").is_file():
        raise ModelError(
            f"The folder of model '{model_id}' holds an adapter, which would load a base model of its own choice.",
            "Name the base model; adapters are trained here.",
        )
    if not any(folder.glob("*.safetensors")):
        raise ModelError(
            f"The model '{model_id}' has no safetensors weights.", "Pickled weights are never loaded; convert them to safetensors first."
        )
    _refuse_strange_shards(folder, model_id)
    _refuse_strange_modules(folder, model_id)


def read_json(path: Path, model_id: str) -> dict[str, Any]:
    """Raises:
    ModelError: it is not a JSON object.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{path.name} of model '{model_id}' is not JSON: {error}.", "Download or save the model again.") from error
    if not isinstance(found, dict):
        raise ModelError(
            f"{path.name} of model '{model_id}' must be a JSON object; got {type(found).__name__}.", "Download or save the model again."
        )
    return found


def _refuse_code(config: dict[str, Any], model_id: str, file: str) -> None:
    for key, value in _settings(config):
        if key in CODE and value not in (None, False, {}, []):
            raise ModelError(
                f"The model '{model_id}' asks to run code from its repository ({key} in {file}).",
                "Choose a model of an architecture that transformers knows.",
            )
        if key in IMPLEMENTATIONS and (not isinstance(value, str | None) or value not in BUILT_IN):
            raise ModelError(
                f"The model '{model_id}' asks for an implementation that is not built in ({key} in {file}).", f"Remove {key} from {file}."
            )
        if file in OF_CONFIGS and key.startswith("_") and key not in PRIVATE | IMPLEMENTATIONS:
            raise ModelError(
                f"The model '{model_id}' sets a private name of transformers ({key[:60]} in {file}).",
                f"Remove it from {file}, or choose another.",
            )


def _settings(value: Any, depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Every key with its value, at any depth. What lies deeper than any config is taken for a key that is refused."""
    if depth > DEEPEST:
        yield "_nested", value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield key, inner
            yield from _settings(inner, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            yield from _settings(inner, depth + 1)


def _refuse_strange_shards(folder: Path, model_id: str) -> None:
    """An index may name safetensors files of its own folder only."""
    for index in folder.glob("*.index.json"):
        shards = read_json(index, model_id).get("weight_map", {})
        names = set(shards.values()) if isinstance(shards, dict) else {""}
        strange = sorted(str(n) for n in names if not str(n).endswith(".safetensors") or Path(str(n)).name != str(n))
        if strange and index.name == "model.safetensors.index.json":
            raise ModelError(
                f"The model '{model_id}' lists weights that are not safetensors of its own folder ({strange[0][:60]}).",
                "Pickled weights are never loaded; convert them to safetensors first.",
            )


def _refuse_strange_modules(folder: Path, model_id: str) -> None:
    """A sentence-transformers folder lists the parts that it is made of: known ones, with safetensors where they have weights."""
    path = folder / "modules.json"
    if not path.is_file():
        return
    listed = json.loads(path.read_text(encoding="utf-8"))
    for part in listed if isinstance(listed, list) else [{}]:
        kind, place = str(part.get("type", "")), folder / str(part.get("path", ""))
        if not kind.startswith(MODULES) or not place.resolve().is_relative_to(folder.resolve()):
            raise ModelError(
                f"The model '{model_id}' is made of a part that sentence-transformers does not bring along ({kind[:60]}).",
                "Choose an embedder without code of its own.",
            )
        pickled = place.is_dir() and any(p.suffix in PICKLES for p in place.iterdir())
        if pickled and not any(place.glob("*.safetensors")):
            raise ModelError(
                f"The part {place.name} of model '{model_id}' has no safetensors weights.",
                "Pickled weights are never loaded; convert them first.",
            )
