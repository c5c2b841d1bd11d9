"""A run that is stopped, killed or continued: what is kept, under which label, and that the end is the same."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from models.base import Batch, GenerationConfig
from models.loading import load_model
from training import checkpoints, stopping
from training.events import Epoch
from training.job import TrainingJob
from training.loop import train
from training.peft_configs import LoraSettings

ROOT = Path(__file__).resolve().parents[2]
KILLED_WHILE_SAVING = """
import os, signal, sys
import training.checkpoints as checkpoints
from training.__main__ import main
written = checkpoints.write_manifest
def killed(folder, about):
    if folder.name == "epoch-002":
        os.kill(os.getpid(), signal.SIGKILL)
    written(folder, about)
checkpoints.write_manifest = killed
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture(scope="module")
def rows(rows_of):
    said = [("red", "left"), ("blue", "right"), ("green", "stop"), ("grey", "wait")]
    return rows_of((f"{'so ' * (n % 3)}{colour}", order) for n, (colour, order) in enumerate(said * 2))


@pytest.fixture
def make(spec, rows, tmp_path):
    def job(out, **settings):
        given = LoraSettings(**{"epochs": 3, "learning_rate": 0.02, "rank": 2, "dropout": 0.1, **settings})
        return TrainingJob(base=spec, models_home=tmp_path, settings=given, train=rows, validation=rows[:4], out=tmp_path / out)

    return job


def until_epoch(job, epoch):
    """Train, and leave off right behind this epoch's checkpoint."""
    for event in train(job):
        if isinstance(event, Epoch) and event.epoch == epoch:
            return


def weights(folder):
    return load_file(folder / checkpoints.WEIGHTS)


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def command(job, *start):
    spec = job.out.parent / f"{job.out.name}.json"
    spec.write_text(job.model_dump_json())
    return [sys.executable, *(start or ("-m", "training")), str(spec)]


def test_killed_while_a_checkpoint_is_written_it_resumes_to_the_weights_of_an_uninterrupted_run(make):
    """F3: kill -9 of the real process, with the weights on disk and no MANIFEST beside them."""
    job, whole = make("killed"), make("whole")
    done = subprocess.run(command(job, "-c", KILLED_WHILE_SAVING), cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    half = job.out / checkpoints.FOLDER / "epoch-002"
    assert (half / checkpoints.WEIGHTS).is_file() and not (half / "MANIFEST.json").exists()
    again = list(train(job))
    assert [event.epoch for event in again if isinstance(event, Epoch)] == [2, 3]
    list(train(whole))
    assert same(weights(job.out), weights(whole.out))
    kept = [json.loads((folder / "training.json").read_text()) for folder in (job.out, whole.out)]
    assert kept[0]["best_epoch"] == kept[1]["best_epoch"] and kept[0]["epochs"] == kept[1]["epochs"]


def test_a_newest_checkpoint_cut_in_half_is_set_aside_and_kept_and_training_goes_on_from_the_one_before(make):
    """F3, bad input: nothing is deleted while the run is not done, and the end is that of an uninterrupted run."""
    job, whole = make("cut"), make("whole")
    until_epoch(job, 2)
    newest = job.out / checkpoints.FOLDER / "epoch-002" / checkpoints.WEIGHTS
    data = newest.read_bytes()
    newest.write_bytes(data[: len(data) // 2])
    found = checkpoints.latest(job.out)
    assert found is not None and found.epoch == 1
    (aside,) = (job.out / checkpoints.FOLDER).glob("broken-epoch-002*")
    assert (aside / checkpoints.WEIGHTS).stat().st_size == len(data) // 2
    list(train(job)), list(train(whole))
    assert same(weights(job.out), weights(whole.out))


def test_a_newest_checkpoint_with_one_changed_byte_is_set_aside_though_its_size_is_right(make):
    """F3: by its hash."""
    job = make("flipped")
    until_epoch(job, 2)
    newest = job.out / checkpoints.FOLDER / "epoch-002" / checkpoints.WEIGHTS
    data = bytearray(newest.read_bytes())
    data[-1] ^= 1
    newest.write_bytes(data)
    found = checkpoints.latest(job.out)
    assert found is not None and found.epoch == 1
    assert list((job.out / checkpoints.FOLDER).glob("broken-epoch-002*"))


def test_a_checkpoint_whose_best_epoch_is_broken_is_not_gone_on_from(make):
    """The end would not have the best epoch's weights; training begins anew instead, and ends the same."""
    job = make("best")
    until_epoch(job, 2)
    newest = job.out / checkpoints.FOLDER / "epoch-002"
    state = json.loads((newest / "state.json").read_text())
    (newest / "state.json").write_text(json.dumps({**state, "best_epoch": 1}))
    from core.files import write_manifest

    write_manifest(newest, {"epoch": 2})
    best = checkpoints.epoch_folder(job.out, 1) / checkpoints.WEIGHTS
    best.write_bytes(best.read_bytes()[:-1])
    assert checkpoints.latest(job.out) is None
    assert [p.name[:16] for p in sorted((job.out / checkpoints.FOLDER).glob("broken-*"))] == ["broken-epoch-001", "broken-epoch-002"]


def test_term_keeps_the_best_finished_epoch_labelled_and_the_same_command_goes_on(make):
    """F9: the weights are usable, `stopped.json` says what they are, and nothing takes them for finished ones."""
    job = make("term", epochs=60, learning_rate=0.005)
    process = subprocess.Popen(command(job), cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if json.loads(line)["event"] == "Epoch":
            break
    process.terminate()
    last = [json.loads(line) for line in process.stdout][-1]
    assert process.wait() == 130
    assert last["event"] == "Stopped" and 1 <= last["epoch"] < 60 and last["epochs"] == 60
    label = json.loads((job.out / stopping.STOPPED).read_text())
    assert label["findings"][-1]["text"].startswith(f"Stopped after epoch {last['epoch']} of 60")
    assert not checkpoints.is_finished(job.out)
    model = load_model(job.base, job.models_home)
    batch = Batch((0,), (job.train[0].prompt_ids,), 0)
    assert model.generate(batch, GenerationConfig(max_new_tokens=4), job.out)


def test_a_finished_run_has_no_label_of_an_earlier_stop(make):
    job = make("label")
    until_epoch(job, 1)
    assert stopping.keep(job.out, job.base.id, job.settings) == (1, 3, 1)
    assert (job.out / stopping.STOPPED).is_file()
    list(train(job))
    assert sorted(p.name for p in job.out.iterdir()) == ["adapter_config.json", "adapter_model.safetensors", "training.json"]


def test_what_is_kept_of_a_stopped_run_is_what_a_job_with_stop_after_trains(make):
    """E22: the label is a setting, so the kept weights are found under it and never as those of all epochs."""
    job, short = make("stopped"), make("short", stop_after=2)
    until_epoch(job, 2)
    out = job.out.parent / "kept"
    out.mkdir()
    assert stopping.adopt(job.out, out, job.base.id, job.settings) == (
        2,
        3,
        json.loads((job.out / "checkpoints/epoch-002/state.json").read_text())["best_epoch"],
    )
    list(train(short))
    assert same(weights(out), weights(short.out))
    one, other = (json.loads((folder / "training.json").read_text()) for folder in (out, short.out))
    assert (one["epochs"], one["best_epoch"], one["findings"]) == (other["epochs"], other["best_epoch"], other["findings"])
    assert [finding["rule"] for finding in one["findings"]] == ["stopped"]
    assert checkpoints.latest(job.out) is not None, "the stopped run can still go on"


def test_nothing_is_kept_where_no_epoch_has_ended(make):
    job = make("none")
    job.out.mkdir()
    assert stopping.keep(job.out, job.base.id, job.settings) is None
    assert stopping.adopt(job.out, job.out.parent, job.base.id, job.settings) is None
    assert list(job.out.iterdir()) == []


def test_a_run_that_stops_early_and_is_killed_before_its_end_trains_no_further_epoch(make, rows, monkeypatch):
    contradicting = tuple(row.model_copy(update={"completion_ids": rows[(n + 1) % 4].completion_ids}) for n, row in enumerate(rows[:4]))
    job = make("early", epochs=40, early_stopping=1).model_copy(update={"validation": contradicting})
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(checkpoints, "finish", lambda *a: (_ for _ in ()).throw(KeyboardInterrupt))
        list(train(job))
    ended = checkpoints.latest(job.out)
    assert ended is not None and ended.epoch < 40
    assert not any(isinstance(event, Epoch) for event in train(job))
    assert (job.out / "training.json").is_file()
