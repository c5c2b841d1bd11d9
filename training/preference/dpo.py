"""Direct preference optimisation: raise the likelihood of chosen answers against rejected ones, held near the starting model.

The loss is -log σ(β · (how much more likely the chosen answer became − how much more likely the rejected one became)), Rafailov et al. 2023,
arXiv:2305.18290. The loop and the loss are trl's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from core.errors import MethodError
from training.preference.doctor import PairFacts
from training.preference.events import Tell
from training.preference.job import DpoJob, PairRow
from training.preference.recorder import Recorder, callback, resumable, run
from training.preference.with_trl import arguments, check_installed, library, optimizers, policy, tokenizer


def train(job: DpoJob, tell: Tell, *, in_order: bool = False) -> None:
    """Train, from the last whole checkpoint on if there is one, and write adapter and `training.json` into `job.out`.

    Args:
        in_order: take the pairs as they come, where it is measured what they take.

    Raises:
        MethodError: no pair fits `max_tokens`, the loss is no longer a number, or trl is missing.
    """
    check_installed("dpo")
    trl = library()
    rows, left_out = fitting(job.train, job.settings.max_tokens)
    held_out, _ = fitting(job.held_out, job.settings.max_tokens, needed=False)
    made = policy(job, job.settings)
    recorder = Recorder(job, made, tell, facts(rows, left_out, job.train), left_out, len(held_out))
    steps = math.ceil(len(rows) / job.settings.batch_size) * job.settings.epochs
    config = trl.DPOConfig(
        **arguments(job.settings, made.hardware, job.out),
        beta=job.settings.beta,
        num_train_epochs=job.settings.epochs,
        per_device_train_batch_size=job.settings.batch_size,
        per_device_eval_batch_size=1,  # means of batches are then means of pairs
        eval_strategy="epoch" if held_out else "no",
        max_length=None,
        **({"train_sampling_strategy": "sequential"} if in_order else {}),
    )

    class Trainer(resumable(trl.DPOTrainer, recorder)):  # type: ignore[misc]
        def _prepare_dataset(self, dataset: Any, *_: Any) -> Any:
            """The rows are ids already, those of inference."""
            return dataset

    trainer = Trainer(
        model=made.model,
        args=config,
        train_dataset=table(rows),
        eval_dataset=table(held_out) if held_out else None,
        processing_class=tokenizer(made.codec),
        callbacks=[callback(recorder)],
        optimizers=optimizers(made.model, job.settings, steps),
    )
    run(trainer, recorder)


def facts(rows: Sequence[PairRow], left_out: Sequence[str], given: Sequence[PairRow]) -> PairFacts:
    return PairFacts(len(rows), len(left_out), max(row.length for row in given))


def table(rows: Sequence[PairRow]) -> Any:
    """The rows as trl's collator wants them."""
    from datasets import Dataset

    return Dataset.from_list(
        [{"prompt_ids": list(r.prompt_ids), "chosen_ids": list(r.chosen_ids), "rejected_ids": list(r.rejected_ids)} for r in rows]
    )


def fitting(rows: Sequence[PairRow], max_tokens: int, *, needed: bool = True) -> tuple[list[PairRow], list[str]]:
    """Pairs within `max_tokens`, and the ids of the others: an answer that is cut would teach the model not to end.

    Raises:
        MethodError: none fits, and some are needed.
    """
    kept = [row for row in rows if row.length <= max_tokens]
    if needed and not kept:
        shortest = min(row.length for row in rows)
        raise MethodError(f"max_tokens must fit at least one pair; it is {max_tokens} and the shortest pair has {shortest}.", "Raise it.")
    return kept, [row.id for row in rows if row.length > max_tokens]
