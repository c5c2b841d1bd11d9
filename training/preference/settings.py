"""How weights are trained on preferences: what direct preference optimisation, a reward model and GRPO can be told."""

from __future__ import annotations

from typing import Any

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from core.specs import Spec
from training.schedules import HELP, Schedule

LATER: dict[str, Any] = {"stop_after": None, "schedule": "linear"}
"""Settings that came later, with their defaults."""


class Later(Spec):
    """Settings that came later: they are written down, and count among what weights depend on, only where they are set."""

    @model_serializer(mode="wrap")
    def _without_defaults(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        found: dict[str, Any] = write(self)
        return {name: value for name, value in found.items() if LATER.get(name, ...) != value}


class AdapterSettings(Later):
    """The low-rank adapter that preferences train, and how its optimiser moves it."""

    rank: int = Field(8, ge=1, le=512, description="Rank of the two thin matrices beside each layer; usual 4 to 64.")
    alpha: int = Field(16, ge=1, le=4096, description="Scale of the update is alpha / rank; usual 1 to 2 times the rank.")
    dropout: float = Field(0.0, ge=0.0, lt=1.0, description="Share of inputs of each adapter dropped in training; usual 0 to 0.1.")
    learning_rate: float = Field(2e-4, gt=0.0, le=1.0, description="Largest step size, after warm-up; usual 5e-5 to 1e-3 for an adapter.")
    batch_size: int = Field(4, ge=1, le=256, description="Pairs whose gradients make one step; usual 4 to 32.")
    warmup_share: float = Field(
        0.1, ge=0.0, le=1.0, description="Share of all steps over which the learning rate rises from 0; usual 0 to 0.1."
    )
    schedule: Schedule = Field("linear", description=HELP)
    max_grad_norm: float = Field(1.0, gt=0.0, description="Gradients longer than this are scaled down to it.")
    max_tokens: int = Field(1024, ge=16, le=131072, description="Pairs with a longer prompt and answer than this are left out and counted.")
    seed: int = Field(0, ge=0, description="Seed of the order of pairs, of the first weights, of dropout and of drawn answers.")


class Stoppable(Later):
    """An end before the last epoch or step, under which what Stop keeps is found again."""

    stop_after: int | None = Field(
        None,
        ge=1,
        le=10_000,
        description="End after this many of the epochs (of GRPO: steps), with the learning rates of all; what Stop keeps is labelled by it.",
    )


class DpoSettings(Stoppable, AdapterSettings):
    """Direct preference optimisation (Rafailov et al. 2023, arXiv:2305.18290)."""

    epochs: int = Field(
        3, ge=1, le=100, description="How often each pair is seen; usual 1 to 5. The epoch with the lowest loss on held-out pairs is kept."
    )
    beta: float = Field(
        0.1, gt=0.0, le=100.0, description="How strongly the model is held near what it started from; usual 0.05 to 0.5, more stays nearer."
    )


class RewardSettings(AdapterSettings):
    """A reward model: an adapter and one linear head on the base model, trained on pairs by the Bradley-Terry loss."""

    epochs: int = Field(
        3, ge=1, le=100, description="How often each pair is seen; usual 1 to 5. The epoch with the lowest loss on held-out pairs is kept."
    )
    learning_rate: float = Field(5e-4, gt=0.0, le=1.0, description="Largest step size, after warm-up; usual 1e-4 to 1e-3 for an adapter.")


class GrpoSettings(Stoppable, AdapterSettings):
    """Group relative policy optimisation (Shao et al. 2024, arXiv:2402.03300)."""

    steps: int = Field(
        20, ge=1, le=10_000, description="Optimiser steps; usual 20 to 500. Each draws and scores answers, which takes most of the time."
    )
    batch_size: int = Field(2, ge=1, le=256, description="Prompts of one step; usual 2 to 16. Each is answered `answers` times.")
    answers: int = Field(4, ge=2, le=64, description="Answers drawn for each prompt and compared with each other; usual 4 to 16.")
    temperature: float = Field(
        1.0, gt=0.0, le=2.0, description="How much drawn answers vary; usual 0.7 to 1.2. Equal answers teach nothing."
    )
    kl: float = Field(
        0.04,
        ge=0.0,
        le=10.0,
        description="Weight of the distance (KL) from the model that it started from; usual 0.01 to 0.1, 0 lets it go.",
    )
    learning_rate: float = Field(1e-4, gt=0.0, le=1.0, description="Largest step size, after warm-up; usual 1e-5 to 2e-4 for an adapter.")
