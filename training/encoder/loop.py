"""Tune a whole encoder with its head: cross-entropy over labels, AdamW, the epoch with the lowest validation loss kept.

The head begins as the best one on the untouched encoder's vectors, and then both are tuned: a head that begins at random would pull the encoder
about before it knows where to (linear probing, then fine-tuning; Kumar et al. 2022, arXiv:2202.10054).
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import torch

from core.errors import MethodError
from models import device
from models.encoder import EncoderClassifier
from models.memory import peak_mb, reset_peak
from training import checkpoints, early, schedules
from training.encoder import keeping
from training.encoder.doctor import EncoderDoctor, TextFacts
from training.encoder.events import Epoch as Epoch
from training.encoder.events import Step as Step
from training.encoder.job import EncoderJob, EncoderSettings, TextRow
from training.encoder.keeping import History
from training.events import Finding
from training.heads import Rows, cross_entropy, fit_best

MAX_GRAD_NORM = 1.0


def tune(job: EncoderJob) -> Iterator[Step | Epoch | Finding]:
    """Tune, yielding figures and findings as they come; writes weights and `training.json` into `job.out`.

    Continues from the last whole checkpoint in `job.out`. On one machine with the same threads, a continued run ends with the same weights as
    an uninterrupted one: the order of rows and the random state are functions of seed and epoch.

    Raises:
        MethodError: the loss is no longer a number, or early stopping has no validation rows to go by.
        ModelError: there is no such encoder.
    """
    if not keeping.is_finished(job.out):
        early.check(job.settings, len(job.validation))
        yield from Run(job).epochs()


class Run:
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
        cut = self.model.cut([row.text for row in job.train])
        self.history = History(trainable_params=sum(p.numel() for p in trained), cut_rows=cut)
        facts = TextFacts(len(job.train), cut, self.model.reads, len(job.labels), job.absent)
        self.doctor = EncoderDoctor(self.settings, facts)

    def label_weights(self) -> torch.Tensor:
        """What a row of each label counts: 1, or so much that all labels together count alike."""
        counts = torch.zeros(len(self.job.labels))
        for row in self.job.train:
            counts[row.label] += 1
        return counts.sum() / (len(counts) * counts) if self.settings.balance else torch.ones_like(counts)

    def epochs(self) -> Iterator[Step | Epoch | Finding]:
        yield from self.told(self.doctor.begin())
        first = self.resume() + 1
        yield from self.told(self.broken)
        for epoch in range(first, early.last_epoch(self.settings) + 1):
            if early.patience_over(self.history.epochs, self.settings.early_stopping):
                break
            losses: list[float] = []
            for step in self.one_epoch(epoch):
                found = self.told(self.doctor.watch(step))
                losses.append(step.loss)
                self.history.curves.append(asdict(step))
                yield step
                yield from found
            ended = self.end_epoch(epoch, sum(losses) / len(losses))
            found = self.told(self.doctor.watch(ended))
            self.save(epoch)
            yield ended
            yield from found
        if why := early.ending(self.settings, self.history.epochs, self.history.best_epoch):
            yield from self.told([why])
        self.history.seconds += time.monotonic() - self.started
        self.history.peak_memory_mb = peak_mb(self.device)
        keeping.finish(self.job.out, self.history)

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
        """The last finished epoch, with everything put back as it was; 0 for a fresh start, with the head that it begins with."""
        found, self.broken = checkpoints.find(self.job.out)
        if found is None:
            self.begin()
            return 0
        self.history = keeping.restore(found, self.model, self.optimizer)
        for event in self.history.events():
            self.doctor.watch(event)
        return found.epoch

    def begin(self) -> None:
        """The head that fits the untouched encoder best."""
        train, validation = (
            Rows(self.model.embedded([row.text for row in rows]), [row.label for row in rows])
            for rows in (self.job.train, self.job.validation)
        )
        if not np.isfinite(train.vectors).all():
            raise MethodError("The untrained encoder's vectors are no numbers.", EncoderDoctor.lost_at_once)
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
            rate = learning_rate(number, total, self.settings)
            for group in self.optimizer.param_groups:
                group["lr"] = rate
            loss, accuracy, norm = self.step(rows)
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
        """Validate, and remember the best epoch."""
        loss, accuracy = self.validate()
        ended = Epoch(epoch, train_loss, loss, accuracy)
        self.history.epochs.append(asdict(ended))
        measured = -float(epoch) if loss is None else loss  # without validation rows the last epoch counts
        if measured < self.history.best_loss:
            self.history.best_loss, self.history.best_epoch = measured, epoch
        return ended

    def save(self, epoch: int) -> None:
        """Write a checkpoint."""
        self.history.seconds += time.monotonic() - self.started
        self.started = time.monotonic()
        keeping.save(self.job.out, epoch, self.model, self.optimizer, self.history)

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


def learning_rate(step: int, total: int, settings: EncoderSettings) -> float:
    """The rate of a step of these settings; `step` counts from 1. See `training.schedules`."""
    most, warmup = settings.learning_rate, math.ceil(total * settings.warmup_share)
    if (
        settings.schedule == "linear" and step > warmup
    ):  # multiplied in this order ever since, so that weights stay the same to the last bit
        return most * (total - step + 1) / (total - warmup)
    return schedules.rate(step, total, largest=most, warmup_share=settings.warmup_share, schedule=settings.schedule)
