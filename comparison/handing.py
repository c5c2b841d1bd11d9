"""Trained weights handed to others: merged into a folder, as a zip, or pushed to the Hub. All three go with a model card.

Weights of a run that was stopped are handed out as well, with the epoch on their card and in their MANIFEST.
What leaves says what it was trained with and how it scored, and holds no path, no row and no text of the data. The Hub's client is injected, so
that tests send nothing; a token lives in it and nowhere else.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from comparison.card import base_name, card
from comparison.trained import TrainedMethod
from core.errors import PlanError, StoreError
from core.files import disk_errors, write_json, write_manifest, write_whole
from models.merging import Merged, merge, refuse, refuse_existing
from models.weights import HUB_ID
from models.whole_weights import ADAPTER_CONFIG

LEFT_HERE = frozenset({"MANIFEST.json", "job.json", "trainer.log", "preparation.json"})
PROBES = 4
FIRST_DAY = (1980, 1, 1, 0, 0, 0)  # of the zip format: the same weights are the same file


class HubClient(Protocol):
    """What is used of `huggingface_hub.HfApi`."""

    def create_repo(self, repo_id: str, *, private: bool, exist_ok: bool, repo_type: str) -> Any: ...

    def upload_folder(self, *, repo_id: str, folder_path: str, commit_message: str, repo_type: str) -> Any: ...


def hub_client(token: str | None = None) -> HubClient:
    """The real client. Without a token it takes the one of this machine's login (`hf auth login`, or HF_TOKEN)."""
    from huggingface_hub import HfApi

    client: HubClient = HfApi(token=token or None)
    return client


def merge_into(found: TrainedMethod, output: Path) -> Merged:
    """A folder with the merged model, its tokenizer and its card.

    Raises:
        PlanError: the output is there already.
        MethodError: it cannot be merged, or it would answer otherwise.
    """
    adapter = found.adapter
    refuse(adapter, output)
    setting = found.ready.setting
    prompts = found.method.bind(setting, found.paths).prompts(setting.train[:PROBES])  # type: ignore[union-attr]
    codec = found.ready.loaded.codec()
    model: Any = found.ready.loaded.model()
    with disk_errors(output):
        merged = merge(model, adapter, output, [codec.prompt_ids(prompt.messages) for prompt in prompts])
        write_whole(output / "README.md", card(found, merged=merged))
    return merged


def stage(found: TrainedMethod, folder: Path) -> None:
    """Everything that is handed out, in an empty folder, with a MANIFEST of its own."""
    for path in sorted(found.weights.iterdir()):
        if path.is_file() and path.name not in LEFT_HERE and not path.name.startswith("."):
            shutil.copyfile(path, folder / path.name)
    config = folder / ADAPTER_CONFIG
    if config.is_file():
        write_json(config, {**json.loads(config.read_text()), "base_model_name_or_path": base_name(found)})
    write_whole(folder / "README.md", card(found))
    about = {"kind": found.entry["kind"], "fingerprint": found.fingerprint, "comparison": found.report["name"]}
    write_manifest(folder, {**about, **({f"stopped_after_{found.stopped.unit}": found.stopped.epoch} if found.stopped else {})})


def zip_to(found: TrainedMethod, output: Path) -> int:
    """Write the zip; its bytes.

    Raises:
        PlanError: the output is there already, or is no zip's name.
        StoreError: the disk is full.
    """
    if output.suffix.lower() != ".zip":
        raise PlanError(f"--output must end in .zip; got {output.name}.", f"For example --output {output.name or 'adapter'}.zip.")
    refuse_existing(output)
    with disk_errors(output), tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        stage(found, folder)
        packed = output.with_name(f".{output.name}.tmp")
        try:
            with zipfile.ZipFile(packed, "w") as archive:
                for path in sorted(folder.iterdir()):
                    kind = zipfile.ZIP_STORED if path.suffix == ".safetensors" else zipfile.ZIP_DEFLATED
                    with path.open("rb") as source, archive.open(_entry(path, kind), "w", force_zip64=True) as target:
                        shutil.copyfileobj(source, target)
            packed.replace(output)
        finally:
            packed.unlink(missing_ok=True)
    return output.stat().st_size


def _entry(path: Path, kind: int) -> zipfile.ZipInfo:
    about = zipfile.ZipInfo(path.name, FIRST_DAY)
    about.compress_type, about.external_attr = kind, 0o644 << 16
    return about


def push(found: TrainedMethod, repo: str, client: Callable[[], HubClient], *, private: bool = True) -> str:
    """Put weights and card into a repository of the Hub, which is made where it does not exist; its address.

    Raises:
        PlanError: that is no repository's name.
        StoreError: the Hub cannot be reached, or does not take it.
    """
    if not HUB_ID.fullmatch(repo):
        raise PlanError(f"--repo must be organisation/name; got '{repo[:60]}'.", "For example --repo me/support-desk-lora.")
    with tempfile.TemporaryDirectory() as temporary:
        stage(found, Path(temporary))
        message = f"{found.entry['kind']} by Bakeoff" + (f", {found.stopped.words}" if found.stopped else "")
        try:
            hub = client()
            hub.create_repo(repo, private=private, exist_ok=True, repo_type="model")
            hub.upload_folder(repo_id=repo, folder_path=temporary, commit_message=message, repo_type="model")
        except Exception as error:
            raise _told(repo, error) from None
    return f"https://huggingface.co/{repo}"


def _told(repo: str, error: Exception) -> StoreError:
    """What the Hub's client raises, without its text: that may hold the request, and so the token."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status in (401, 403) or "Token" in type(error).__name__:
        return StoreError(
            f"The Hub does not let you write to {repo}.", "Give a token with write access to it; see huggingface.co/settings/tokens."
        )
    why = f"it answered {status}" if status else type(error).__name__
    return StoreError(f"{repo} could not be pushed to the Hub: {why}.", "Check the network and the name, and try again.")
