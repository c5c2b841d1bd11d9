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
from training.preference.doctor import PairFacts
from training.preference.events import Tell
from training.preference.job import GrpoJob
from training.preference.recorder import Recorder, callback, resumable, run
from training.preference.with_trl import arguments, check_installed, library, optimizers, policy, tokenizer


def train(job: GrpoJob, tell: Tell, *, in_order: bool = False) -> None:
    """Train, from the last whole checkpoint on if there is one, and write adapter and `training.json` into `job.out`.

    Args:
        in_order: take the prompts as they come, where it is measured what they take.

    Raises:
        MethodError: the loss is no longer a number, or trl is missing.
    """
    check_installed("grpo")
    from datasets import Dataset

    trl, transformers = library(), library("transformers")
    settings = job.settings
    made = policy(job, settings)
    recorder = Recorder(job, made, tell, PairFacts(len(job.prompts)))
    made.model.generation_config = transformers.GenerationConfig(eos_token_id=sorted(made.codec.stops), pad_token_id=made.codec.pad)
    judge = TransformersModel(job.base, job.models_home)
    known = {row.id: row for row in job.prompts}

    def reward(prompts: Sequence[str], completion_ids: Sequence[Sequence[int]], **_: Any) -> list[float]:
        rows = [(known[name].bare_ids, tuple(ids) or (made.codec.turn_end,)) for name, ids in zip(prompts, completion_ids, strict=True)]
        return score_rows(judge, job.reward, rows)

    if recorder.found is not None:  # loading it draws random numbers, and may not come between those of the answers
        score_rows(judge, job.reward, [(job.prompts[0].bare_ids, (made.codec.turn_end,))])
    config = trl.GRPOConfig(
        **arguments(settings, made.hardware, job.out),
        max_steps=settings.steps,
        per_device_train_batch_size=settings.batch_size * settings.answers,
        num_generations=settings.answers,
        temperature=settings.temperature,
        beta=settings.kl,
        max_completion_length=job.max_new_tokens,
        shuffle_dataset=not in_order,
    )

    times = math.ceil(settings.batch_size / len(known))  # a step must find as many prompts as it draws
    steps_a_pass = times * len(known) // settings.batch_size

    class Trainer(resumable(trl.GRPOTrainer, recorder)):  # type: ignore[misc]
        def _get_train_sampler(self, *given: Any, **named: Any) -> Any:
            """The order of each pass over the prompts is drawn after that of the one before: of passes that were made it is drawn again."""
            sampler = super()._get_train_sampler(*given, **named)
            for _ in range(recorder.found.epoch // steps_a_pass if recorder.found else 0):
                next(iter(sampler))
            return sampler

        def _tokenize_prompts(self, prompts: list[str]) -> tuple[list[list[int]], None, dict[str, Any]]:
            """A prompt goes by its id; its tokens are those of inference."""
            return [list(known[name].prompt_ids) for name in prompts], None, {}

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
