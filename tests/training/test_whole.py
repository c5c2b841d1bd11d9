"""Kinds that train every weight: what is kept on disk, what is loaded beside the base, and what is refused. `test_kinds` runs the contract over them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from core.errors import MethodError
from models.adapter_weights import Adapters
from models.base import Batch, GenerationConfig
from models.loading import ModelSpec, load_model
from models.whole_weights import is_whole
from training import checkpoints, whole_files
from training.job import TrainingJob, TrainingRow
from training.loop import Epoch, train
from training.whole import FullSettings, ScratchSettings

ORDERS = ("go left", "go right", "stop", "wait here")
SHORT = GenerationConfig(max_new_tokens=6)


@pytest.fixture(scope="module")
def rows(rows_of: Any) -> tuple[TrainingRow, ...]:
    found: tuple[TrainingRow, ...] = rows_of((f"{order[::-1]} light", order) for order in ORDERS * 2)
    return found


def job_of(spec: ModelSpec, rows: tuple[TrainingRow, ...], out: Path, kind: str = "full", **changes: Any) -> TrainingJob:
    given = {"epochs": 2, "learning_rate": 0.003, "batch_size": 4, "seed": 1, **changes}
    settings = FullSettings(**given) if kind == "full" else ScratchSettings(**{"width": 32, **given})
    return TrainingJob(base=spec, models_home=out.parent, kind=kind, settings=settings, train=rows, validation=rows[:4], out=out)


@pytest.fixture(scope="module")
def tuned(spec: ModelSpec, rows: tuple[TrainingRow, ...], tmp_path_factory: pytest.TempPathFactory) -> dict[str, TrainingJob]:
    """Two full fine-tunes, at two rates, and a small model, trained once for all tests of this file."""
    home = tmp_path_factory.mktemp("tuned")
    jobs = {
        "full": job_of(spec, rows, home / "full"),
        "other": job_of(spec, rows, home / "other", learning_rate=0.01),
        "scratch": job_of(spec, rows, home / "scratch", "scratch"),
    }
    for job in jobs.values():
        list(train(job))
    return jobs


def answers(model: Any, rows: tuple[TrainingRow, ...], folder: Path | None) -> list[tuple[int, ...]]:
    return [answer.token_ids for answer in model.generate(Batch((0, 1), tuple(row.prompt_ids for row in rows[:2]), 0), SHORT, folder)]


def logits(model: Any, row: TrainingRow) -> torch.Tensor:
    with torch.inference_mode():
        found: torch.Tensor = model.module(input_ids=torch.tensor([row.prompt_ids])).logits
    return found


def test_the_base_is_back_bit_for_bit_and_of_whole_models_one_is_in_memory(
    tuned: dict[str, TrainingJob], spec: ModelSpec, rows: tuple[TrainingRow, ...], tmp_path: Path
) -> None:
    """E19, E20: each answers as it does alone, unlike the base, whose logits are what they were."""
    alone = {name: answers(load_model(spec, tmp_path), rows, job.out) for name, job in tuned.items()}
    model: Any = load_model(spec, tmp_path)
    before, plain = logits(model, rows[0]), answers(model, rows, None)
    assert len({str(said) for said in (plain, *alone.values())}) == 4
    for name in ("full", "scratch", "other", "full"):
        assert answers(model, rows, tuned[name].out) == alone[name]
        assert [folder for folder in model.adapters.loaded if is_whole(folder)] == [tuned[name].out]
        assert torch.equal(logits(model, rows[0]), before) and answers(model, rows, None) == plain


def test_the_folder_is_a_model_of_its_own_with_tokenizer_and_without_paths(
    tuned: dict[str, TrainingJob], tmp_path: Path, tiny_model: Path
) -> None:
    """transformers reads it by itself, and as a base it answers what it answers in the base's place."""
    job = tuned["full"]
    assert {"config.json", "model.safetensors", "tokenizer.json", "training.json"} <= {path.name for path in job.out.iterdir()}
    itself = load_model(ModelSpec(id=str(job.out), dtype="float32", threads=1), tmp_path)
    assert answers(itself, job.train, None) == answers(load_model(job.base, tmp_path), job.train, job.out)
    for path in job.out.glob("*.json"):
        assert str(tiny_model.parent) not in path.read_text() and str(job.out.parent) not in path.read_text()


@pytest.fixture
def afresh() -> Iterator[None]:
    """accelerate keeps one number type for a whole process; a trainer's process has but one job."""
    from accelerate.state import AcceleratorState

    AcceleratorState._reset_state(reset_partial_state=True)
    yield
    AcceleratorState._reset_state(reset_partial_state=True)


def test_weights_are_trained_in_float32_and_saved_in_the_number_type_that_answers(
    spec: ModelSpec, rows: tuple[TrainingRow, ...], tmp_path: Path, afresh: None
) -> None:
    """E20."""
    job = job_of(spec.model_copy(update={"dtype": "bfloat16"}), rows[:4], tmp_path / "out")
    for event in train(job):
        if isinstance(event, Epoch):
            break
    folder = checkpoints.latest(job.out)
    assert folder is not None and dtypes(folder.folder) == {torch.float32}
    list(train(job))
    assert dtypes(job.out) == {torch.bfloat16}
    assert json.loads((job.out / "config.json").read_text())["dtype"] == "bfloat16"


def dtypes(folder: Path) -> set[torch.dtype]:
    with safe_open(folder / "model.safetensors", framework="pt") as file:
        return {file.get_tensor(name).dtype for name in list(file.keys())}


def test_of_the_best_epoch_only_what_answers_is_kept_and_the_last_can_be_gone_on_from(
    spec: ModelSpec, rows: tuple[TrainingRow, ...], tmp_path: Path
) -> None:
    """F3: validation rows that contradict the training rows make the first epoch the best one; then the run is left off and continued."""
    spoilt = tuple(row.model_copy(update={"completion_ids": rows[(i + 1) % 4].completion_ids}) for i, row in enumerate(rows[:4]))
    jobs = [
        job_of(spec, rows[:4], tmp_path / name, epochs=20, learning_rate=0.02).model_copy(update={"validation": spoilt})
        for name in ("cut", "whole")
    ]
    cut, whole = jobs
    events = [event for event in train(whole) if isinstance(event, Epoch)]
    best = min(events, key=lambda event: event.validation_loss or 0.0).epoch
    assert best < 15
    for event in train(cut):
        if isinstance(event, Epoch) and event.epoch == 15:
            break
    folder = cut.out / checkpoints.FOLDER
    assert {path.name: (path / "optimizer.safetensors").exists() for path in folder.iterdir()} == {
        f"epoch-{best:03d}": False, "epoch-015": True
    }  # fmt: skip
    assert (latest := checkpoints.latest(cut.out)) is not None and latest.epoch == 15
    list(train(cut))
    one, other = (load_file(job.out / "model.safetensors") for job in jobs)
    assert one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)
    assert not folder.exists()


def test_without_the_last_checkpoint_a_run_begins_anew_and_not_from_weights_without_their_optimiser(
    spec: ModelSpec, rows: tuple[TrainingRow, ...], tmp_path: Path
) -> None:
    job = job_of(spec, rows[:4], tmp_path / "out", epochs=1)
    for event in train(job):
        if isinstance(event, Epoch):
            break
    (folder,) = (job.out / checkpoints.FOLDER).iterdir()
    before = load_file(folder / "model.safetensors")
    whole_files.slim(folder)
    whole_files.slim(folder)
    assert checkpoints.latest(job.out) is None
    assert all(torch.equal(before[name], value) for name, value in load_file(folder / "model.safetensors").items())


def test_a_whole_model_that_lacks_a_tensor_is_refused(tuned: dict[str, TrainingJob], spec: ModelSpec, tmp_path: Path) -> None:
    """E19: transformers would make the missing weights up, and only warn."""
    out = copied(tuned["full"].out, tmp_path / "copy")
    tensors = load_file(out / "model.safetensors")
    lost = sorted(name for name in tensors if "q_proj" in name)[0]
    save_file({name: tensor for name, tensor in tensors.items() if name != lost}, out / "model.safetensors", {"format": "pt"})
    with pytest.raises(MethodError, match=f"1 keys missing, 0 unknown .{lost}"):
        answers(load_model(spec, tmp_path), tuned["full"].train, out)


def test_a_whole_model_that_is_pickled_is_never_loaded(tuned: dict[str, TrainingJob], spec: ModelSpec, tmp_path: Path) -> None:
    """F23."""
    out = copied(tuned["full"].out, tmp_path / "copy")
    torch.save(load_file(out / "model.safetensors"), out / "pytorch_model.bin")
    (out / "model.safetensors").unlink()
    with pytest.raises(MethodError, match="not safetensors"):
        answers(load_model(spec, tmp_path), tuned["full"].train, out)


def test_whole_weights_that_change_no_logit_are_refused(
    tuned: dict[str, TrainingJob], spec: ModelSpec, tmp_path: Path, monkeypatch: Any
) -> None:
    """E19."""
    monkeypatch.setattr(Adapters, "_logits", lambda self, probe, folder: torch.zeros(3))
    with pytest.raises(MethodError, match="logits equal the base"):
        answers(load_model(spec, tmp_path), tuned["full"].train, tuned["full"].out)


def copied(folder: Path, target: Path) -> Path:
    target.mkdir()
    for path in folder.iterdir():
        (target / path.name).write_bytes(path.read_bytes())
    return target


def test_the_small_model_never_sees_the_bases_weights(
    spec: ModelSpec, rows: tuple[TrainingRow, ...], tmp_path: Path, monkeypatch: Any, tuned: dict[str, TrainingJob]
) -> None:
    """Its baseline would be worth nothing otherwise: the base's weights are not even loaded. Other seeds begin with other weights."""

    def never(*given: Any) -> Any:
        raise AssertionError("the base was loaded")

    monkeypatch.setattr(AutoModelForCausalLM, "from_pretrained", never)
    job = job_of(spec, rows, tmp_path / "again", "scratch")
    list(train(job))
    other = job_of(spec, rows, tmp_path / "other", "scratch", seed=3)
    list(train(other))
    first, same, different = (load_file(j.out / "model.safetensors") for j in (tuned["scratch"], job, other))
    assert all(torch.equal(first[name], same[name]) for name in first)
    assert not all(torch.equal(first[name], different[name]) for name in first)
    config = json.loads((job.out / "config.json").read_text())
    assert (config["num_hidden_layers"], config["hidden_size"], config["vocab_size"]) == (2, 32, 258)
