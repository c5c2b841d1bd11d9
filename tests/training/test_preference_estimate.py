"""What a run on preferences will take: the arithmetic by hand, the order of the measured steps, and real ones of the tiny model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from models.loading import ModelSpec
from training.estimate import Measured
from training.preference.estimate import estimate, key_of, measure, trial_of_pairs, trial_of_prompts
from training.preference.job import DpoJob, GrpoJob, PairRow, PromptRow
from training.preference.settings import DpoSettings, GrpoSettings

MEASURED = Measured(load_s=10.0, long_s=4.0, typical_s=2.0, long_tokens=400, typical_tokens=200, at_once=2, row_mb=900.0, long_mb=900.0)


def pair(place: int, prompt: int, chosen: int, rejected: int) -> PairRow:
    return PairRow(id=f"{place:02d}", prompt_ids=(5,) * prompt, chosen_ids=(6,) * chosen, rejected_ids=(7,) * rejected)


@pytest.fixture
def job(tiny_model: Path, tmp_path: Path) -> DpoJob:
    return DpoJob(
        base=ModelSpec(id=str(tiny_model), dtype="float32", threads=1),
        models_home=tmp_path / "models",
        settings=DpoSettings(epochs=2, batch_size=2, rank=2),
        train=tuple(pair(place, 40, 10, 10) for place in range(4)),
        held_out=(pair(9, 40, 10, 10),),
        out=tmp_path / "out",
    )


def prompts(job: DpoJob, **settings: Any) -> GrpoJob:
    rows = tuple(PromptRow(id=f"{n}", prompt_ids=(5,) * (20 + n), bare_ids=(5,) * 9) for n in range(5))
    given = GrpoSettings(**{"steps": 6, "batch_size": 2, "answers": 3, "rank": 2, **settings})
    return GrpoJob(base=job.base, models_home=job.models_home, settings=given, prompts=rows, reward=job.out, max_new_tokens=8, out=job.out)


def test_time_is_that_of_loading_and_of_both_answers_padded_tokens(job: DpoJob) -> None:
    """A batch is 2 x 2 x 50 = 200 tokens and takes 2 s; the held-out pair's 100 take half of 1 s, for there is no backward pass."""
    found = estimate(job, MEASURED, None)
    assert found.seconds == pytest.approx(10 + 2 * (2 * 2.0 + 0.5))
    assert (found.steps, found.tokens, found.supervised) == (4, 2 * 4 * 100, 2 * 4 * 20)


def test_an_end_before_the_last_epoch_counts_and_pairs_that_are_too_long_do_not(job: DpoJob) -> None:
    short = job.model_copy(
        update={"settings": job.settings.model_copy(update={"stop_after": 1}), "train": (*job.train, pair(7, 40, 10, 2000))}
    )
    assert estimate(short, MEASURED, None).steps == 2


def test_policy_optimisation_is_counted_by_steps_and_by_answers_that_are_as_long_as_they_may_be(job: DpoJob) -> None:
    found = estimate(prompts(job), MEASURED, None)
    assert found.seconds == pytest.approx(10 + 6 * 2.0)
    assert (found.steps, found.supervised, found.tokens) == (6, 6 * 6 * 8, 6 * 6 * (22 + 8))
    assert estimate(prompts(job, stop_after=2), MEASURED, None).steps == 2


def test_what_does_not_fit_names_the_setting_to_lower(job: DpoJob) -> None:
    assert estimate(job, MEASURED, 1100.0).fits
    assert "Set batch_size to 1 (it computes 2 rows at once now)" in estimate(job, MEASURED, 900.0).remedy


def test_the_trial_takes_the_longest_first_a_typical_one_and_the_longest_again(job: DpoJob, tmp_path: Path) -> None:
    mixed = job.model_copy(update={"train": tuple(pair(n, 10 * n, 2, 2) for n in range(1, 6))})
    trial, tokens = trial_of_pairs(mixed, tmp_path)
    assert [row.length for row in trial.train] == [52, 52, 32, 32, 52, 52] and tokens == (208, 128)
    assert trial.held_out == () and trial.settings.epochs == 1 and len({row.id for row in trial.train}) == 6
    asked, _ = trial_of_prompts(prompts(job), tmp_path)
    assert [len(row.prompt_ids) for row in asked.prompts] == [24, 24, 22, 22, 24, 24] and asked.settings.steps == 3


def test_real_steps_take_time_and_memory_and_leave_nothing_behind(job: DpoJob) -> None:
    found = measure(job)
    assert found.load_s > 0 and found.long_s > 0 and found.typical_s > 0 and found.long_mb > 0
    assert (found.long_tokens, found.typical_tokens) == (200, 200) and not job.out.exists()


def test_what_was_measured_is_found_again_unless_steps_cost_otherwise(job: DpoJob) -> None:
    other = lambda **changes: job.model_copy(update={"settings": job.settings.model_copy(update=changes)})  # noqa: E731
    assert key_of(job) == key_of(other(epochs=9)) == key_of(other(learning_rate=1e-5, stop_after=1, beta=0.5))
    longer = job.model_copy(update={"train": (*job.train, pair(8, 60, 5, 5))})
    assert len({key_of(job), key_of(other(batch_size=3)), key_of(longer), key_of(prompts(job)), key_of(prompts(job, answers=5))}) == 5
