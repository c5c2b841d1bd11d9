"""What a learning curve says of its last step, in one clause."""

import pytest

from evaluation.growth import Step, growth


@pytest.mark.parametrize(
    ("step", "end"),
    [
        (Step(60, 120, 0.05, True), "gains 0.05 token F1, so more training rows may help"),
        (Step(60, 120, 0.0004, True), "gains 0.0004 token F1, so more training rows may help"),
        (Step(60, 1200, -0.05, True), "loses 0.05 token F1, so fewer training rows may be better"),
        (Step(60, 120, 0.05, False), "does not change token F1 by more than noise, so more training rows may not help"),
    ],
)
def test_more_helps_only_where_the_gain_is_real(step: Step, end: str) -> None:
    clause = growth(step, "training rows", "LoRA", "token F1")
    assert clause == f"from {step.start:,} to {step.end:,} training rows LoRA {end}"
