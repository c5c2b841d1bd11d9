"""The command's own words where memory ends, and which setting it names."""

from __future__ import annotations

import pytest
import torch

from core.errors import MethodError
from models.loading import ModelSpec
from training.__main__ import enough_memory
from training.encoder.job import EncoderSettings
from training.job import TrainingJob, TrainingRow
from training.launch import ended_without_a_word, smaller
from training.peft_configs import LoraSettings


@pytest.fixture
def job(tmp_path):
    rows = (TrainingRow(id="a", prompt_ids=(1,), completion_ids=(2,)),)
    return TrainingJob(base=ModelSpec(id="tiny"), models_home=tmp_path, settings=LoraSettings(batch_size=8), train=rows, out=tmp_path)


@pytest.mark.parametrize(
    "error", [torch.OutOfMemoryError("CUDA out of memory."), RuntimeError("HIP out of memory. Tried to allocate"), MemoryError()]
)
def test_no_memory_for_a_step_is_one_plain_message_by_type_as_well_as_by_text(job, error):
    """F10, while training: the setting that it names changes no result."""
    with pytest.raises(MethodError, match=r"no memory left for a training step\. Set micro_batch_size to 4"), enough_memory(job):
        raise error


def test_what_is_no_want_of_memory_stays_what_it_is(job):
    with pytest.raises(RuntimeError, match="shape"), enough_memory(job):
        raise RuntimeError("shape mismatch")


def test_the_setting_to_change_is_named_with_the_value_that_it_has_now():
    """F11: first what changes no result, then what makes the work smaller."""
    assert smaller(LoraSettings(batch_size=8)) == "Set micro_batch_size to 4 (it computes 8 rows at once now), which changes no result."
    assert smaller(LoraSettings(batch_size=8, micro_batch_size=2)).startswith("Set micro_batch_size to 1 ")
    assert smaller(LoraSettings(batch_size=1)).startswith("Lower max_tokens")
    assert smaller(EncoderSettings(batch_size=16)) == "Set batch_size to 8 (it computes 16 rows at once now)."


def test_an_end_without_a_word_is_told_by_its_exit_code(job):
    """F11: -9 is the system's killer; 130 is somebody's stop; the rest is in the log."""
    assert "killed (out of memory?)" in ended_without_a_word(-9, "", job.settings).message
    assert "stopped from outside" in ended_without_a_word(130, "", job.settings).message
    assert ended_without_a_word(1, "", job.settings).message.endswith("exit code 1: no message")
