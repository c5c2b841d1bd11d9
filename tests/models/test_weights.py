"""Where models come from: what is found, what is refused, and what a revision depends on."""

import json
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from core.errors import ModelError
from core.files import write_manifest
from core.records import Message
from models import device, weights
from models.loading import DEFAULT_EMBEDDER, ModelSpec, identify, load_codec, load_embedder, load_model
from models.weights import folder_revision, locate


def folder(tmp_path: Path, config: dict, *files: str) -> Path:
    (tmp_path / "config.json").write_text(json.dumps(config))
    for name in files:
        (tmp_path / name).write_bytes(b"x")
    return tmp_path


@pytest.mark.parametrize(
    ("model_id", "said"),
    [
        ("embedded/smollm", "Did you mean 'embedded/smollm2-135m-instruct'"),
        ("./not/here", "there is no folder './not/here'"),
        ("no slash", "must be an embedded model, a folder or a Hub id"),
        ("a/b; rm -rf x", "must be an embedded model, a folder or a Hub id"),
        ("../../etc/passwd", "there is no folder"),
    ],
)
def test_a_model_id_that_isnt_there_is_refused_plainly(model_id, said, tmp_path):
    """F22."""
    with pytest.raises(ModelError) as error:
        locate(model_id, None, tmp_path)
    assert said in str(error.value)


def test_pickled_weights_and_code_in_a_repository_are_refused(tmp_path):
    """F23."""
    (tmp_path / "a").mkdir(), (tmp_path / "b").mkdir(), (tmp_path / "c").mkdir()
    for made, said in [
        (folder(tmp_path / "a", {}, "pytorch_model.bin"), "no safetensors"),
        (folder(tmp_path / "b", {"auto_map": {"AutoModel": "evil.Model"}}, "model.safetensors"), "asks to run code"),
        (tmp_path / "c", "no config.json"),
    ]:
        with pytest.raises(ModelError, match=said):
            locate(str(made), None, tmp_path)


def test_a_hub_that_cannot_be_reached_is_said_with_the_way_out(tmp_path, monkeypatch):
    from huggingface_hub.errors import LocalEntryNotFoundError

    asked = []

    def offline(model_id, **options):
        asked.append(model_id)
        raise LocalEntryNotFoundError("offline")

    monkeypatch.setattr("huggingface_hub.snapshot_download", offline)
    with pytest.raises(ModelError, match="Hub cannot be reached"):
        locate("somebody/something", "main", tmp_path)
    monkeypatch.setattr(weights, "embedded_file", lambda model_id: None)
    with pytest.raises(ModelError, match="requirements-embedded"):
        locate("embedded/smollm2-135m-instruct", None, tmp_path)
    assert asked == ["somebody/something", "HuggingFaceTB/SmolLM2-135M-Instruct"]


def test_a_folders_revision_changes_with_its_content_alone(tmp_path):
    """E22."""
    made = folder(tmp_path, {"x": 1}, "model.safetensors")
    first = folder_revision(made)
    assert folder_revision(made) == first
    (made / "notes.md").write_text("nothing to do with the model")
    os.utime(made / "config.json", (1, 1))
    renamed = folder_revision(made)
    (made / "config.json").write_text('{"x": 2}')
    changed = folder_revision(made)
    (made / "model.safetensors").write_bytes(b"yy")
    assert len({renamed, changed, folder_revision(made)}) == 3


def test_the_identity_is_known_without_loading_weights(tiny_model, tmp_path, monkeypatch):
    spec = ModelSpec(id=str(tiny_model), dtype="float32", threads=1)
    loaded = load_model(spec, tmp_path).identity
    monkeypatch.setattr("models.transformers_backend.load_weights", None)
    assert identify(spec, tmp_path) == loaded
    assert loaded.context_length == 1024 and loaded.threads == 1 and loaded.dtype == "float32"
    assert identify(spec.model_copy(update={"dtype": "bfloat16"}), tmp_path) != loaded


def test_a_chat_codec_needs_no_weights(tiny_model, tmp_path):
    codec = load_codec(ModelSpec(id=str(tiny_model)), tmp_path)
    assert codec.prompt_ids([Message("user", "hi")])[0] == 0 and codec.count("hi") == 2


def test_bfloat16_is_chosen_only_where_the_processor_states_it(tmp_path, monkeypatch):
    info = tmp_path / "cpuinfo"
    info.write_text("processor : 0\nflags\t\t: fpu avx2 avx512f\n")
    assert not device.cpu_flags(info) & device.FAST_BF16_FLAGS
    info.write_text("flags : avx512_bf16\n")
    assert device.cpu_flags(info) & device.FAST_BF16_FLAGS
    assert device.cpu_flags(tmp_path / "none") == set()
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    for flags, chosen in ((set(), "float32"), ({"amx_bf16"}, "bfloat16")):
        monkeypatch.setattr(device, "cpu_flags", lambda flags=flags: flags)
        assert device.choose().dtype == chosen
    assert device.choose("float32", 3) == ("cpu", "float32", 3)


@pytest.mark.real
def test_the_embedded_models_load_without_a_hub_and_the_second_time_at_once(models_home):
    """Goal of the set-up: unpacked once, then in a second."""
    first = load_model(ModelSpec(), models_home).identity
    begun = time.process_time()
    again = load_model(ModelSpec(), models_home)
    assert time.process_time() - begun < 5
    assert again.identity == first and first.context_length == 8192
    vectors = load_embedder(DEFAULT_EMBEDDER, models_home, 1).embed(["a boat", "a ship", "tax law"])
    assert vectors.shape == (3, 384) and vectors[0] @ vectors[1] > vectors[0] @ vectors[2]


def test_two_threads_that_want_the_model_at_once_unpack_it_once(tmp_path, monkeypatch):
    """Estimate and Launch, both clicked while the first call of all is still unpacking."""
    begun, asked = [], threading.Event()

    def slow(file: Path, target: Path) -> Path:
        begun.append(target)
        asked.wait(10)
        target.mkdir()
        (target / "config.json").write_text("{}")
        write_manifest(target, {})
        return target

    monkeypatch.setattr(weights, "_unpack", slow)

    def second() -> Path:
        asked.set()
        return weights.unpack_gguf(tmp_path / "m.gguf", tmp_path / "model")

    with ThreadPoolExecutor(2) as pool:
        found = [pool.submit(weights.unpack_gguf, tmp_path / "m.gguf", tmp_path / "model"), pool.submit(second)]
    assert [each.result() for each in found] == [tmp_path / "model"] * 2
    assert len(begun) == 1
