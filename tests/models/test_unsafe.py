"""F23: nothing in a model folder, in an adapter's folder or in a typed path runs code or is unpickled."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest

from core.errors import MethodError, ModelError
from models.weights import embedded_file, locate

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("core", "models", "retrieval", "training", "adapters", "evaluation", "comparison", "ui")
PLAIN = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "_name_or_path": "somebody/base", "attn_implementation": "sdpa"}


def folder(place: Path, config: Any = PLAIN, **files: Any) -> Path:
    """A model folder with empty weights; `files` by name with `__` for the dot are written beside them, JSON where they are no text."""
    place.mkdir(parents=True, exist_ok=True)
    for name, content in {"config__json": config, "model__safetensors": "", **files}.items():
        if content is not None:
            (place / name.replace("__", ".")).write_text(content if isinstance(content, str) else json.dumps(content))
    return place


def refusal(place: Path) -> str:
    with pytest.raises(ModelError) as error:
        locate(str(place), None, place)
    return str(error.value)


def test_an_ordinary_folder_is_taken(tmp_path: Path) -> None:
    """F23: what a Hub model usually says about itself is no reason to refuse it."""
    usual = {**PLAIN, "_attn_implementation_autoset": True, "rope_scaling": {"factor": 2.0}, "id2label": {"0": "no"}, "auto_map": None}
    shards = {"metadata": {"total_size": 1}, "weight_map": {"a": "model-00001-of-00002.safetensors"}}
    marked = {"bos_token": {"__type": "AddedToken", "content": "<s>"}}
    made = folder(
        tmp_path / "usual",
        usual,
        tokenizer_config__json=marked,
        model__safetensors__index__json=shards,
        pytorch_model__bin="pickle beside safetensors",
    )
    assert locate(str(made), None, tmp_path).folder == made
    assert locate("embedded/all-minilm-l6-v2", None, tmp_path).folder == embedded_file("embedded/all-minilm-l6-v2")


@pytest.mark.parametrize("file", ["pytorch_model.bin", "model.pt", "weights.pkl", "model.ckpt"])
def test_a_folder_with_pickled_weights_alone_is_refused(tmp_path: Path, file: str) -> None:
    """F23."""
    made = folder(tmp_path, model__safetensors=None)
    (made / file).write_bytes(b"\x80\x04.")
    assert "no safetensors weights. Pickled weights are never loaded" in refusal(made)


@pytest.mark.parametrize(
    ("setting", "named"),
    [
        ({"auto_map": {"AutoModel": "evil.Model"}}, "auto_map"),
        ({"text_config": {"auto_map": {"AutoConfig": "evil--x.Config"}}}, "auto_map"),
        ({"custom_pipelines": {"x": {"impl": "evil.Pipeline"}}}, "custom_pipelines"),
        ({"_attn_implementation_internal": "evil/kernel"}, "_attn_implementation_internal"),
        ({"vision_config": [{"_attn_implementation_internal": "evil/kernel"}]}, "_attn_implementation_internal"),
        ({"_experts_implementation_internal": "evil/kernel"}, "_experts_implementation_internal"),
        ({"attn_implementation": "evil/kernel"}, "attn_implementation"),
        ({"_attn_implementation": {"text_config": "evil/kernel"}}, "_attn_implementation"),
        ({"__class__": "x"}, "__class__"),
    ],
)
def test_a_config_that_names_code_or_a_private_setting_is_refused(tmp_path: Path, setting: dict[str, Any], named: str) -> None:
    """F23: `auto_map`, kernels to download (CVE-2026-4372) at any depth; private names are allowed one by one."""
    assert f"({named} in config.json)" in refusal(folder(tmp_path, {**PLAIN, **setting}))


@pytest.mark.parametrize("file", ["tokenizer_config__json", "generation_config__json"])
def test_the_smaller_configs_are_read_as_strictly(tmp_path: Path, file: str) -> None:
    """F23: a tokenizer may be code of the repository, too."""
    assert "asks to run code" in refusal(folder(tmp_path, **{file: {"auto_map": {"AutoTokenizer": ["evil.Tokenizer", None]}}}))


@pytest.mark.parametrize("shard", ["pytorch_model-00001.bin", "../other/model.safetensors", "/etc/model.safetensors"])
def test_an_index_cannot_lead_to_a_pickle_or_out_of_the_folder(tmp_path: Path, shard: str) -> None:
    """F23: transformers reads a shard by its ending, whatever it was asked for."""
    assert "not safetensors of its own folder" in refusal(folder(tmp_path, model__safetensors__index__json={"weight_map": {"a": shard}}))


def test_a_folder_with_an_adapter_cannot_lead_to_another_base(tmp_path: Path) -> None:
    """F23: transformers would load the base that an adapter names, and the adapter itself from a pickle."""
    made = folder(tmp_path, adapter_config__json={"base_model_name_or_path": "evil/base"}, adapter_model__bin="pickle")
    assert "holds an adapter" in refusal(made)


@pytest.mark.parametrize("module", ["evil.Module", "os.path"])
def test_an_embedder_cannot_bring_a_module_of_its_own(tmp_path: Path, module: str) -> None:
    """F23: sentence-transformers imports the classes that modules.json names."""
    assert "made of a part" in refusal(folder(tmp_path, modules__json=[{"path": "", "type": module}]))


def test_an_embedders_part_with_pickled_weights_is_refused(tmp_path: Path) -> None:
    """F23."""
    made = folder(tmp_path, modules__json=[{"path": "2_Dense", "type": "sentence_transformers.models.Dense"}])
    (made / "2_Dense").mkdir()
    (made / "2_Dense" / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    assert "2_Dense" in refusal(made)
    (made / "2_Dense" / "model.safetensors").write_bytes(b"")
    assert locate(str(made), None, tmp_path).folder == made


@pytest.mark.parametrize("content", ["{", "[]", "[" * 100_000, '"text"'])
def test_a_config_that_is_none_is_one_plain_message(tmp_path: Path, content: str) -> None:
    """F23."""
    assert "config.json of model" in refusal(folder(tmp_path, content))


def test_an_adapter_with_a_pickle_is_never_read(tmp_path: Path) -> None:
    """F23: also `tests/training/test_loop.py`, with a real one."""
    from models.adapter_weights import refuse_pickle

    (tmp_path / "adapter_config.json").write_text("{}")
    (tmp_path / "adapter_model.bin").write_bytes(b"\x80\x04.")
    with pytest.raises(MethodError, match=r"not safetensors.*pickled weights are never loaded"):
        refuse_pickle(tmp_path)


def sources() -> list[tuple[str, ast.Module]]:
    paths = [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]
    return [(str(path.relative_to(ROOT)), ast.parse(path.read_text(encoding="utf-8"))) for path in paths]


def unsafe_calls(tree: ast.Module) -> list[str]:
    """Calls that unpickle or run what they are given, and any `trust_remote_code` that is not the word False."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            if re.search(
                r"(^|\.)(pickle|cloudpickle|dill|joblib|shelve)\.|^torch\.load$|read_pickle$|^(eval|exec|compile)$|^yaml\.(load|unsafe)",
                name,
            ):
                found.append(f"{node.lineno}: {name}")
            for word in node.keywords:
                wrong = {"trust_remote_code": "False", "allow_pickle": "False", "weights_only": "True", "shell": "False"}
                if word.arg in wrong and ast.unparse(word.value) != wrong[word.arg]:
                    found.append(f"{node.lineno}: {word.arg}={ast.unparse(word.value)}")
    return found


def test_no_line_of_ours_unpickles_or_trusts_code_whatever_path_a_user_types() -> None:
    """F22, F23: no `torch.load`, no pickle, no `trust_remote_code=True`, no shell, in any folder."""
    assert {name: calls for name, tree in sources() if (calls := unsafe_calls(tree))} == {}


@pytest.mark.parametrize(
    "line", ["torch.load(path)", "pickle.loads(x)", "f(trust_remote_code=flag)", "np.load(p, allow_pickle=True)", "run(c, shell=True)"]
)
def test_a_planted_unsafe_call_is_found(line: str) -> None:
    assert len(unsafe_calls(ast.parse(line))) == 1
