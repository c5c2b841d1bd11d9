"""What tuning an encoder will take: sums by hand from made-up measurements, and real steps of a tiny encoder."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import rooms
from tiny_encoder import save_tiny_encoder

from training.encoder import estimate as estimating
from training.encoder.__main__ import main
from training.encoder.estimate import Measured, estimate, key_of, measure, of_job
from training.encoder.job import EncoderJob, EncoderSettings, TextRow
from training.estimate import Measured as Steps
from training.heads import spread

STEPS = Steps(load_s=5.0, long_s=4.0, typical_s=2.0, long_tokens=40, typical_tokens=20, at_once=4, row_mb=400.0, long_mb=700.0)
MEASURED = Measured(STEPS, 0.5, 50, 0.2, 4, 1.0, (10,) * 8, (10,) * 2)


@pytest.fixture
def job(tmp_path: Path) -> EncoderJob:
    rows = tuple(TextRow(id=e.id, text=e.question, label=rooms.LABELS.index(e.reference)) for e in rooms.TRAIN)
    return EncoderJob(
        embedder=str(save_tiny_encoder(tmp_path / "encoder", rooms.WORDS)), models_home=tmp_path, threads=1, labels=rooms.LABELS,
        settings=EncoderSettings(epochs=3, batch_size=4), train=rows[:8], validation=rows[8:10], out=tmp_path / "out",
    )  # fmt: skip


def test_seconds_are_those_of_loading_reading_the_head_steps_validation_and_checkpoints(job: EncoderJob) -> None:
    """By hand: 5 s to load; 100 tokens read in 1 s; a head for 8 rows in 0.4 s; an epoch of two steps of 40 tokens at 4 s, 20 tokens read in
    0.2 s and 1 s to save."""
    found = estimate(job, MEASURED, 1000.0)
    assert found.seconds == pytest.approx(5 + 1 + 0.4 + 3 * (2 * 4 + 0.2 + 1))
    assert (found.steps, found.tokens, found.supervised, found.fits) == (6, 240, None, True)
    ended = job.model_copy(update={"settings": job.settings.model_copy(update={"stop_after": 1})})
    assert estimate(ended, MEASURED, 1000.0).seconds == pytest.approx(5 + 1 + 0.4 + 9.2)


@pytest.mark.parametrize(
    "free, said",
    [
        (None, ""),
        (800.0, ""),
        (600.0, "Set batch_size to 2: that needs about 500 MB; smaller steps, so the weights become others."),
        (300.0, "Even one row of 10 tokens needs 400 MB: name a smaller encoder (model.embedder)."),
    ],
)
def test_what_does_not_fit_says_the_setting_to_change(job: EncoderJob, free: float | None, said: str) -> None:
    assert estimate(job, MEASURED, free).remedy == said


def test_real_steps_are_measured_once_and_kept_by_what_they_depend_on(job: EncoderJob, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def here(module: str, job: EncoderJob) -> dict[str, Any]:
        asked.append(module)
        return dict(json.loads(json.dumps(asdict(measure(job)))))

    monkeypatch.setattr(estimating, "said_by", here)
    found = of_job(job)
    assert found.seconds > 0 and found.steps == 6 and found.peak_memory_mb is not None and found.peak_memory_mb > 50
    longer = job.model_copy(update={"settings": job.settings.model_copy(update={"epochs": 6, "learning_rate": 1e-5})})
    assert of_job(longer).steps == 12 and asked == ["training.encoder"]
    wider = job.model_copy(update={"settings": job.settings.model_copy(update={"batch_size": 8})})
    fewer = job.model_copy(update={"train": job.train[:6]})
    assert len({key_of(one) for one in (job, longer, wider, fewer)}) == 3
    assert not job.out.exists(), "nothing is trained"


def test_the_command_prints_what_it_measured_and_trains_nothing(
    job: EncoderJob, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = tmp_path / "job.json"
    spec.write_text(job.model_dump_json())
    assert main([str(spec), "--estimate"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said.pop("event") == "Measured" and Measured.from_json(said).train_tokens[0] > 5
    assert not job.out.exists()


def test_a_sample_has_each_label_and_is_spread_over_the_rows() -> None:
    assert spread([0, 0, 0, 1, 2, 2], 10) == [0, 1, 2, 3, 4, 5]
    assert spread([0] * 100 + [1], 3) == [0, 50, 100]
    assert spread([*range(5)], 2) == [0, 1, 2, 3, 4], "each label has a row, however few are wanted"
