"""Taking a fine-tune along from the page: whose it is, how large it may be, and in whose name it is pushed."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from core.errors import PlanError, StoreError
from ui.context import Context
from ui.handlers import handing

KEY = "some-comparison/lora"


@pytest.fixture
def found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A fine-tune of this owner's, as `comparison.trained` finds it."""
    weights = tmp_path / "weights"
    weights.mkdir()
    (weights / "adapter_model.safetensors").write_bytes(b"x" * 1000)
    method = SimpleNamespace(weights=weights, entry={"name": "lora", "kind": "lora"}, file_name="lora")
    monkeypatch.setattr(handing, "own", lambda ctx, comparison_id: None)
    monkeypatch.setattr(handing, "trained", lambda store, comparison_id, name: method)
    return method


def test_nothing_chosen_and_what_is_somebody_elses_are_refused(ctx: Context) -> None:
    with pytest.raises(StoreError, match=r"no fine-tune to take along yet.*Launch one"):
        handing.archive(ctx, "")
    with pytest.raises(StoreError):
        handing.archive(ctx, KEY)


def test_the_browser_is_given_the_zip_by_its_name(ctx: Context, found: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def small(method: Any, output: Path) -> int:
        with zipfile.ZipFile(output, "w") as archive:
            archive.writestr("README.md", "card")
        return output.stat().st_size

    monkeypatch.setattr(handing, "zip_to", small)
    given = json.loads(handing.archive(ctx, KEY))
    assert given["name"] == "lora.zip"
    assert zipfile.ZipFile(io.BytesIO(base64.b64decode(given["data"]))).read("README.md") == b"card"


def test_weights_too_large_for_a_browser_name_the_command(ctx: Context, found: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handing, "MOST", 999)
    with pytest.raises(StoreError, match=r"python -m comparison adapter some-comparison lora --output lora\.zip"):
        handing.archive(ctx, KEY)


def test_where_several_people_use_the_app_nobody_pushes_in_the_machines_name(
    ctx: Context, found: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a token the client would take the login of the machine that the app runs on."""
    pushed: list[Any] = []

    def put(method: Any, repo: str, client: Any, *, private: bool) -> str:
        pushed.append((repo, client(), private))
        return f"https://huggingface.co/{repo}"

    monkeypatch.setattr(handing, "put", put)
    public = ctx._replace(settings=replace(ctx.settings, public=True))
    with pytest.raises(PlanError, match="A push needs a token of yours"):
        handing.push(public, KEY, "me/x", " ", True, client=lambda token: token)
    assert handing.push(ctx, KEY, " me/x ", "", True, client=lambda token: token) == "https://huggingface.co/me/x"
    handing.push(ctx, KEY, "me/x", " hf_mine ", False, client=lambda token: token)
    assert pushed == [("me/x", None, True), ("me/x", "hf_mine", False)]


def test_the_command_that_merges_names_the_fine_tune_where_there_is_a_terminal(ctx: Context) -> None:
    assert "python -m comparison merge some-comparison lora --output FOLDER" in handing.merging(ctx, KEY)
    public = ctx._replace(settings=replace(ctx.settings, public=True))
    assert handing.merging(public, KEY) == handing.merging(ctx, "") == ""
