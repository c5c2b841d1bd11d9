"""What the trainer's tests train: the tiny model, on questions and answers in its own tokens."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from core.records import Message
from models.loading import ModelSpec, load_codec
from training.job import TrainingRow

Rows = tuple[TrainingRow, ...]
LIGHTS = (("red", "go left"), ("blue", "go right"), ("green", "stop"), ("grey", "wait here"))


@pytest.fixture(scope="module")
def spec(tiny_model: Path) -> ModelSpec:
    """The base; a test file may name another one by a fixture of its own."""
    return ModelSpec(id=str(tiny_model), dtype="float32", threads=1)


@pytest.fixture(scope="module")
def rows_of(spec: ModelSpec, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Iterable[tuple[str, str]]], Rows]:
    """Makes rows of (question, answer), in the base's tokens, numbered from 00."""
    codec = load_codec(spec, tmp_path_factory.mktemp("home"))

    def make(said: Iterable[tuple[str, str]]) -> Rows:
        return tuple(
            TrainingRow(
                id=f"{number:02d}",
                prompt_ids=codec.prompt_ids([Message("user", asked)]),
                completion_ids=codec.completion_ids(answer),
            )
            for number, (asked, answer) in enumerate(said)
        )

    return make


@pytest.fixture(scope="module")
def lights(rows_of: Callable[[Iterable[tuple[str, str]]], Rows]) -> Callable[[int], Rows]:
    """Makes rows on what to do at which light, so many of each, in prompts of three lengths: learnt in a few epochs."""
    return lambda each: rows_of((f"{'very ' * (n % 3)}{colour} light", order) for n, (colour, order) in enumerate(LIGHTS * each))
