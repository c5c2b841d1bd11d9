"""Tune a whole encoder with its head: cross-entropy over labels, AdamW, the epoch with the lowest validation loss kept.

The head begins as the best one on the untouched encoder's vectors, and then both are tuned: a head that begins at random would pull the encoder
about before it knows where to (linear probing, then fine-tuning; Kumar et al. 2022, arXiv:2202.10054).
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch

from core.errors import MethodError
from models import device
from models.encoder import EncoderClassifier
from models.memory import peak_mb, reset_peak
from training.encoder import keeping
from training.encoder.job import EncoderJob, TextRow
from training.encoder.keeping import History
from training.heads import Rows, cross_entropy, fit_best

MAX_GRAD_NORM = 1.0


@dataclass(frozen=True)
class Step:
    """One optimiser step. `loss` is the mean cross-entropy per row in nats, weighed by label where the labels are balanced."""

    step: int
    steps: int
    epoch: int
    loss: float
    accuracy: float
    learning_rate: float
    grad_norm: float
    seconds: float


@dataclass(frozen=True)
class Epoch:
    """The end of an epoch. Validation figures are None without validation rows."""

    epoch: int
    train_loss: float
    validation_loss: float | None
    validation_accuracy: float | None


def tune(job: EncoderJob) -> Iterator[Step | Epoch]:
    """Tune, yielding figures as they come; writes weights and `training.json` into `job.out`.

    Continues from the last whole checkpoint in `job.out`. On one machine with the same threads, a continued run ends with the same weights as
    an uninterrupted one: the order of rows and the random state are functions of seed and epoch.

    Raises:
        MethodError: the loss is no longer a number.
        ModelError: there is no such encoder.
    """
    if not keeping.is_finished(job.out):
        yield from _Run(job).epochs()


class _Run:
    """The state of one run."""

    def __init__(self, job: EncoderJob) -> None:
        hardware = device.choose("float32", job.threads)
        reset_peak(hardware.device)  # a child begins with its parent's peak
        self.job, self.settings, self.device = job, job.settings, hardware.device
        self.started = time.monotonic()
        torch.manual_seed(self.settings.seed)
        self.model = EncoderClassifier(job.embedder, job.models_home, len(job.labels), hardware)
        trained = list(self.model.parameters())
        self.optimizer = torch.optim.AdamW(trained, lr=self.settings.learning_rate, weight_decay=self.settings.weight_decay)
        self.weights = self.label_weights().to(hardware.device)
        self.history = History(trainable_params=sum(p.numel() for p in trained), cut_rows=self.model.cut([row.text for row in job.train]))

    def label_weights(self) -> torch.Tensor:
        """What a row of each label counts: 1, or so much that all labels together count alike."""
        counts = torch.zeros(len(self.job.labels))
        for row in self.job.train:
            counts[row.label] += 1
        return counts.sum() / (len(counts) * counts) if self.settings.balance else torch.ones_like(counts)

    def epochs(self) -> Iterator[Step | Epoch]:
        found = keeping.latest(self.job.out)
        if found is None:
            self.begin()
        else:
            self.history = keeping.restore(found, self.model, self.optimizer)
        for epoch in range((found.epoch if found else 0) + 1, self.settings.epochs + 1):
            losses: list[float] = []
            for step in self.one_epoch(epoch):
                losses.append(step.loss)
                self.history.curves.append(asdict(step))
                yield step
            yield self.end_epoch(epoch, sum(losses) / len(losses))
        self.history.seconds += time.monotonic() - self.started
        self.history.peak_memory_mb = peak_mb(self.device)
        keeping.finish(self.job.out, self.history)

    def begin(self) -> None:
        """The head that fits the untouched encoder best."""
        train, validation = (
            Rows(self.model.embedded([row.text for row in rows]), [row.label for row in rows])
            for rows in (self.job.train, self.job.validation)
        )
        fitted = fit_best(train, validation, len(self.job.labels), None, self.settings.balance)
        with torch.no_grad():
            self.model.head.weight.copy_(torch.from_numpy(fitted.head.weights))
            self.model.head.bias.copy_(torch.from_numpy(fitted.head.bias))
        self.history.begun = next(tried for tried in fitted.tried if tried.penalty == fitted.penalty).to_json()

    def one_epoch(self, epoch: int) -> Iterator[Step]:
        batches = batches_of(self.job.train, self.settings.batch_size, self.settings.seed, epoch)
        torch.manual_seed(self.settings.seed * 100_003 + epoch)
        total = len(batches) * self.settings.epochs
        for index, rows in enumerate(batches):
            begun, number = time.monotonic(), (epoch - 1) * len(batches) + index + 1
            rate = learning_rate(number, total, self.settings.learning_rate, self.settings.warmup_share)
            for group in self.optimizer.param_groups:
                group["lr"] = rate
            loss, accuracy, norm = self.step(rows)
            if not math.isfinite(loss) or not math.isfinite(norm):
                raise MethodError(f"The training loss is no longer a number at step {number}.", "Lower learning_rate.")
            yield Step(number, total, epoch, loss, accuracy, rate, norm, time.monotonic() - begun)

    def step(self, rows: Sequence[TextRow]) -> tuple[float, float, float]:
        """Loss, share of rows that were right, and length of the gradient."""
        self.model.train()
        labels = torch.tensor([row.label for row in rows], device=self.device)
        logits = self.model([row.text for row in rows])
        loss = torch.nn.functional.cross_entropy(logits, labels, weight=self.weights)
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), MAX_GRAD_NORM)
        self.optimizer.step()
        return float(loss.detach()), float((logits.argmax(1) == labels).float().mean()), float(norm)

    def end_epoch(self, epoch: int, train_loss: float) -> Epoch:
        """Validate, remember the best epoch, write a checkpoint."""
        loss, accuracy = self.validate()
        ended = Epoch(epoch, train_loss, loss, accuracy)
        self.history.epochs.append(asdict(ended))
        measured = -float(epoch) if loss is None else loss  # without validation rows the last epoch counts
        if measured < self.history.best_loss:
            self.history.best_loss, self.history.best_epoch = measured, epoch
        self.history.seconds += time.monotonic() - self.started
        self.started = time.monotonic()
        keeping.save(self.job.out, epoch, self.model, self.optimizer, self.history)
        return ended

    def validate(self) -> tuple[float | None, float | None]:
        """Mean cross-entropy and accuracy on the validation rows."""
        rows: Sequence[Any] = self.job.validation
        if not rows:
            return None, None
        found, classes = self.model.probabilities([row.text for row in rows]), [row.label for row in rows]
        return cross_entropy(found, classes), float((found.argmax(axis=1) == classes).mean())


def batches_of(rows: Sequence[TextRow], batch_size: int, seed: int, epoch: int) -> list[list[TextRow]]:
    """The rows of each step of one epoch, shuffled. A function of its arguments alone."""
    order = sorted(rows, key=lambda row: row.id)
    random.Random(f"{seed}/{epoch}").shuffle(order)
    return [order[i : i + batch_size] for i in range(0, len(order), batch_size)]


def learning_rate(step: int, total: int, most: float, warmup_share: float) -> float:
    """Rises in a line over the warm-up, then falls in a line and would reach 0 one step after the last. `step` counts from 1."""
    warmup = math.ceil(total * warmup_share)
    return most * step / warmup if step <= warmup else most * (total - step + 1) / (total - warmup)
