"""The training loop: completion-only cross-entropy under `accelerate.Accelerator`, the same code on a CPU and on a GPU.

The frozen base is held in the number type that it will answer in, so that what is trained is what is evaluated; the trained
matrices and the optimiser are float32. Each step's loss is the mean over its supervised tokens, however it is cut into
micro-batches, so gradient accumulation changes no result. Test examples never come near this folder.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, NamedTuple

from core.errors import MethodError
from models import device
from models.memory import peak_mb, reset_peak
from models.transformers_backend import load_weights
from models.weights import locate
from training import checkpoints, early, packing, schedules
from training.batches import TokenBatch, collate, pieces, steps_of
from training.doctor import Doctor
from training.events import Epoch as Epoch
from training.events import Finding
from training.events import Step as Step
from training.facts import ends_of, row_facts
from training.history import History
from training.job import TrainingJob, TrainingRow, within
from training.peft_configs import kinds
from training.settings import TrainingSettings

if TYPE_CHECKING:
    import torch


SHORT_ROWS = 256


class Figures(NamedTuple):
    """Of one micro-batch: summed loss (a tensor with gradient), right predictions, supervised tokens."""

    loss: torch.Tensor
    correct: int
    tokens: int


class Mean(NamedTuple):
    """Of one step: loss per supervised token, share of tokens predicted right, supervised tokens."""

    loss: float
    token_accuracy: float
    tokens: int


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
        self.accelerator = Accelerator(cpu=hardware.device == "cpu", mixed_precision=precision)
        torch.manual_seed(job.settings.seed)
        base = load_weights(source, hardware)
        packing.refuse(job.settings, base.config)
        self.pad = int(base.config.eos_token_id if isinstance(base.config.eos_token_id, int) else 0)
        kind = kinds.get(job.kind)
        model = kind.wrap(base, job.settings)
        if kind.begin is not None:
            kind.begin(model, job.settings, [row.completion_ids[:-1] for row in rows])
        trainable = [p for p in model.parameters() if p.requires_grad]
        fused = hardware.device == "cuda"
        optimizer = torch.optim.AdamW(trainable, lr=job.settings.learning_rate, weight_decay=job.settings.weight_decay, fused=fused)
        self.model, self.optimizer = self.accelerator.prepare(model, optimizer)
        self.history = History(trainable_params=sum(p.numel() for p in trainable), left_out=left_out)
        self.trainable = trainable
        longest = max(row.length for row in job.train)
        self.doctor = Doctor(job.kind, job.settings, row_facts(rows, len(left_out), longest, ends_of(source.folder)))
        self.started = time.monotonic()

    def epochs(self) -> Iterator[Step | Epoch | Finding]:
        yield from self.told(self.doctor.begin())
        first = self.resume() + 1
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
        found = checkpoints.latest(self.job.out)
        if found is None:
            return 0
        checkpoints.restore(found, self.accelerator.unwrap_model(self.model), self.optimizer)
        self.history = History.from_json(found.state)
        for event in self.history.events():
            self.doctor.see(event)
        return found.epoch

    def one_epoch(self, epoch: int) -> Iterator[Step]:
        import torch

        settings, steps = self.settings, steps_of(self.rows, self.settings.batch_size, self.settings.seed, epoch)
        torch.manual_seed(settings.seed * 100_003 + epoch)
        self.model.train()
        total = len(steps) * settings.epochs
        for index, rows in enumerate(steps):
            begun = time.monotonic()
            number = (epoch - 1) * len(steps) + index + 1
            rate = learning_rate(number, total, settings)
            for group in self.optimizer.param_groups:
                group["lr"] = rate
            mean = self.step(rows)
            norm = float(self.accelerator.clip_grad_norm_(self.trainable, settings.max_grad_norm))
            self.optimizer.step()
            self.optimizer.zero_grad()
            yield Step(number, total, epoch, mean.loss, mean.token_accuracy, rate, norm, mean.tokens, time.monotonic() - begun)

    def step(self, rows: Sequence[TrainingRow]) -> Mean:
        """Gradients of the mean loss over all supervised tokens of these rows, however they are cut into micro-batches."""
        supervised = sum(len(row.completion_ids) for row in rows)
        loss, correct = 0.0, 0
        for batch in self.batches(rows):
            figures = self.figures(batch)
            mean = figures.loss / supervised
            self.accelerator.backward(mean)
            loss, correct = loss + float(mean.detach()), correct + figures.correct
        return Mean(loss, correct / supervised, supervised)

    def batches(self, rows: Sequence[TrainingRow]) -> list[TokenBatch]:
        """These rows, cut into what is computed at once."""
        at_once = self.settings.micro_batch_size
        if self.settings.packing:
            return [packing.packed(group) for group in packing.bins(rows, self.settings.pack_tokens, at_once)]
        return [collate(piece, self.pad) for piece in pieces(rows, at_once or len(rows))]

    def figures(self, batch: TokenBatch) -> Figures:
        """Summed cross-entropy over the answers' tokens; logits exist for the answers' columns only."""
        import torch

        self.attend(batch.input_ids.shape[1])
        place, answer, columns = self.accelerator.device, batch.labels.shape[1], batch.columns
        base = self.accelerator.unwrap_model(self.model).get_base_model()
        logits = self.model(
            input_ids=batch.input_ids.to(place),
            attention_mask=packing.mask_for(batch.attention_mask.to(place), base.config._attn_implementation, base.dtype),
            position_ids=batch.position_ids.to(place),
            use_cache=False,
            logits_to_keep=answer + 1 if columns is None else columns.to(place),
        ).logits
        logits = logits[:, :-1] if columns is None else logits
        labels = batch.labels.to(place)
        loss = torch.nn.functional.cross_entropy(logits.float().flatten(0, 1), labels.flatten(), reduction="sum")
        correct = int((logits.argmax(-1) == labels).sum())
        return Figures(loss, correct, batch.supervised)

    def loss_of(self, batch: TokenBatch) -> float:
        """Mean cross-entropy per token, without dropout and gradient."""
        import torch

        self.model.eval()
        with torch.no_grad():
            return float(self.figures(batch).loss) / batch.supervised

    def attend(self, width: int) -> None:
        """Take the attention that is fast for rows of this many tokens.

        PyTorch's fused attention on a CPU needs three to four times as long as plain matrix products for short rows, forward and backward
        together (8 rows of 90 tokens: 26 ms against 7 ms a layer on one core), and wins for long ones, where it also saves memory.
        """
        name = "eager" if self.accelerator.device.type == "cpu" and width <= SHORT_ROWS else "sdpa"
        base = self.accelerator.unwrap_model(self.model).get_base_model()
        if base.config._attn_implementation != name:
            base.set_attn_implementation(name)

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

    def save(self, epoch: int) -> None:
        """Write a checkpoint; of the others only the best epoch's is kept."""
        self.history.seconds += time.monotonic() - self.started
        self.started = time.monotonic()
        checkpoints.save(self.job.out, epoch, self.accelerator.unwrap_model(self.model), self.optimizer, self.history.to_json())
        checkpoints.keep_only(self.job.out, {epoch, self.history.best_epoch})

    def validate(self) -> tuple[float, float] | None:
        """Mean loss per supervised token and token accuracy on the validation rows."""
        import torch

        if not self.validation:
            return None
        self.model.eval()
        rows = sorted(self.validation, key=lambda row: (row.length, row.id))
        with torch.no_grad():
            parts = [self.figures(collate(piece, self.pad)) for piece in pieces(rows, self.settings.batch_size)]
        tokens = sum(part.tokens for part in parts)
        return sum(float(part.loss) for part in parts) / tokens, sum(part.correct for part in parts) / tokens

    def finish(self) -> None:
        self.history.seconds += time.monotonic() - self.started
        self.history.peak_memory_mb = peak_mb(self.accelerator.device.type)
        checkpoints.finish(self.job.out, self.history.best_epoch, self.job.base.id, self.history.to_json())


def learning_rate(step: int, total: int, settings: TrainingSettings) -> float:
    """The rate of a step of these settings; see `training.schedules`."""
    return schedules.rate(step, total, largest=settings.learning_rate, warmup_share=settings.warmup_share, schedule=settings.schedule)
