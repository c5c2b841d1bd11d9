"""The trainer on a tiny real model: what is supervised, what is equal, what survives a kill."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_gpt2 import save_tiny_gpt2

from core.errors import MethodError
from models.base import Batch, GenerationConfig
from models.loading import ModelSpec, load_codec, load_model
from training import checkpoints
from training.batches import IGNORED, collate, steps_of
from training.job import TrainingJob
from training.launch import ended_without_a_word, run_job
from training.loop import Epoch, Step, _Run, learning_rate, train
from training.peft_configs import LoraSettings

ROOT = Path(__file__).resolve().parents[2]
FAST = LoraSettings(epochs=3, learning_rate=0.02, batch_size=4, seed=1)


@pytest.fixture(scope="module")
def rows(lights):
    return lights(4)


@pytest.fixture
def job(spec, rows, tmp_path):
    return TrainingJob(base=spec, models_home=tmp_path, settings=FAST, train=rows, validation=rows[:4], out=tmp_path / "out")


def weights(job):
    return load_file(job.out / "adapter_model.safetensors")


def equal(a, b, tolerance=0.0):
    return a.keys() == b.keys() and all(torch.allclose(a[k], b[k], rtol=0, atol=tolerance) for k in a)


def test_only_the_answer_is_supervised_and_its_last_label_ends_the_turn(rows, spec, tmp_path):
    """E3. PAD is the same id as the end of turn in this model, and it is still a label."""
    codec = load_codec(spec, tmp_path)
    batch = collate(rows[:3], codec.pad)
    assert codec.pad == codec.turn_end
    assert (batch.labels[:, -1] == codec.turn_end).all()
    for row, labels in zip(rows[:3], batch.labels.tolist(), strict=True):
        assert [token for token in labels if token != IGNORED] == list(row.completion_ids)
    assert batch.supervised == sum(len(r.completion_ids) for r in rows[:3])


def test_loss_falls_and_the_tuned_model_says_what_it_learnt_and_stops(job, rows):
    """E3, E4. At least 95 % of outputs end with the end of turn after an overfit."""
    longer = job.model_copy(update={"settings": FAST.model_copy(update={"epochs": 25})})
    epochs = [event for event in train(longer) if isinstance(event, Epoch)]
    assert epochs[-1].validation_loss < epochs[0].validation_loss / 3
    model = load_model(job.base, job.models_home)
    batch = Batch(tuple(range(len(rows))), tuple(row.prompt_ids for row in rows), 0)
    config = GenerationConfig(max_new_tokens=16)
    tuned, base = model.generate(batch, config, job.out), model.generate(batch, config)
    assert sum(c.finish_reason == "stop" for c in tuned) >= 0.95 * len(rows)
    assert sum(c.token_ids == row.completion_ids for c, row in zip(tuned, rows, strict=True)) >= 14
    assert [c.text for c in base] != [c.text for c in tuned]


def test_gradient_accumulation_changes_neither_loss_nor_weights(job, tmp_path):
    """E28. Batch 4 at once, and 4 times 1, with answers of other lengths."""
    whole = list(train(job))
    cut = job.model_copy(update={"settings": FAST.model_copy(update={"micro_batch_size": 1}), "out": tmp_path / "cut"})
    pieces = list(train(cut))
    for one, other in zip(whole, pieces, strict=True):
        assert type(one) is type(other)
        if isinstance(one, Step):
            assert one.loss == pytest.approx(other.loss, abs=1e-4) and one.grad_norm == pytest.approx(other.grad_norm, rel=1e-3)
    assert equal(weights(job), weights(cut), 1e-4)


def test_the_loss_equals_that_of_the_whole_model_padded_on_the_right(job, rows):
    """Logits for the answers' columns alone give the same loss as all logits with masked labels."""
    run = _Run(job, rows, (), [])
    run.model.eval()
    chosen = rows[:4]
    mine = run.figures(collate(chosen, 1))
    width = max(r.length for r in chosen)
    ids = torch.tensor([[*r.prompt_ids, *r.completion_ids] + [1] * (width - r.length) for r in chosen])
    seen = torch.tensor([[1] * r.length + [0] * (width - r.length) for r in chosen])
    labels = torch.tensor([[-100] * len(r.prompt_ids) + list(r.completion_ids) + [-100] * (width - r.length) for r in chosen])
    with torch.no_grad():
        plain = run.model(input_ids=ids, attention_mask=seen, labels=labels).loss
    assert float(mine.loss.detach()) / mine.tokens == pytest.approx(float(plain), abs=1e-5)


def test_padding_takes_no_place_in_training_where_positions_are_learnt(job, rows, tiny_model, tmp_path):
    """E5. A rotary model does not notice, since it sees differences of places alone."""
    spec = ModelSpec(id=str(save_tiny_gpt2(tmp_path / "tiny-gpt2", tiny_model)), dtype="float32", threads=1)
    run = _Run(job.model_copy(update={"base": spec}), rows, (), [])
    run.model.eval()
    chosen = rows[:3]
    assert len({row.length for row in chosen}) > 1
    with torch.no_grad():
        together = float(run.figures(collate(chosen, 1)).loss)
        alone = sum(float(run.figures(collate([row], 1)).loss) for row in chosen)
    assert together == pytest.approx(alone, abs=1e-3)


def test_events_carry_loss_accuracy_rate_and_gradient_norm(job):
    events = list(train(job))
    steps = [e for e in events if isinstance(e, Step)]
    assert len(steps) == 12 and [e.step for e in steps] == list(range(1, 13)) and steps[0].steps == 12
    assert all(e.grad_norm > 0 and 0 <= e.token_accuracy <= 1 and e.tokens > 0 and e.seconds > 0 for e in steps)
    kept = json.loads((job.out / "training.json").read_text())
    assert [c["loss"] for c in kept["curves"]] == [e.loss for e in steps]
    assert kept["trainable_params"] > 0 and kept["peak_memory_mb"] > 0


def test_the_epoch_with_the_lowest_validation_loss_is_kept(job, rows):
    """Validation rows that contradict the training rows make later epochs worse; an earlier one then stays."""
    spoilt = tuple(row.model_copy(update={"completion_ids": rows[(i + 1) % 4].completion_ids}) for i, row in enumerate(rows[:4]))
    losses = [
        e.validation_loss
        for e in train(job.model_copy(update={"validation": spoilt, "settings": FAST.model_copy(update={"epochs": 20})}))
        if isinstance(e, Epoch)
    ]
    kept = json.loads((job.out / "training.json").read_text())
    assert kept["best_epoch"] == losses.index(min(losses)) + 1 < 20
    assert not (job.out / checkpoints.FOLDER).exists()


def test_the_rate_rises_over_the_warm_up_and_falls_to_the_end():
    settings = LoraSettings(learning_rate=1.0, warmup_share=0.2)
    rates = [learning_rate(step, 10, settings) for step in range(1, 11)]
    assert rates == pytest.approx([0.5, 1.0, 1.0, 0.875, 0.75, 0.625, 0.5, 0.375, 0.25, 0.125])


def test_the_order_of_rows_depends_on_seed_and_epoch_alone(rows):
    assert steps_of(rows, 4, 1, 2) == steps_of(rows[::-1], 4, 1, 2)
    assert steps_of(rows, 4, 1, 2) != steps_of(rows, 4, 1, 3)
    assert sorted(r.id for step in steps_of(rows, 4, 1, 2) for r in step) == sorted(r.id for r in rows)


def stop_after_epoch(job, epoch):
    """Train and leave off right after this epoch's checkpoint, as a kill would."""
    for event in train(job):
        if isinstance(event, Epoch) and event.epoch == epoch:
            return


def test_a_continued_run_ends_with_the_weights_of_an_uninterrupted_one(job, tmp_path):
    """F3, and contract 5: only the epochs since the last checkpoint are done again."""
    whole = job.model_copy(update={"out": tmp_path / "whole"})
    list(train(whole))
    stop_after_epoch(job, 1)
    again = list(train(job))
    assert [e.epoch for e in again if isinstance(e, Epoch)] == [2, 3]
    assert equal(weights(job), weights(whole))


@pytest.mark.parametrize("fault", ["half", "no manifest"])
def test_a_broken_checkpoint_is_set_aside_and_the_one_before_it_used(job, tmp_path, fault):
    """F3. The weights file cut in half, or a kill before the MANIFEST was written."""
    whole = job.model_copy(update={"out": tmp_path / "whole"})
    list(train(whole))
    stop_after_epoch(job, 1)
    newest = job.out / checkpoints.FOLDER / "epoch-002"
    (newest).mkdir()
    save_file({"x": torch.ones(100)}, newest / "adapter_model.safetensors")
    if fault == "half":
        from core.files import write_manifest

        write_manifest(newest, {})
        data = (newest / "adapter_model.safetensors").read_bytes()
        (newest / "adapter_model.safetensors").write_bytes(data[: len(data) // 2])
    assert checkpoints.latest(job.out).epoch == 1
    assert list((job.out / checkpoints.FOLDER).glob("broken-epoch-002*"))
    list(train(job))
    assert equal(weights(job), weights(whole))


def test_rows_that_would_have_to_be_cut_are_left_out_and_listed(job, rows):
    limit = max(row.length for row in rows) - 1
    short = job.model_copy(update={"settings": FAST.model_copy(update={"max_tokens": limit, "epochs": 1})})
    list(train(short))
    left_out = json.loads((job.out / "training.json").read_text())["left_out"]
    assert left_out == [row.id for row in rows if row.length > limit] and left_out


def test_no_row_that_fits_is_refused_with_the_shortest_length(job):
    with pytest.raises(MethodError, match="max_tokens must fit at least one training row"):
        list(train(job.model_copy(update={"settings": FAST.model_copy(update={"max_tokens": 16})})))


def test_a_loss_that_is_no_number_ends_the_run_with_a_remedy(job, monkeypatch):
    """Lost later than at the first step, it is put down to the learning rate; see `training.doctor` for the rest."""
    original, taken = _Run.step, []

    def lost_at_the_second(self, *given):
        taken.append(1)
        return nan_step() if len(taken) == 2 else original(self, *given)

    monkeypatch.setattr(_Run, "step", lost_at_the_second)
    with pytest.raises(MethodError, match=r"no longer a number at step 2\.? Lower learning_rate"):
        list(train(job))


def nan_step():
    from training.loop import Mean

    return Mean(float("nan"), 0.0, 1)


def test_weights_that_do_not_fit_the_model_are_refused(job):
    """E19. peft only warns of missing keys, and the model then answers as the base does."""
    list(train(job))
    tensors = weights(job)
    lost = sorted(tensors)[0]
    save_file({k: v for k, v in tensors.items() if k != lost}, job.out / "adapter_model.safetensors")
    with pytest.raises(MethodError, match="1 keys missing"):
        answer_with(job)


def test_weights_that_are_all_zero_are_refused(job):
    """E19."""
    list(train(job))
    save_file({k: torch.zeros_like(v) if "lora_B" in k else v for k, v in weights(job).items()}, job.out / "adapter_model.safetensors")
    with pytest.raises(MethodError, match="all zero"):
        answer_with(job)


def test_pickled_weights_are_never_loaded(job):
    """F23."""
    list(train(job))
    torch.save(weights(job), job.out / "adapter_model.bin")
    (job.out / "adapter_model.safetensors").unlink()
    with pytest.raises(MethodError, match="not safetensors"):
        answer_with(job)


def answer_with(job):
    model = load_model(job.base, job.models_home)
    return model.generate(Batch((0,), (job.train[0].prompt_ids,), 0), GenerationConfig(max_new_tokens=4), job.out)


def test_two_adapters_and_the_base_take_turns_on_one_loaded_model(job, tmp_path):
    """Each answers as it does alone: switching leaves nothing behind."""
    other = job.model_copy(update={"out": tmp_path / "other", "settings": FAST.model_copy(update={"seed": 9, "epochs": 2})})
    list(train(job)), list(train(other))
    config, batch = GenerationConfig(max_new_tokens=8), Batch((0,), (job.train[0].prompt_ids,), 0)
    alone = [load_model(job.base, job.models_home).generate(batch, config, folder) for folder in (None, job.out, other.out)]
    together = load_model(job.base, job.models_home)
    for _ in range(2):
        assert [together.generate(batch, config, folder) for folder in (None, job.out, other.out)] == alone
    assert alone[0] != alone[1]


def test_the_command_trains_and_streams_its_events(job):
    events = list(run_job(job))
    assert [e["event"] for e in events].count("Epoch") == 3 and (job.out / "adapter_model.safetensors").is_file()
    assert sorted(p.name for p in job.out.iterdir()) == ["adapter_config.json", "adapter_model.safetensors", "training.json"]
    assert str(ROOT) not in (job.out / "adapter_config.json").read_text()


def test_a_killed_trainer_is_reported_as_such(job, monkeypatch):
    """F11."""
    started = []
    original = subprocess.Popen

    def popen(*args, **kwargs):
        started.append(original(*args, **kwargs))
        return started[0]

    monkeypatch.setattr(subprocess, "Popen", popen)
    with pytest.raises(MethodError, match=r"killed \(out of memory\?\)"):
        for _ in run_job(job):
            os.kill(started[0].pid, signal.SIGKILL)
    assert "exit code 3: at last" in ended_without_a_word(3, "first\nat last\n", job.settings).message


def test_a_wrong_job_file_is_one_plain_message(tmp_path):
    path = tmp_path / "job.json"
    for content, said in [(None, "no training job"), ("{", "not JSON"), ('{"basis": 1}', "Did you mean 'base'")]:
        if content is not None:
            path.write_text(content)
        done = subprocess.run([sys.executable, "-m", "training", str(path)], cwd=ROOT, capture_output=True, text=True, check=False)
        event = json.loads(done.stdout)
        assert done.returncode == 2 and said in f"{event['message']} {event['remedy']}", event


def test_replaced_base_settings_are_part_of_the_job(job):
    """The job file holds everything: reading it back gives the same job."""
    assert TrainingJob.model_validate_json(job.model_dump_json()) == job


@pytest.mark.parametrize("moment", ["before the weights are moved", "before the checkpoints are gone", "after everything"])
def test_a_kill_at_the_very_end_repeats_no_epoch(job, monkeypatch, moment):
    """Contract 5: the epochs are on disk, so a second attempt only finishes the move."""
    if moment != "after everything":
        name = "write_whole" if moment == "before the weights are moved" else "write_json"
        original = getattr(checkpoints, name)

        def killed(path, content):
            if path.parent == job.out and path.name in (checkpoints.WEIGHTS, checkpoints.HISTORY):
                if name == "write_json":
                    original(path, content)
                raise KeyboardInterrupt
            original(path, content)

        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(checkpoints, name, killed)
            list(train(job))
    else:
        list(train(job))
    assert list(train(job)) == []
    assert sorted(p.name for p in job.out.iterdir()) == ["adapter_config.json", "adapter_model.safetensors", "training.json"]
    assert len(answer_with(job)) == 1


def test_weights_that_could_not_be_checked_for_want_of_memory_are_checked_when_they_are_asked_again(job, monkeypatch):
    """E19. A batch that did not fit is halved and asked again; what it would answer with is still unproven."""
    from models.adapter_weights import Adapters
    from models.base import OutOfMemory

    def no_room(self, probe, folder):
        raise RuntimeError("out of memory")

    list(train(job))
    model, asked = load_model(job.base, job.models_home), Batch((0,), (job.train[0].prompt_ids,), 0)
    with monkeypatch.context() as patch, pytest.raises(OutOfMemory):
        patch.setattr(Adapters, "_logits", no_room)
        model.generate(asked, GenerationConfig(max_new_tokens=4), job.out)
    monkeypatch.setattr(Adapters, "_logits", lambda self, probe, folder: torch.zeros(3))
    with pytest.raises(MethodError, match="logits equal the base"):
        model.generate(asked, GenerationConfig(max_new_tokens=4), job.out)


def test_weights_that_change_no_logit_are_refused(job, monkeypatch):
    """E19. Saved keys all fit and are not zero, but the model answers as the base does."""
    from models.adapter_weights import Adapters

    list(train(job))
    monkeypatch.setattr(Adapters, "_logits", lambda self, probe, folder: torch.zeros(3))
    with pytest.raises(MethodError, match="logits equal the base"):
        answer_with(job)
