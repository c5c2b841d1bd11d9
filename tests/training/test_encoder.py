"""Tuning a whole encoder, on a tiny random one: it learns, the best epoch is kept, a kill changes nothing, and it answers as a method."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest
import rooms
import torch
from tiny_encoder import save_tiny_encoder

from core.errors import MethodError, StoreError
from models.device import Hardware
from models.encoder import EncoderClassifier
from models.loading import ModelSpec, load_embedder
from tests.training import contract
from training.encoder.__main__ import main
from training.encoder.job import EncoderJob, EncoderSettings, TextRow
from training.encoder.keeping import latest
from training.encoder.loop import Epoch, Step, batches_of, learning_rate, tune

ROOT = Path(__file__).resolve().parents[2]
FAST = EncoderSettings(epochs=3, learning_rate=3e-3, batch_size=8, seed=1)


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_encoder(tmp_path_factory.mktemp("encoder"), rooms.WORDS)


def rows(examples: list[rooms.Example]) -> tuple[TextRow, ...]:
    return tuple(TextRow(id=e.id, text=e.question, label=rooms.LABELS.index(e.reference)) for e in examples)


@pytest.fixture
def job(encoder: Path, tmp_path: Path) -> EncoderJob:
    return EncoderJob(
        embedder=str(encoder), models_home=tmp_path, threads=1, labels=rooms.LABELS, settings=FAST,
        train=rows(rooms.TRAIN), validation=rows(rooms.VALIDATION), out=tmp_path / "out",
    )  # fmt: skip


def history(job: EncoderJob) -> dict:
    return json.loads((job.out / "training.json").read_text())


def probabilities(job: EncoderJob, tuned: bool = True) -> list[list[float]]:
    """Of the validation rows, by the saved weights loaded anew, or by the encoder as it is with a head as it comes."""
    torch.manual_seed(0)
    model = EncoderClassifier(job.embedder, job.models_home, 3, Hardware("cpu", "float32", 1))
    found: list[list[float]] = (model.load(job.out) if tuned else model).probabilities([row.text for row in job.validation]).tolist()
    return found


def test_it_keeps_the_contract_of_every_trainable_kind(job: EncoderJob, tmp_path: Path) -> None:
    """E19, F3: round trip, the loss falls, saved and loaded weights answer otherwise than the base, stop, resume, a checkpoint cut in half."""
    assert contract.survives_json_and_yaml(job)
    events = list(tune(job))
    assert contract.loss_falls(events)
    assert probabilities(job) != probabilities(job, tuned=False)
    stopped, halved = (job.model_copy(update={"out": tmp_path / name}) for name in ("stopped", "halved"))
    assert contract.stops_and_resumes_to_the_same_weights(tune, stopped, job.out, after=4)
    told = contract.sets_a_checkpoint_that_was_cut_in_half_aside(tune, halved, job.out, after=7)
    (broken,) = [finding for finding in contract.named(told, "Finding") if finding.rule == "broken"]
    assert re.match(r"The checkpoint of epoch 2 is not whole \(.* has \d+ bytes, not \d+\), so it was set aside\.", broken.text)
    assert asdict(broken) in history(halved)["findings"]


def test_the_loss_falls_and_the_epoch_with_the_lowest_validation_loss_is_kept(job: EncoderJob) -> None:
    events = list(tune(job))
    epochs, steps = [e for e in events if isinstance(e, Epoch)], [e for e in events if isinstance(e, Step)]
    assert len(steps) == 9 and epochs[-1].train_loss < steps[0].loss
    found = history(job)
    assert found["best_epoch"] == min(epochs, key=lambda e: e.validation_loss or 0).epoch
    assert len(found["curves"]) == 9 and found["begun"]["validation_loss"] is not None
    assert not (job.out / "checkpoints").exists()
    tuned = EncoderClassifier(job.embedder, job.models_home, 3, Hardware("cpu", "float32", 1)).load(job.out)
    assert found["trainable_params"] == sum(p.numel() for p in tuned.parameters())
    right = tuned.probabilities([row.text for row in job.validation]).argmax(axis=1).tolist()
    assert right == [row.label for row in job.validation]


def test_it_begins_as_the_embedder_with_the_best_head(job: EncoderJob) -> None:
    """Its vectors are the embedder's own, so frozen and tuned encoders are compared on the same footing."""
    fresh = EncoderClassifier(job.embedder, job.models_home, 3, Hardware("cpu", "float32", 1))
    texts = [row.text for row in job.train[:5]]
    plain = load_embedder(job.embedder, job.models_home, 1).embed(texts, "query")
    assert abs(fresh.embedded(texts) - plain).max() < 1e-6
    assert fresh.cut(["tap " * 50, "tap"]) == 1


def test_after_a_kill_it_goes_on_from_the_last_epoch_and_ends_with_equal_weights(job: EncoderJob, tmp_path: Path) -> None:
    """F3. The killed one loses at most an epoch."""
    whole = job.model_copy(update={"out": tmp_path / "whole"})
    list(tune(whole))
    spec = tmp_path / "job.json"
    spec.write_text(job.model_dump_json())
    line = [sys.executable, "-m", "training.encoder", str(spec)]
    with subprocess.Popen(line, cwd=ROOT, stdout=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}) as child:
        assert child.stdout is not None
        for said in child.stdout:
            if json.loads(said)["event"] == "Epoch":
                child.send_signal(signal.SIGKILL)
                break
    assert child.returncode == -9
    kept = latest(job.out)
    assert kept is not None and kept.epoch < FAST.epochs
    list(tune(job))
    assert contract.equal(contract.weights(job.out), contract.weights(whole.out))
    assert [row["step"] for row in history(job)["curves"]] == list(range(1, 10))
    assert list(tune(job)) == [], "a finished job does nothing"


def test_without_validation_rows_the_last_epoch_counts(job: EncoderJob) -> None:
    list(tune(job.model_copy(update={"validation": ()})))
    assert history(job)["best_epoch"] == FAST.epochs and history(job)["best_loss"] == -FAST.epochs


def test_a_loss_that_is_no_number_ends_with_the_setting_to_change(job: EncoderJob) -> None:
    wild = job.model_copy(update={"settings": FAST.model_copy(update={"learning_rate": 1.0, "epochs": 20, "weight_decay": 1.0})})
    poisoned = EncoderClassifier.forward

    def broken(self: EncoderClassifier, texts: list[str]) -> torch.Tensor:
        return poisoned(self, texts) * float("nan")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(EncoderClassifier, "forward", broken)
        with pytest.raises(MethodError, match=r"no longer a number at step 1\. The untrained encoder gives no numbers already"):
            list(tune(wild))


def test_what_goes_wrong_in_the_child_is_said_in_its_own_words(job: EncoderJob, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = tmp_path / "job.json"
    assert main([str(spec)]) == 2 and "There is no encoder job at" in capsys.readouterr().out
    spec.write_text(job.model_copy(update={"embedder": "/no/such/encoder"}).model_dump_json())
    assert main([str(spec)]) == 2
    said = json.loads(capsys.readouterr().out)
    assert said["event"] == "Failed" and "there is no folder '/no/such/encoder'" in said["message"] and said["remedy"]
    spec.write_text("{")
    assert main([str(spec)]) == 2 and "is not JSON" in capsys.readouterr().out


def test_weights_of_another_encoder_are_refused(job: EncoderJob, tmp_path: Path) -> None:
    two = EncoderClassifier(job.embedder, job.models_home, 2, Hardware("cpu", "float32", 1))
    two.save(tmp_path)
    with pytest.raises(StoreError, match="cannot be read"):
        EncoderClassifier(job.embedder, job.models_home, 3, Hardware("cpu", "float32", 1)).load(tmp_path)


def test_as_a_method_it_is_trained_by_a_child_and_answers_with_probabilities(encoder: Path, tmp_path: Path) -> None:
    made = rooms.setting(model=ModelSpec(id="fake/echo", embedder=str(encoder), threads=1), models_home=tmp_path)
    ready = rooms.bound("tuned_encoder", made, tmp_path, epochs=6, learning_rate=3e-3, batch_size=8)
    found = ready.answer(rooms.TEST)
    assert [answer.text for answer in found] == [example.reference for example in rooms.TEST]
    assert ready.answer(rooms.TEST[::-1]) == found[::-1]
    kept = json.loads(next(tmp_path.glob("*/training.json")).read_text())
    assert kept["label_facts"]["rows"] == 24 and kept["epochs"][0]["validation_accuracy"] is not None
    assert not list(tmp_path.glob("*/job.json"))


def test_batches_are_a_function_of_seed_and_epoch_and_hold_each_row_once() -> None:
    train = rows(rooms.TRAIN)
    first = batches_of(train, 8, 0, 1)
    assert first == batches_of(train[::-1], 8, 0, 1) != batches_of(train, 8, 0, 2)
    assert sorted(row.id for batch in first for row in batch) == [row.id for row in train]


def test_the_rate_rises_over_the_warm_up_and_falls_to_the_last_step() -> None:
    half = EncoderSettings(learning_rate=1.0, warmup_share=0.5)
    assert [round(learning_rate(step, 4, half), 3) for step in (1, 2, 3, 4)] == [0.5, 1.0, 1.0, 0.5]
    assert learning_rate(1, 4, EncoderSettings(learning_rate=1.0, warmup_share=0.0)) == 1.0


def test_the_rate_follows_the_schedule_that_was_asked_for(job: EncoderJob) -> None:
    settings = job.settings.model_copy(update={"epochs": 1, "warmup_share": 0.0, "schedule": "constant"})
    found = [event.learning_rate for event in tune(job.model_copy(update={"settings": settings})) if isinstance(event, Step)]
    assert len(found) > 1 and set(found) == {settings.learning_rate}


def test_labels_that_are_balanced_count_alike(job: EncoderJob) -> None:
    from training.encoder.loop import Run

    uneven = job.model_copy(
        update={"train": (*job.train[:2], job.train[3], job.train[5]), "settings": FAST.model_copy(update={"balance": True})}
    )
    run = Run(uneven)
    counts = torch.tensor([2.0, 1.0, 1.0])
    assert torch.allclose(run.weights * counts, torch.full((3,), 4 / 3))
    assert torch.equal(Run(job).weights, torch.ones(3))
