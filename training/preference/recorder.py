"""Follows trl's loop: its log becomes events and history, the doctor looks on, and checkpoints of ours stand in the place of its own.

What is still missing of a run that was killed is found by the last whole checkpoint: trl's loop is told the place, and skips what was trained.
"""

from __future__ import annotations

import math
import shutil
import time
import warnings
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from models.memory import peak_mb
from training import checkpoints
from training.events import Finding
from training.preference import keeping, stopping
from training.preference.doctor import PairFacts, doctor_of
from training.preference.events import Epoch, History, Step, Tell
from training.preference.job import DpoJob, GrpoJob
from training.preference.with_trl import Policy

SAVE_EVERY = 5
"""Steps of GRPO from one checkpoint to the next."""


class Recorder:
    """Turns trl's log into events, history and checkpoints, and asks the doctor.

    Args:
        rows: what the doctor is told of them.
        left_out, held_out: ids of pairs that are too long, and how many pairs are never trained on.
    """

    def __init__(
        self, job: DpoJob | GrpoJob, policy: Policy, tell: Tell, rows: PairFacts, left_out: Sequence[str] = (), held_out: int = 0
    ) -> None:
        self.job, self.policy, self.model, self.tell = job, policy, policy.model, tell
        trained = sum(p.numel() for p in self.model.parameters() if p.requires_grad)
        self.history, self.pairs = History(trainable_params=trained, left_out=list(left_out)), held_out
        self.doctor = doctor_of(job.task, job.settings, rows)
        self.checked: list[float | None] = [None, None, None]
        self.started = time.monotonic()
        self.found, broken = checkpoints.find(job.out)
        self.history.told(self.doctor.begin(), self.tell)
        if self.found is not None:
            self.history = History.from_json(self.found.state)
            for event in self.history.events():
                self.doctor.watch(event)
        self.history.told([in_units(finding, stopping.unit_of(job.settings)) for finding in broken], self.tell)

    @property
    def last(self) -> int:
        """The epoch (of GRPO: step) that training ends with."""
        return stopping.last_of(self.job.settings)

    def logged(self, state: Any, logs: dict[str, Any]) -> None:
        """One call of trl's log: a step, or the figures of an evaluation."""
        if "eval_loss" in logs:
            self.checked = [number(logs, f"eval_{name}") for name in ("loss", "rewards/accuracies", "rewards/margins")]
        elif "loss" in logs:
            step = Step(
                step=int(state.global_step),
                steps=int(state.max_steps),
                epoch=max(1, math.ceil(float(state.epoch or 1) - 1e-9)),
                loss=float(logs["loss"]),
                learning_rate=float(logs.get("learning_rate", 0.0)),
                grad_norm=number(logs, "grad_norm"),
                reward_accuracy=number(logs, "rewards/accuracies"),
                reward_margin=number(logs, "rewards/margins"),
                reward=number(logs, "reward"),
                kl=number(logs, "kl"),
                answer_tokens=number(logs, "completions/mean_length"),
                equal_rewards=number(logs, "frac_reward_zero_std"),
            )
            findings = self.doctor.watch(step)
            if not any(finding.fatal for finding in findings):
                self.history.curves.append(asdict(step))
                self.tell(step)
            self.history.told(findings, self.tell)

    def save(self, trainer: Any) -> None:
        """Write a checkpoint, and tell of the epoch that it ends."""
        ended = self._end_epoch(round(float(trainer.state.epoch or 0))) if isinstance(self.job, DpoJob) else None
        findings = self.doctor.watch(ended) if ended else []
        if ended is None:
            self.history.best_epoch = int(trainer.state.global_step)
        self.history.seconds += time.monotonic() - self.started
        self.started = time.monotonic()
        saved = keeping.Saved(self.model, place=trainer.state.save_to_json)
        at = ended.epoch if ended else self.history.best_epoch
        keeping.write(self.job.out, at, self.history.best_epoch, saved, trainer.optimizer, self.history.to_json(findings))
        if ended is not None:
            self.tell(ended)
        self.history.told(findings, self.tell)

    def _end_epoch(self, epoch: int) -> Epoch:
        loss, accuracy, margin = self.checked
        ended = self.history.end_epoch(epoch, loss, accuracy, margin)
        if self.history.best_epoch == epoch and accuracy is not None:
            self.history.held_out = {"pairs": self.pairs, "right": round(accuracy * self.pairs)}
        return ended

    def finish(self) -> None:
        """Put the best weights at the top, then the history; the history's presence says that all is there."""
        why = stopping.ending(self.job.settings, self.last, self.history.best_epoch)
        if why is not None:
            self.history.told([why], self.tell)
        self.history.seconds += time.monotonic() - self.started
        self.history.peak_memory_mb = peak_mb(self.policy.hardware.device)
        shutil.rmtree(self.job.out / "trainer", ignore_errors=True)
        checkpoints.finish(self.job.out, self.history.best_epoch, self.job.base.id, self.history.to_json())


def in_units(finding: Finding, unit: str) -> Finding:
    """A finding on checkpoints, which go by steps where there are no epochs."""
    return replace(finding, text=finding.text.replace("epoch", unit), remedy=finding.remedy.replace("epoch", unit))


def number(logs: dict[str, Any], name: str) -> float | None:
    """A figure of the log; None where it is absent or no number."""
    value = logs.get(name)
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def callback(recorder: Recorder) -> Any:
    """trl's end of the recorder: when it is told, when a checkpoint is due, and when training ends."""
    from transformers import TrainerCallback

    class Listening(TrainerCallback):
        def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **_: Any) -> None:
            recorder.logged(state, logs or {})

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if isinstance(recorder.job, GrpoJob):
                control.should_save = state.global_step % SAVE_EVERY == 0 or state.global_step == recorder.last
                control.should_training_stop = control.should_training_stop or state.global_step >= recorder.last

        def on_epoch_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if isinstance(recorder.job, DpoJob):
                control.should_save = True
                control.should_training_stop = control.should_training_stop or round(state.epoch) >= recorder.last

    return Listening()


def resumable(Trainer: Any, recorder: Recorder) -> Any:
    """trl's trainer class with our checkpoints in the place of its own."""

    class Resumable(Trainer):  # type: ignore[misc]
        def _save_checkpoint(self, *_: Any, **__: Any) -> None:
            recorder.save(self)

        def _load_from_checkpoint(self, *_: Any, **__: Any) -> None:
            """With the optimiser, below."""

        def _load_optimizer_and_scheduler(self, folder: str | None) -> None:
            if folder is None or recorder.found is None:
                return
            checkpoints.restore(recorder.found, keeping.Saved(self.model), self.optimizer)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # the schedule is told of steps that this process did not take
                for _ in range(self.state.global_step):
                    self.lr_scheduler.step()

        def _load_rng_state(self, folder: str | None) -> None:
            if folder is not None:
                keeping.put_random_state_back(Path(folder))

    return Resumable


def run(trainer: Any, recorder: Recorder) -> None:
    """Train, from the last whole checkpoint on if there is one, and write what came out."""
    from transformers import PrinterCallback

    trainer.remove_callback(PrinterCallback)
    found = recorder.found
    if found is None or found.epoch < recorder.last:
        trainer.train(resume_from_checkpoint=str(found.folder) if found else None)
    recorder.finish()
