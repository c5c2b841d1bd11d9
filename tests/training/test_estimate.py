"""What a job will take: the arithmetic by hand, the trial's order, and real steps of the tiny model in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess

import pytest

from core.errors import MethodError
from core.memory import free_mb
from models.loading import ModelSpec
from training import estimate as module
from training.batches import steps_of
from training.estimate import Measured, as_json, estimate, key_of, measure, measured_step, of_job, remedy, trial_of
from training.job import TrainingJob, TrainingRow
from training.peft_configs import LoraSettings

MEASURED = Measured(load_s=10.0, long_s=4.0, typical_s=2.0, long_tokens=400, typical_tokens=200, at_once=4, row_mb=1000.0, long_mb=1600.0)


def row(place, length, answer=2):
    return TrainingRow(id=f"{place:0>2}", prompt_ids=(5,) * (length - answer), completion_ids=(6,) * answer)


@pytest.fixture
def job(tiny_model, tmp_path):
    rows = tuple(row(place, 20 + 4 * place) for place in range(10))
    return TrainingJob(
        base=ModelSpec(id=str(tiny_model), dtype="float32", threads=1),
        models_home=tmp_path / "models",
        settings=LoraSettings(epochs=2, batch_size=4, rank=2),
        train=rows,
        validation=rows[:4],
        out=tmp_path / "out",
    )


def test_time_is_that_of_loading_and_of_every_steps_padded_tokens(job):
    """Steps of 100 and 300 tokens lie on the line through (200, 2 s) and (400, 4 s): a hundredth of a second for each token."""
    rows = (*(row(n, 25) for n in range(4)), *(row(n + 4, 75) for n in range(4)))
    small = job.model_copy(update={"train": rows, "validation": rows[:4]})
    found = estimate(small, MEASURED, None)
    assert found.seconds == pytest.approx(10 + 2 * (1.0 + 3.0 + 0.5 * 1.0))
    assert (found.steps, found.tokens, found.supervised) == (4, 2 * 400, 2 * 16)


def test_packed_steps_take_the_time_of_their_own_tokens_and_validation_of_padded_ones(job):
    """One step of rows of 25, 25, 25 and 75 tokens: 150 in all, and 300 with padding."""
    rows = tuple(row(n, 75 if n % 4 == 3 else 25) for n in range(4))
    changes = {"train": rows, "validation": rows}
    packed = job.model_copy(update={**changes, "settings": job.settings.model_copy(update={"packing": True})})
    assert estimate(packed, MEASURED, None).seconds == pytest.approx(10 + 2 * (1.5 + 0.5 * 3.0))
    assert estimate(job.model_copy(update=changes), MEASURED, None).seconds == pytest.approx(10 + 2 * (3.0 + 0.5 * 3.0))


def rehearsing(job, **settings):
    """Two steps of four task rows; alpha 0.2 puts one general row of 30 tokens beside each."""
    rows = (*(row(n, 25) for n in range(4)), *(row(n + 4, 75) for n in range(4)))
    settings = job.settings.model_copy(update={"rehearsal_alpha": 0.2, **settings})
    general = tuple(row(f"g{n}", 30, 5) for n in range(3))
    return job.model_copy(update={"train": rows, "validation": (), "general": general, "settings": settings})


def test_rehearsed_rows_count_in_time_and_tokens(job):
    """Each of the 4 steps has 30 tokens more: 0.3 s on the line of a hundredth of a second for each token, and 5 answer tokens."""
    found = estimate(rehearsing(job), MEASURED, None)
    assert found.seconds == pytest.approx(10 + 2 * (1.3 + 3.3))
    assert (found.tokens, found.supervised, found.general_tokens) == (2 * 400 + 4 * 30, 2 * 16 + 4 * 5, 4 * 30)
    more = estimate(rehearsing(job, rehearsal_alpha=0.5), MEASURED, None)
    assert more.general_tokens == 4 * 4 * 30
    plain = rehearsing(job, rehearsal_alpha=0.0)
    assert estimate(plain, MEASURED, None).general_tokens == 0 and key_of(plain) == key_of(plain.model_copy(update={"general": ()}))


def test_measured_steps_have_the_general_rows_that_training_has(job):
    found = measure(rehearsing(job))
    assert (found.long_tokens, found.typical_tokens) == (4 * 75 + 30, 4 * 75 + 30)
    mixed = measure(rehearsing(job).model_copy(update={"train": job.train}))
    assert (mixed.long_tokens, mixed.typical_tokens) == (4 * 56 + 30, 4 * 40 + 30)
    longer = tuple(row(f"g{n}", 60, 5) for n in range(3))
    assert key_of(rehearsing(job)) != key_of(rehearsing(job).model_copy(update={"general": longer}))


def test_an_end_before_the_last_epoch_counts(job):
    whole = estimate(job, MEASURED, None)
    half = estimate(job.model_copy(update={"settings": job.settings.model_copy(update={"stop_after": 1})}), MEASURED, None)
    assert (half.steps, half.tokens) == (whole.steps / 2, whole.tokens / 2)
    assert half.seconds - MEASURED.load_s == pytest.approx((whole.seconds - MEASURED.load_s) / 2, abs=0.1)


def test_steps_that_are_alike_are_measured_by_a_line_through_nothing(job):
    alike = MEASURED.__class__(**{**MEASURED.__dict__, "typical_tokens": 400, "typical_s": 3.9})
    rows = tuple(row(n, 50) for n in range(4))
    found = estimate(job.model_copy(update={"train": rows, "validation": ()}), alike, None)
    assert found.seconds == pytest.approx(10 + 2 * 2.0)


def test_what_fits_needs_no_remedy_and_what_does_not_names_the_setting_that_changes_no_result():
    """One row needs 1000 MB and each further one 200: of 1500 MB free, nine tenths are room for two."""
    settings = LoraSettings(batch_size=4)
    assert remedy(MEASURED, settings, 2000.0, 100) == ""
    assert remedy(MEASURED, settings, None, 100) == ""
    assert remedy(MEASURED, settings, 1500.0, 100) == "Set micro_batch_size to 2: that needs about 1,200 MB, and the result stays the same."
    assert "Even one row of 100 tokens needs 1,000 MB: lower max_tokens" in remedy(MEASURED, settings, 800.0, 100)


def test_the_remedy_fits_when_it_is_followed():
    advised = MEASURED.__class__(**{**MEASURED.__dict__, "at_once": 2, "long_mb": 1200.0})
    assert remedy(advised, LoraSettings(batch_size=4, micro_batch_size=2), 1500.0, 100) == ""


@pytest.mark.parametrize("batch_size", [1, 2, 4, 64])
def test_the_trial_begins_with_one_long_row_and_ends_with_a_long_batch(job, tmp_path, batch_size):
    settings = job.settings.model_copy(update={"batch_size": batch_size, "early_stopping": 1, "stop_after": 1})
    trial = trial_of(job.model_copy(update={"settings": settings}), tmp_path)
    steps = steps_of(trial.train, trial.settings.batch_size, trial.settings.seed, 1)
    longest, size = 56, min(batch_size, 10)
    assert [len(steps[0]), steps[0][0].length] == [1, longest]
    assert [len(steps[-1]), steps[-1][0].length] == [size, longest]
    assert trial.validation == () and trial.settings.early_stopping is None and trial.settings.epochs == 1


def test_a_trial_of_no_row_that_fits_is_refused(job, tmp_path):
    with pytest.raises(MethodError, match="no training row is that short"):
        trial_of(job.model_copy(update={"settings": job.settings.model_copy(update={"max_tokens": 16})}), tmp_path)


def test_real_steps_take_time_and_memory_and_leave_nothing_behind(job):
    found = measure(job)
    assert found.load_s > 0 and found.long_s > 0 and found.typical_s > 0
    assert (found.long_tokens, found.typical_tokens, found.at_once) == (4 * 56, 4 * 40, 4)
    assert 0 < found.row_mb <= found.long_mb
    assert not job.out.exists()


def test_it_is_measured_once_in_a_process_of_its_own_and_then_found_again(job, monkeypatch):
    first = measured_step(job)
    monkeypatch.setattr(subprocess, "run", lambda *a, **k: pytest.fail("it was measured before"))
    assert measured_step(job) == first
    found = as_json(of_job(job))
    assert found["steps"] == 6 and found["seconds"] > 0 and found["fits"] == (found["remedy"] == "")


def test_what_costs_the_same_is_the_same_key_and_what_does_not_is_another(job):
    def changed(**settings):
        return key_of(job.model_copy(update={"settings": job.settings.model_copy(update=settings)}))

    assert changed(epochs=9, learning_rate=0.5, seed=3, schedule="cosine") == key_of(job)
    assert len({key_of(job), changed(rank=4), changed(batch_size=2), changed(micro_batch_size=1), changed(max_tokens=40)}) == 5
    assert key_of(job.model_copy(update={"base": job.base.model_copy(update={"threads": 2})})) != key_of(job)


def test_measured_steps_that_were_killed_say_so_with_the_setting_to_change(job, monkeypatch):
    """F11, before the launch."""
    killed = subprocess.CompletedProcess([], -9, stdout="", stderr="")
    monkeypatch.setattr(module.subprocess, "run", lambda *a, **k: killed)
    with pytest.raises(MethodError, match=r"killed \(out of memory\?\)\. Set micro_batch_size to 2"):
        measured_step(job)


def test_what_is_wrong_with_the_job_is_said_as_training_would(job, monkeypatch):
    said = json.dumps({"event": "Failed", "message": "rank must be lower.", "remedy": "Lower it."})
    monkeypatch.setattr(module.subprocess, "run", lambda *a, **k: subprocess.CompletedProcess([], 3, stdout=said + "\n", stderr=""))
    with pytest.raises(MethodError, match=r"rank must be lower\. Lower it\."):
        measured_step(job)


def test_free_memory_is_known_here():
    found = free_mb()
    assert found is not None and 0 < found <= os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**20
