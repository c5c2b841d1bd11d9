"""The training loop: completion-only cross-entropy under `accelerate.Accelerator`, the same code on a CPU and on a GPU.

The frozen base is held in the number type that it will answer in, so that what is trained is what is evaluated; the trained
matrices and the optimiser are float32. Each step's loss is the mean over its supervised tokens, however it is cut into
micro-batches, so gradient accumulation changes no result. Test examples never come near this folder.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, NamedTuple

from core.errors import MethodError
from models import device
from models.memory import peak_mb, reset_peak
from models.text_codec import start_id
from models.weights import locate
from training import checkpoints, early, forward, packing, processes, recompute, rehearsal, schedules, sharding
from training.batches import TokenBatch, pieces, steps_of
from training.doctor import Doctor
from training.events import Epoch as Epoch
from training.events import Finding
from training.events import Step as Step
from training.facts import ends_of, row_facts
from training.history import History
from training.job import TrainingJob, TrainingRow, within
from training.peft_configs import kinds
from training.pull import Pull
from training.seq2seq import Seq2SeqBatch
from training.settings import TrainingSettings

if TYPE_CHECKING:
    import torch


class Figures(NamedTuple):
    """Of one micro-batch: summed loss (a tensor with gradient), right predictions, supervised tokens."""

    loss: torch.Tensor
    correct: int
    tokens: int


class Mean(NamedTuple):
    """Of one step: loss per supervised token, share of tokens predicted right, supervised tokens; the general rows' loss with rehearsal."""

    loss: float
    token_accuracy: float
    tokens: int
    general_loss: float | None = None


def train(job: TrainingJob) -> Iterator[Step | Epoch | Finding]:
    """Train, yielding figures and findings as they come; writes weights and `training.json` into `job.out`.

    Continues from the last whole checkpoint in `job.out`. On one machine with the same threads, a continued run ends with the
    same weights as an uninterrupted one: the order of rows and the random state are functions of seed and epoch.

    Raises:
        MethodError: no row fits `max_tokens`, nothing is supervised, or the loss is no longer a number.
    """
    if checkpoints.is_finished(job.out):
        return
    rows, left_out = within(job.train, job.settings.max_tokens)
    if not rows:
        shortest = min(row.length for row in job.train)
        raise MethodError(
            f"max_tokens must fit at least one training row; it is {job.settings.max_tokens} and the shortest row has {shortest}.",
            "Raise it.",
        )
    validation = within(job.validation, job.settings.max_tokens).kept
    early.check(job.settings, len(validation))
    run = _Run(job, rows, validation, [*job.left_out, *left_out])
    yield from run.epochs()


class _Run:
    """The state of one training run."""

    def __init__(self, job: TrainingJob, rows: Sequence[TrainingRow], validation: Sequence[TrainingRow], left_out: list[str]) -> None:
        import torch
        from accelerate import Accelerator

        reset_peak(device.choose(job.base.dtype, job.base.threads).device)  # a child begins with its parent's peak
        self.job, self.settings, self.rows, self.validation = job, job.settings, rows, validation
        source = locate(job.base.id, job.base.revision, job.models_home)
        hardware = device.choose(job.base.dtype, job.base.threads)
        torch.set_num_threads(hardware.threads)
        precision = {"bfloat16": "bf16", "float16": "fp16"}.get(hardware.dtype, "no")
        on_cpu = hardware.device == "cpu"
        self.sharded = sharding.asked()
        self.accelerator = Accelerator(cpu=on_cpu, mixed_precision=precision, kwargs_handlers=processes.wrapping())
        torch.manual_seed(job.settings.seed)
        kind = kinds.get(job.kind)
        base = kind.load(source, hardware, job.base.weights)
        packing.refuse(job.settings, base.config)
        self.pad = int(base.config.eos_token_id if isinstance(base.config.eos_token_id, int) else 0)
        self.start = start_id(base.config) if base.config.is_encoder_decoder else None
        model = kind.wrap(base, job.settings)
        if kind.begin is not None:
            kind.begin(model, job.settings, [row.completion_ids[:-1] for row in rows])
        at_once = job.settings.micro_batch_size or job.settings.batch_size
        recomputed = recompute.turn_on(model.get_base_model(), model, job.settings.gradient_checkpointing, rows, at_once)
        self.general = rehearsal.fitting(job.general, job.settings)
        if self.sharded:
            sharding.cut(model, job.kind, self.accelerator.device.type)
        trainable = [p for p in model.parameters() if p.requires_grad]
        fused = hardware.device == "cuda"
        optimizer = torch.optim.AdamW(trainable, lr=job.settings.learning_rate, weight_decay=job.settings.weight_decay, fused=fused)
        self.model = self.accelerator.prepare_model(model, evaluation_mode=self.sharded)  # otherwise wrapped where processes are several
        self.optimizer = self.accelerator.prepare_optimizer(optimizer)
        trained = sum(p.numel() for p in trainable)
        self.history = History(trainable_params=trained, left_out=left_out, gradient_checkpointing=recomputed)
        self.trainable = trainable
        longest = max(row.length for row in job.train)
        facts = row_facts(rows, len(left_out), longest, ends_of(source.folder, job.models_home))
        facts = facts._replace(checked=len(validation), unchecked=len(job.validation) - len(validation))
        self.doctor = Doctor(job.kind, job.settings, facts)
        self.pull = Pull(model, job.settings.weight_decay_to_base)
        self.started = time.monotonic()

    def epochs(self) -> Iterator[Step | Epoch | Finding]:
        yield from self.told(self.doctor.begin())
        first = self.resume() + 1
        yield from self.told(self.broken)
        if self.settings.packing:
            packing.check(self.rows, self.loss_of)
        for epoch in range(first, early.last_epoch(self.settings) + 1):
            if early.patience_over(self.history.epochs, self.settings.early_stopping):
                break
            losses: list[tuple[float, int]] = []
            for step in self.one_epoch(epoch):
                found = self.told(self.doctor.see(step))
                losses.append((step.loss * step.tokens, step.tokens))
                self.history.curves.append(asdict(step))
                yield step
                yield from found
            mean = sum(loss for loss, _ in losses) / sum(tokens for _, tokens in losses)
            ended = self.end_epoch(epoch, mean)
            found = self.told(self.doctor.see(ended))
            self.save(epoch)
            yield ended
            yield from found
        if why := early.ending(self.settings, self.history.epochs, self.history.best_epoch):
            yield from self.told([why])
        self.finish()

    def told(self, findings: Sequence[Finding]) -> Sequence[Finding]:
        """Remember what the doctor said.

        Raises:
            MethodError: going on would be of no use.
        """
        for finding in findings:
            if finding.fatal:
                raise MethodError(finding.text, finding.remedy)
            self.history.add(finding)
        return findings

    def resume(self) -> int:
        """The last finished epoch, with everything put back as it was; 0 for a fresh start."""
        with self.accelerator.main_process_first():
            found, self.broken = checkpoints.find(self.job.out)
        if found is None:
            return 0
        checkpoints.restore(found, *self.whole())
        self.history = History.from_json(found.state)
        for event in self.history.events():
            self.doctor.see(event)
        return found.epoch

    def one_epoch(self, epoch: int) -> Iterator[Step]:
        import torch

        settings, steps = self.settings, steps_of(self.rows, self.settings.batch_size, self.settings.seed, epoch)
        torch.manual_seed(settings.seed * 100_003 + epoch + 1_000_003 * self.accelerator.process_index)
        self.model.train()
        total = len(steps) * settings.epochs
        size = rehearsal.rows_a_step(settings.batch_size, settings.rehearsal_alpha)
        general = rehearsal.batches(self.general, len(steps), size, settings.seed, epoch)
        for index, rows in enumerate(steps):
            begun = time.monotonic()
            number = (epoch - 1) * len(steps) + index + 1
            rate = learning_rate(number, total, settings)
            for group in self.optimizer.param_groups:
                group["lr"] = rate
            mean = self.step(rows, general[index])
            norm = float(sharding.plain(self.accelerator.clip_grad_norm_(self.trainable, settings.max_grad_norm)))
            self.optimizer.step()
            self.pull.apply(rate)
            self.optimizer.zero_grad()
            seconds = time.monotonic() - begun
            yield Step(number, total, epoch, mean.loss, mean.token_accuracy, rate, norm, mean.tokens, seconds, mean.general_loss)

    def step(self, rows: Sequence[TrainingRow], general: Sequence[TrainingRow] = ()) -> Mean:
        """Gradients of one step: of the task rows' mean loss, and with rehearsal of alpha * general + (1 - alpha) * task."""
        if not general:
            return self.accumulate(rows)
        task = self.accumulate(rows, 1 - self.settings.rehearsal_alpha)
        return task._replace(general_loss=self.accumulate(general, self.settings.rehearsal_alpha).loss)

    def accumulate(self, rows: Sequence[TrainingRow], weight: float = 1.0) -> Mean:
        """Gradients, times `weight`, of the mean loss over all supervised tokens of these rows, however they are cut into micro-batches."""
        supervised = sum(len(row.completion_ids) for row in rows)
        loss, correct = 0.0, 0.0
        for part in self.share(rows, forward.cutter(self.settings)):
            with contextlib.nullcontext() if part.last else self.accelerator.no_sync(self.model):
                figures = self.figures(forward.batch_of(part.rows, self.settings.packing, self.pad, self.start))
                mean = figures.loss / supervised * part.counts
                self.accelerator.backward(weight * mean * self.accelerator.num_processes)  # their gradients are averaged
            loss, correct = loss + float(mean.detach()), correct + figures.correct * part.counts
        loss, correct = processes.summed(self.accelerator, loss, correct)
        return Mean(loss, correct / supervised, supervised)

    def share(self, rows: Sequence[TrainingRow], cut: Callable[[processes.Rows], Sequence[processes.Rows]]) -> list[processes.Part]:
        """What this process computes of these rows."""
        return processes.share(rows, cut, self.accelerator.process_index, self.accelerator.num_processes)

    def figures(self, batch: TokenBatch | Seq2SeqBatch) -> Figures:
        """Summed cross-entropy over the answers' tokens; logits exist for the answers' columns only."""
        import torch

        base = self.accelerator.unwrap_model(self.model).get_base_model()
        forward.attend(base, self.accelerator.device.type, batch.input_ids.shape[1])
        logits = forward.logits_of(self.model, base, batch, self.accelerator.device)
        labels = batch.labels.to(self.accelerator.device)
        loss = torch.nn.functional.cross_entropy(logits.float().flatten(0, 1), labels.flatten(), reduction="sum")
        correct = int((logits.argmax(-1) == labels).sum())
        return Figures(loss, correct, batch.supervised)

    def loss_of(self, batch: TokenBatch) -> float:
        """Mean cross-entropy per token, without dropout and gradient."""
        import torch

        self.model.eval()
        with torch.no_grad():
            return float(self.figures(batch).loss) / batch.supervised

    def end_epoch(self, epoch: int, train_loss: float) -> Epoch:
        """Validate, and remember the best epoch."""
        valid = self.validate()
        ended = Epoch(epoch, train_loss, valid[0] if valid else None, valid[1] if valid else None)
        self.history.epochs.append(asdict(ended))
        measured = (
            ended.validation_loss if ended.validation_loss is not None else -float(epoch)
        )  # without validation rows the last epoch counts
        if measured < self.history.best_loss:
            self.history.best_loss, self.history.best_epoch = measured, epoch
        return ended

    def whole(self) -> tuple[Any, Any]:
        """Model and optimiser as checkpoints are written from and read into."""
        model = self.accelerator.unwrap_model(self.model)
        return (sharding.WholeModel(model), sharding.WholeOptimizer(self.optimizer)) if self.sharded else (model, self.optimizer)

    def save(self, epoch: int) -> None:
        """Write a checkpoint, and drop those that nothing needs."""
        self.history.seconds += time.monotonic() - self.started
        self.started = time.monotonic()
        whole = self.whole()
        if self.accelerator.is_main_process:
            checkpoints.save(self.job.out, epoch, *whole, self.history.to_json())
            checkpoints.keep_needed(self.job.out, epoch, self.history.best_epoch)
        self.accelerator.wait_for_everyone()

    def validate(self) -> tuple[float, float] | None:
        """Mean loss per supervised token and token accuracy on the validation rows."""
        import torch

        if not self.validation:
            return None
        self.model.eval()
        rows = sorted(self.validation, key=lambda row: (row.length, row.id))
        with torch.no_grad():
            parts = self.share(rows, lambda mine: pieces(mine, self.settings.batch_size))
            found = [(self.figures(forward.batch_of(part.rows, False, self.pad, self.start)), part.counts) for part in parts]
        sums = (sum(float(each.loss) * counts for each, counts in found), sum(each.correct * counts for each, counts in found))
        loss, correct = processes.summed(self.accelerator, *sums)
        tokens = sum(len(row.completion_ids) for row in rows)
        return loss / tokens, correct / tokens

    def finish(self) -> None:
        self.history.seconds += time.monotonic() - self.started
        self.history.peak_memory_mb = peak_mb(self.accelerator.device.type)
        if self.accelerator.is_main_process:
            checkpoints.finish(self.job.out, self.history.best_epoch, self.job.base.id, self.history.to_json())
        self.accelerator.wait_for_everyone()


def learning_rate(step: int, total: int, settings: TrainingSettings) -> float:
    """The rate of a step of these settings; see `training.schedules`."""
    return schedules.rate(step, total, largest=settings.learning_rate, warmup_share=settings.warmup_share, schedule=settings.schedule)
