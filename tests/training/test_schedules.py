"""Learning rates by hand, and when training ends before its last epoch."""

import pytest

from adapters.dpo import DpoSpec
from adapters.grpo import GrpoSpec
from core.errors import MethodError
from training import early
from training.encoder.job import EncoderSettings
from training.encoder.loop import learning_rate as encoder_rate
from training.loop import learning_rate
from training.peft_configs import LoraSettings
from training.preference.settings import DpoSettings, GrpoSettings, RewardSettings
from training.preference.with_trl import optimizers
from training.schedules import AFTER_WARM_UP, rate


def rates(schedule, total=10, warmup_share=0.2):
    return [rate(step, total, largest=1.0, warmup_share=warmup_share, schedule=schedule) for step in range(1, total + 1)]


def test_linear_rises_and_falls_in_lines_as_it_always_did():
    assert rates("linear") == pytest.approx([0.5, 1.0, 1.0, 0.875, 0.75, 0.625, 0.5, 0.375, 0.25, 0.125])


def test_cosine_falls_along_half_a_wave():
    assert rates("cosine", 4, 0.0) == pytest.approx([1.0, 0.8535534, 0.5, 0.1464466])
    assert rates("cosine")[:3] == pytest.approx([0.5, 1.0, 1.0])


def test_constant_stays_after_the_warm_up():
    assert rates("constant") == pytest.approx([0.5, *[1.0] * 9])


@pytest.mark.parametrize("schedule", list(AFTER_WARM_UP))
def test_every_schedule_begins_with_the_warm_up_and_never_exceeds_the_rate_that_was_asked_for(schedule):
    settings = LoraSettings(learning_rate=2e-3, warmup_share=0.5, schedule=schedule)
    found = [learning_rate(step, 8, settings) for step in range(1, 9)]
    assert found[:4] == pytest.approx([5e-4, 1e-3, 1.5e-3, 2e-3])
    assert all(0 < value <= 2e-3 for value in found)


@pytest.mark.parametrize("schedule", list(AFTER_WARM_UP))
def test_a_warm_up_over_all_steps_divides_by_nothing(schedule):
    assert rates(schedule, 4, 1.0) == pytest.approx([0.25, 0.5, 0.75, 1.0])


def test_preferences_and_encoders_have_the_same_schedules():
    import torch

    for schedule in AFTER_WARM_UP:
        settings = DpoSettings(learning_rate=1.0, warmup_share=0.2, schedule=schedule)
        optimizer, planned = optimizers(torch.nn.Linear(1, 1), settings, 10)
        found = []
        for _ in range(10):
            found.append(planned.get_last_lr()[0])
            optimizer.step()
            planned.step()
        assert found == pytest.approx(rates(schedule))
        encoder = EncoderSettings(learning_rate=1.0, warmup_share=0.2, schedule=schedule)
        assert [encoder_rate(step, 10, encoder) for step in range(1, 11)] == pytest.approx(rates(schedule))


def test_linear_is_written_down_nowhere_so_that_weights_of_before_it_could_be_chosen_are_found_again():
    """E22 for artefacts."""
    for Settings in (DpoSettings, GrpoSettings, RewardSettings):
        assert not {"schedule", "stop_after"} & Settings().model_dump().keys()
        assert Settings(schedule="cosine").model_dump()["schedule"] == "cosine"
        assert Settings.model_validate_json(Settings(schedule="cosine").model_dump_json()).schedule == "cosine"
    for Spec, kind in ((DpoSpec, "dpo"), (GrpoSpec, "grpo")):
        plain = Spec(kind=kind).trained_with()
        assert not {"schedule", "teacher", "teacher_url"} & plain.keys()
        assert {**plain, "schedule": "cosine"} == Spec(kind=kind, schedule="cosine").trained_with()


def ended(*losses):
    return [{"validation_loss": loss} for loss in losses]


def test_patience_counts_the_epochs_since_the_best_one():
    assert not early.patience_over(ended(3.0, 2.0, 2.5), 2)
    assert early.patience_over(ended(3.0, 2.0, 2.5, 2.0), 2)
    assert not early.patience_over(ended(3.0, 2.0, 2.5, 2.6), None)
    assert not early.patience_over([], 1)


def test_early_stopping_without_validation_rows_is_one_plain_message():
    with pytest.raises(MethodError, match=r"early_stopping needs validation rows.*data\.split\.validation"):
        early.check(LoraSettings(early_stopping=1), 0)
    early.check(LoraSettings(early_stopping=1), 1)
    early.check(LoraSettings(), 0)


def test_stop_after_ends_before_the_last_epoch_and_never_after_it():
    assert [early.last_epoch(LoraSettings(epochs=3, stop_after=n)) for n in (None, 2, 9)] == [3, 2, 3]
