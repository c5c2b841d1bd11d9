"""A finished fine-tune as a merged folder, as a zip, on the Hub: what leaves, that it answers alike, and what never leaves."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from inprocess import train_here
from typer.testing import CliRunner

from adapters import tuned
from comparison import handing, jobs
from comparison.__main__ import app
from comparison.plan import read_plan
from comparison.run import run
from comparison.store import Store
from comparison.trained import TrainedMethod, trained
from core.errors import MethodError, PlanError, StoreError
from core.files import manifest_fault
from models import merging
from models.loading import ModelSpec, load_model

TOKEN = "hf_secret_token_of_a_test"
WORDS = ("stove", "ladder", "parcel", "window")


class Done:
    """A run with a fine-tune of each sort that is handed out."""

    def __init__(self, home: Path, model: Path) -> None:
        self.home, self.model = home / "store", model
        self.store = Store(self.home)
        task = home / "secret-folder"
        task.mkdir()
        lines = [f'"My {WORDS[n % 4]} number {n * 7}",{("billing", "repair")[n % 2]}' for n in range(24)]
        (task / "tickets.csv").write_text("input,output\n" + "\n".join(lines) + "\n")
        small: dict[str, Any] = {"epochs": 2, "batch_size": 4, "learning_rate": 0.02}
        plan = read_plan(
            {
                "name": "Ticket routing",
                "data": {"path": "tickets.csv", "instruction": "Route to one of: {labels}."},
                "model": {"id": str(model), "embedder": "fake/hash-64", "threads": 1, "dtype": "float32"},
                "methods": [
                    {"kind": "zero_shot"},
                    {"kind": "lora", "rank": 2, **small},
                    {"kind": "prompt_tuning", "virtual_tokens": 4, **small, "learning_rate": 0.3},
                    {"kind": "full", **small, "learning_rate": 0.003},
                ],
                "metrics": ["accuracy"],
                "generation": {"max_new_tokens": 4},
            },
            task,
        )
        self.id = jobs.admit(self.store, plan, handle=jobs.own_handle()).id
        list(run(plan, self.store, self.id))

    def of(self, name: str) -> TrainedMethod:
        return trained(self.store, self.id, name)


@pytest.fixture(scope="module")
def done(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Done]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tuned, "run_job", train_here)
        yield Done(tmp_path_factory.mktemp("handed"), tiny_model)


def logits(folder: Path, home: Path, adapter: Path | None = None) -> torch.Tensor:
    model: Any = load_model(ModelSpec(id=str(folder), dtype="float32", threads=1), home)
    ids = (5, 6, 7, 8, 9, 40, 41)
    with torch.inference_mode(), model.adapters.active(adapter, ids) as active:
        found: torch.Tensor = active(input_ids=torch.tensor([ids])).logits
    return found


def no_paths(text: str, done: Done) -> None:
    for secret in (str(done.home), str(done.model.parent), "secret-folder", "stove", TOKEN):
        assert secret not in text


@pytest.mark.parametrize("name", ["lora", "full"])
def test_the_merged_folder_answers_as_the_adapter_on_its_base(done: Done, name: str, tmp_path: Path) -> None:
    """E20: by logits, within float32's rounding, from the files that were written."""
    found, out = done.of(name), tmp_path / "merged"
    merged = handing.merge_into(found, out)
    assert merged.difference <= merged.tolerance == merging.TOLERANCE["float32"]
    wanted = logits(done.model, tmp_path, found.adapter)
    assert torch.allclose(logits(out, tmp_path), wanted, atol=1e-4)
    assert not torch.allclose(logits(done.model, tmp_path), wanted, atol=1e-3)
    names = {path.name for path in out.iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json", "README.md"} <= names and not [
        n for n in names if n.startswith("adapter")
    ]
    assert [path.name for path in tmp_path.iterdir() if path.name != "merged"] == []
    for path in (*out.glob("*.json"), out / "README.md"):
        no_paths(path.read_text(), done)


def test_a_merged_model_that_answers_otherwise_is_refused_and_nothing_is_left(done: Done, tmp_path: Path, monkeypatch: Any) -> None:
    """E20."""
    monkeypatch.setitem(merging.TOLERANCE, "float32", -1.0)
    with pytest.raises(MethodError, match=r"answers otherwise than the adapter on its base.*Use the adapter on its base"):
        handing.merge_into(done.of("lora"), tmp_path / "merged")
    assert list(tmp_path.iterdir()) == []


def test_a_merge_that_loses_what_was_trained_is_refused(done: Done, tmp_path: Path, monkeypatch: Any) -> None:
    """E20: the files that were written are held against the adapter on its base, at the tolerance that rounding has."""

    def without_the_update(model: Any, adapter: Path, work: Path) -> None:
        model.module.save_pretrained(str(work))

    monkeypatch.setattr(merging, "_write", without_the_update)
    with pytest.raises(MethodError, match="answers otherwise than the adapter on its base"):
        handing.merge_into(done.of("lora"), tmp_path / "merged")
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_merged_or_is_there_already_is_one_message(done: Done, tmp_path: Path) -> None:
    with pytest.raises(MethodError, match=r"prompt tuning changes no weight of the base, so there is nothing to merge.*comparison adapter"):
        handing.merge_into(done.of("prompt_tuning"), tmp_path / "merged")
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "file").write_text("mine")
    with pytest.raises(PlanError, match=r"--output must name something new; there is there already"):
        handing.merge_into(done.of("lora"), tmp_path / "there")
    with pytest.raises(PlanError, match=r"must lie in a folder that exists; there is no nowhere"):
        handing.zip_to(done.of("lora"), tmp_path / "nowhere" / "x.zip")
    with pytest.raises(PlanError, match=r"must end in \.zip; got x\.tar"):
        handing.zip_to(done.of("lora"), tmp_path / "x.tar")
    with pytest.raises(PlanError, match=r"zero_shot trains no weights.*lora, prompt_tuning, full"):
        done.of("zero_shot")
    with pytest.raises(PlanError, match=r"has no method 'lore'.*Did you mean 'lora'"):
        done.of("lore")
    assert (tmp_path / "there" / "file").read_text() == "mine"


@pytest.mark.parametrize("name", ["lora", "prompt_tuning", "full"])
def test_the_zip_holds_weights_card_and_manifest_and_no_path_of_this_machine(done: Done, name: str, tmp_path: Path) -> None:
    output = tmp_path / "weights.zip"
    handing.zip_to(done.of(name), output)
    with zipfile.ZipFile(output) as archive:
        assert archive.testzip() is None
        archive.extractall(tmp_path / "out")
    assert manifest_fault(tmp_path / "out") == ""
    names = {path.name for path in (tmp_path / "out").iterdir()}
    weights = {"model.safetensors", "config.json"} if name == "full" else {"adapter_model.safetensors", "adapter_config.json"}
    assert weights | {"README.md", "MANIFEST.json", "training.json"} <= names
    for path in (tmp_path / "out").iterdir():
        no_paths(path.read_bytes().decode(errors="replace"), done)
    first = output.read_bytes()
    output.unlink()
    handing.zip_to(done.of(name), output)
    assert output.read_bytes() == first


def test_the_card_states_base_training_and_scores(done: Done) -> None:
    found = done.of("lora")
    card = handing.card(found)
    assert re.search(r"^---\nlibrary_name: peft\n", card) and "- bakeoff" in card
    entry = found.entry["scores"]["accuracy"]
    assert f"{entry['mean']:.3f}" in card and "Zero-shot" in card and found.fingerprint in card
    assert f"{found.report['data']['counts']['train']} training rows" in card
    assert "base_model" not in card  # a folder of this machine, which nobody else can load
    no_paths(card, done)


def test_the_card_counts_the_rows_that_were_trained_on(done: Done) -> None:
    """Not those that filters left out or that were too long; rows of other tasks are among them."""
    found = done.of("lora")
    training = {**found.entry["training"], "preparation": {"lengths": {"rows": 20, "over": 3, "unworded": 1}}}
    assert "- 16 training rows" in handing.card(found._replace(entry={**found.entry, "training": training}))


class FakeHub:
    """Remembers what it was told, with the methods of `huggingface_hub.HfApi` that are used."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error, self.made, self.files = error, {}, {}

    def create_repo(self, repo_id: str, *, private: bool, exist_ok: bool, repo_type: str) -> str:
        if self.error:
            raise self.error
        self.made = {"repo": repo_id, "private": private, "exist_ok": exist_ok, "type": repo_type}
        return f"https://huggingface.co/{repo_id}"

    def upload_folder(self, *, repo_id: str, folder_path: str, commit_message: str, repo_type: str) -> None:
        self.files = {path.name: path.read_bytes() for path in Path(folder_path).iterdir()}


def test_a_push_makes_a_private_repository_and_uploads_weights_with_their_card(done: Done) -> None:
    hub = FakeHub()
    assert handing.push(done.of("lora"), "me/tickets-lora", lambda: hub) == "https://huggingface.co/me/tickets-lora"
    assert hub.made == {"repo": "me/tickets-lora", "private": True, "exist_ok": True, "type": "model"}
    assert {"README.md", "adapter_model.safetensors", "adapter_config.json"} <= set(hub.files)
    for name, content in hub.files.items():
        no_paths(content.decode(errors="replace"), done)
        assert name != "job.json"


def test_the_fake_hub_has_the_methods_of_the_real_client() -> None:
    """The names and keywords that `push` uses are those of huggingface_hub, whose client is made without asking the Hub."""
    import inspect

    client = handing.hub_client(TOKEN)
    for method in ("create_repo", "upload_folder"):
        real, fake = (set(inspect.signature(getattr(it, method)).parameters) for it in (client, FakeHub()))
        assert fake <= real


def test_what_the_hub_refuses_is_told_without_the_token(done: Done) -> None:
    class Refusal(Exception):
        def __init__(self, status: int) -> None:
            self.response = type("Response", (), {"status_code": status})
            super().__init__(f"Authorization: Bearer {TOKEN}")

    for error, said in ((Refusal(401), "does not let you write"), (Refusal(500), "it answered 500"), (OSError(TOKEN), "OSError")):
        with pytest.raises(StoreError, match=said) as told:
            handing.push(done.of("lora"), "me/tickets", lambda error=error: FakeHub(error))  # type: ignore[misc]
        assert TOKEN not in str(told.value) and told.value.__cause__ is None
    with pytest.raises(PlanError, match=r"--repo must be organisation/name; got 'tickets'"):
        handing.push(done.of("lora"), "tickets", FakeHub)


def test_the_commands_merge_and_zip_and_end_with_exit_code_2_on_wrong_input(done: Done, tmp_path: Path) -> None:
    runner, store = CliRunner(), ["--store", str(done.home)]
    zipped = runner.invoke(app, ["adapter", done.id, "lora", "--output", str(tmp_path / "x.zip"), *store])
    assert zipped.exit_code == 0 and (tmp_path / "x.zip").is_file(), zipped.output
    again = runner.invoke(app, ["adapter", done.id, "lora", "--output", str(tmp_path / "x.zip"), *store])
    assert again.exit_code == 2 and "x.zip is there already" in again.output
    merged = runner.invoke(app, ["merge", done.id, "lora", "--output", str(tmp_path / "merged"), *store])
    assert merged.exit_code == 0 and json.loads((tmp_path / "merged" / "config.json").read_text())["model_type"] == "llama", merged.output
    pushed = runner.invoke(app, ["push", done.id, "lora", "--repo", "no repository", *store])
    assert pushed.exit_code == 2 and "organisation/name" in pushed.output
