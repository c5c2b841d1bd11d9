"""Policy optimisation against a reward model: draw several answers to a prompt, and make those likelier that are rewarded above their group's mean.

Group relative policy optimisation (Shao et al. 2024, arXiv:2402.03300) with trl's loop. A reward model is a stand-in for people: optimised for
long enough, answers please it and nobody else, so the distance from the starting model (KL) is held down and drawn beside the reward.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from models.reward import score_rows
from models.transformers_backend import TransformersModel
from training.preference.events import Tell
from training.preference.job import GrpoJob
from training.preference.with_trl import Recorder, arguments, callback, check_installed, library, optimizers, policy, run, tokenizer


def train(job: GrpoJob, tell: Tell) -> None:
    """Train, and write adapter and `training.json` into `job.out`.

    Raises:
        MethodError: the loss is no longer a number, or trl is missing.
    """
    check_installed("grpo")
    from datasets import Dataset

    trl, transformers = library(), library("transformers")
    settings = job.settings
    made = policy(job, settings)
    recorder = Recorder(job, made, tell)
    made.model.generation_config = transformers.GenerationConfig(eos_token_id=sorted(made.codec.stops), pad_token_id=made.codec.pad)
    judge = TransformersModel(job.base, job.models_home)
    known = {row.id: row for row in job.prompts}

    def reward(prompts: Sequence[str], completion_ids: Sequence[Sequence[int]], **_: Any) -> list[float]:
        rows = [(known[name].bare_ids, tuple(ids) or (made.codec.turn_end,)) for name, ids in zip(prompts, completion_ids, strict=True)]
        return score_rows(judge, job.reward, rows)

    config = trl.GRPOConfig(
        **arguments(settings, made.hardware, job.out),
        max_steps=settings.steps,
        per_device_train_batch_size=settings.batch_size * settings.answers,
        num_generations=settings.answers,
        temperature=settings.temperature,
        beta=settings.kl,
        max_completion_length=job.max_new_tokens,
    )

    class Trainer(trl.GRPOTrainer):  # type: ignore[misc,name-defined]
        def _tokenize_prompts(self, prompts: list[str]) -> tuple[list[list[int]], None, dict[str, Any]]:
            """A prompt goes by its id; its tokens are those of inference."""
            return [list(known[name].prompt_ids) for name in prompts], None, {}

    times = math.ceil(settings.batch_size / len(known))  # a step must find as many prompts as it draws
    trainer = Trainer(
        model=made.model,
        reward_funcs=reward,
        args=config,
        train_dataset=Dataset.from_list([{"prompt": name} for name in known] * times),
        processing_class=tokenizer(made.codec),
        callbacks=[callback(recorder)],
        optimizers=optimizers(made.model, settings, settings.steps),
    )
    run(trainer, recorder)
