"""The doctor of tuned encoders: every rule on a real run of a tiny encoder that was made to fail that way, and silence on ten that learn."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import rooms
from safetensors.torch import load_file, save_file
from tiny_encoder import save_tiny_encoder

from core.errors import MethodError
from training.encoder.doctor import EncoderDoctor, TextFacts
from training.encoder.events import Step
from training.encoder.job import EncoderJob, EncoderSettings, TextRow
from training.encoder.loop import tune
from training.events import Finding

USUAL = {"epochs": 4, "learning_rate": 8e-4, "batch_size": 4, "seed": 1}
FACTS = TextFacts(24, 0, 32, 3, 0)


def rows(examples: list[rooms.Example], shift: int = 0) -> tuple[TextRow, ...]:
    """With a shift, each row has the label of another room."""
    return tuple(TextRow(id=e.id, text=e.question, label=(rooms.LABELS.index(e.reference) + shift) % 3) for e in examples)


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_encoder(tmp_path_factory.mktemp("encoder"), rooms.WORDS)


@pytest.fixture
def tuned(encoder: Path, tmp_path: Path) -> Callable[..., list[Finding]]:
    """Tune with these settings; the run's findings, which are also what `training.json` holds of them."""

    def run(
        train: tuple[TextRow, ...] = rows(rooms.TRAIN),
        validation: tuple[TextRow, ...] = rows(rooms.VALIDATION),
        folder: Path = encoder,
        absent: int = 0,
        **settings: Any,
    ) -> list[Finding]:
        out = tmp_path / str(len(list(tmp_path.iterdir())))
        job = EncoderJob(
            embedder=str(folder), models_home=tmp_path, threads=1, labels=rooms.LABELS, absent=absent,
            settings=EncoderSettings(**{**USUAL, **settings}), train=train, validation=validation, out=out,
        )  # fmt: skip
        found = [event for event in tune(job) if isinstance(event, Finding)]
        assert [Finding(**kept) for kept in json.loads((out / "training.json").read_text())["findings"]] == found
        return found

    return run


def rules(findings: list[Finding]) -> list[str]:
    return [finding.rule for finding in findings]


HEALTHY: list[dict[str, Any]] = [
    {"seed": 1},
    {"seed": 2, "learning_rate": 5e-4},
    {"seed": 3, "batch_size": 8},
    {"seed": 4, "balance": True},
    {"seed": 5, "warmup_share": 0.0},
    {"seed": 6, "weight_decay": 0.1},
    {"seed": 7, "early_stopping": 4},
    {"seed": 8, "epochs": 2},
    {"seed": 9, "batch_size": 1, "epochs": 2, "learning_rate": 3e-4},
    {"seed": 10, "learning_rate": 2e-4, "epochs": 6},
]


@pytest.mark.parametrize("settings", HEALTHY)
def test_no_rule_speaks_on_an_encoder_that_learns(tuned: Callable[..., list[Finding]], settings: dict[str, Any]) -> None:
    assert tuned(**settings) == []


def test_a_rate_that_is_orders_of_magnitude_off_is_said_before_the_first_step(tuned: Callable[..., list[Finding]]) -> None:
    low, high = tuned(learning_rate=1e-7, epochs=1), tuned(learning_rate=2e-3, epochs=1)
    assert (low[0].rule, low[0].step) == (high[0].rule, high[0].step) == ("rate", 0)
    assert low[0].text == "learning_rate 1e-07 is far below what tuned_encoder usually takes (about 3e-05)."
    assert high[0].remedy == "Lower it towards 3e-05."


def test_a_loss_that_is_flat_is_said_with_the_rate_to_raise(tuned: Callable[..., list[Finding]]) -> None:
    """Texts that say nothing of their labels: the head is as good as it can be, and nothing moves."""
    alike = tuple(row.model_copy(update={"text": "in the hall"}) for row in rows(rooms.TRAIN))
    (flat,) = tuned(train=alike, validation=(), learning_rate=2e-6, epochs=2)
    assert flat.rule == "flat" and "does not fall: 1.099 nats per row at first" in flat.text
    assert flat.remedy.startswith("Raise learning_rate (it is 2e-06; usual for tuned_encoder is about 3e-05)")


def test_a_run_that_diverges_is_said_once_with_a_lower_rate(tuned: Callable[..., list[Finding]]) -> None:
    found = tuned(learning_rate=1.0, warmup_share=0.0, epochs=3)
    assert rules(found).count("diverging") == 1 and "flat" not in rules(found)
    rises = next(finding for finding in found if finding.rule == "diverging")
    assert "rises instead of falling" in rises.text and "nats per row" in rises.text and "try 0.1" in rises.remedy


def test_validation_that_rises_while_training_falls_is_said_once_and_names_the_epoch_that_is_kept(
    tuned: Callable[..., list[Finding]],
) -> None:
    """Validation rows that contradict the training rows: what is learnt makes them worse."""
    spoilt = rows(rooms.VALIDATION, shift=1)
    (found,) = tuned(validation=spoilt, epochs=6)
    assert found.rule == "overfitting" and "rows are learnt by heart. The weights of epoch 1 are kept." in found.text
    (ended,) = tuned(validation=spoilt, epochs=6, early_stopping=1)
    assert ended.text == "Ended early after epoch 2 of 6: the validation loss was lowest in epoch 1; the weights of epoch 1 are kept."


def test_most_texts_longer_than_the_encoder_reads_are_counted(tuned: Callable[..., list[Finding]]) -> None:
    long = tuple(row.model_copy(update={"text": f"{row.text} {'in the hall ' * 20}"}) for row in rows(rooms.TRAIN))
    (cut,) = tuned(train=(*long[:20], *rows(rooms.TRAIN)[20:]), epochs=1)
    assert cut.rule == "cut" and "20 of 24 have more than 32 tokens" in cut.text and "model.embedder" in cut.remedy
    assert tuned(train=(*long[:12], *rows(rooms.TRAIN)[12:]), epochs=1) == [], "half of them is not most"


def test_labels_without_training_rows_are_counted_and_not_named(tuned: Callable[..., list[Finding]]) -> None:
    (absent,) = tuned(absent=2, epochs=1)
    assert absent.text == "2 of 5 labels do not occur in the training rows, so they are never answered."


def test_an_encoder_that_gives_no_numbers_ends_the_run_before_a_head_is_fitted(tuned: Callable[..., list[Finding]], tmp_path: Path) -> None:
    broken = save_tiny_encoder(tmp_path / "broken", rooms.WORDS)
    tensors = load_file(broken / "model.safetensors")
    tensors["embeddings.LayerNorm.weight"][0] = float("nan")
    save_file(tensors, broken / "model.safetensors", {"format": "pt"})
    with pytest.raises(
        MethodError, match=r"vectors are no numbers\. The untrained encoder gives no numbers already: fetch its weights again"
    ):
        tuned(folder=broken)


def test_a_loss_that_is_lost_later_is_put_down_to_the_learning_rate_and_zero_gradients_are_said() -> None:
    doctor = EncoderDoctor(EncoderSettings(), FACTS)
    assert doctor.watch(Step(1, 9, 1, 1.0, 0.3, 1e-5, 1.0, 0.1)) == []
    (lost,) = doctor.watch(Step(2, 9, 1, float("nan"), 0.3, 1e-5, 1.0, 0.1))
    assert lost.fatal and lost.remedy == "Lower learning_rate (it is 3e-05)."
    still = EncoderDoctor(EncoderSettings(), FACTS)
    found = [still.watch(Step(n, 9, 1, 1.0, 0.3, 1e-5, 0.0, 0.1)) for n in (1, 2, 3, 4)]
    assert [rules(each) for each in found] == [[], [], ["flat"], []]
